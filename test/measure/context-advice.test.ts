import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adviseContext, largestWithin, withinWhatWorked } from '../../src/measure/context-advice.ts';
import { isAvailable, unavailableBecause } from '../../src/schema/availability.ts';
import type { CacheTypeResult, ContextResults, ContextRow, DepthRow } from '../../src/schema/context.ts';

describe('largestWithin', () => {
  it('is the largest step that fits, for any line of memory over context', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10_000 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 300_000 }),
        fc.integer({ min: 16, max: 20_000 }),
        (fixed, slope, budget, limit) => {
          const bytes = (contextSize: number) => fixed + slope * Math.ceil(contextSize / 256) * 256;
          const found = largestWithin(bytes, budget, limit);
          const sizes = Array.from({ length: Math.ceil(limit / 256) }, (_, i) =>
            Math.min(limit, 256 * (i + 1)),
          );
          const expected = sizes.findLast((size) => bytes(size) <= budget);
          expect(isAvailable(found) ? found.contextSize : undefined).toBe(expected);
        },
      ),
    );
  });

  it('says what even the smallest takes', () => {
    expect(largestWithin(() => 2048, 1024, 512)).toMatchObject({
      reason: 'even 256 tokens take 2.0 KiB, more than 1.0 KiB',
    });
  });
});

function type(cacheType: string, contextSize: number, meanKld: number | null): CacheTypeResult {
  return {
    cacheType,
    kvBytesPerToken: 1,
    kvBytesPerTokenBeyondWindows: 1,
    accuracy:
      meanKld === null
        ? unavailableBecause('not asked for')
        : {
            contextSize: 512,
            chunks: 8,
            perplexity: 6,
            perplexityIncrease: meanKld / 10,
            meanKld,
            stderrKld: 0,
            sameTop: 0.99,
          },
    largest: { contextSize, totalBytes: 1e9 },
  };
}

function advice(...cacheTypes: CacheTypeResult[]) {
  return advised(null, ...cacheTypes);
}

function advised(stretched: ContextResults['stretched'], ...cacheTypes: CacheTypeResult[]) {
  return advisedAt([], stretched, ...cacheTypes);
}

function advisedAt(
  depths: DepthRow[],
  stretched: ContextResults['stretched'],
  ...cacheTypes: CacheTypeResult[]
) {
  const model: ContextResults['model'] = {
    ref: 'm',
    name: null,
    architecture: 'phi3',
    quantization: 'Q4_K_M',
    parameters: 1,
    sizeBytes: 1,
    contextLength: 4096,
  };
  const found = adviseContext({
    rows: [],
    cacheTypes,
    depths,
    budget: { bytes: 3e9, basis: 'asked' },
    model,
    stretched,
  });
  return isAvailable(found) ? found : null;
}

describe('a loss measured with contexts full', () => {
  const at = (depth: number, cacheType: string, meanKld: number, found = 8, pValue = 1): DepthRow => ({
    depth,
    cacheType,
    measured: {
      positions: 256,
      perplexity: 6,
      perplexityIncrease: 0,
      meanKld,
      stderrKld: 0,
      maxKld: 1,
      sameTop: 0.99,
      needles: { found, total: 8, pValue, facts: [] },
    },
  });
  const types = [type('f16', 1024, 0), type('q8_0', 4096, 0.001)] as const;

  it('is told at the greatest depth within the context that is advised', () => {
    const small = advisedAt([at(2048, 'q8_0', 0.002), at(4096, 'q8_0', 0.003, 7)], null, ...types);
    expect(small).toMatchObject({ contextSize: 4096, cacheType: 'q8_0' });
    expect(small?.sentence).toContain('mean KLD 0.0030 and 7 of 8 hidden facts known when 4,096 are full');
    const precise = advisedAt([at(1024, 'f16', 0, 5)], null, type('f16', 1024, 0));
    expect(precise?.sentence).toContain('5 of 8 hidden facts known when 1,024 are full');
  });

  it('ends a type’s context where it is no longer small, or where facts are lost beyond chance', () => {
    for (const lossy of [at(4096, 'q8_0', 0.02), at(4096, 'q8_0', 0.002, 1, 0.0156)]) {
      const found = advisedAt([at(2048, 'q8_0', 0.002), lossy], null, ...types);
      expect(found).toMatchObject({ contextSize: 2048, cacheType: 'q8_0' });
      expect(found?.sentence).toContain('not the 4,096 that fit, at which more is lost');
    }
    // Nothing is left of it where the first depth is bad; f16 loses nothing to itself.
    const none = advisedAt([at(2048, 'q8_0', 0.02), at(1024, 'f16', 0.02)], null, ...types);
    expect(none).toMatchObject({ contextSize: 1024, cacheType: 'f16' });
  });

  it('may be by chance: two facts fewer of eight are no reason', () => {
    const found = advisedAt([at(4096, 'q8_0', 0.002, 6, 0.5)], null, ...types);
    expect(found?.contextSize).toBe(4096);
  });
});

describe('a cache type that failed', () => {
  const row = (contextSize: number, message: string | null): ContextRow => {
    const estimated = {
      weightsBytes: 1,
      kvBytes: 1,
      computeBytes: 1,
      totalBytes: contextSize,
      basis: 'header',
    } as const;
    const absent = unavailableBecause('not measured');
    return {
      contextSize,
      cacheType: 'q8_0',
      flashAttention: 'on',
      estimated,
      fits: true,
      measured:
        message === null
          ? { totalBytes: 1, weightsBytes: 1, kvBytes: 1, computeBytes: 1, peakRssBytes: 1 }
          : absent,
      loadMs: absent,
      prompt: absent,
      generationAtDepth: absent,
      failure: message === null ? null : { code: 'engine/context-failed', message },
    } as ContextRow;
  };

  it('is not said to hold what the estimate would allow', () => {
    const q8 = type('q8_0', 4096, null);
    expect(withinWhatWorked(q8, [row(512, 'refused')]).largest).toEqual(
      unavailableBecause('a context of 512 tokens failed: refused'),
    );
    expect(withinWhatWorked(q8, [row(512, null), row(1024, 'refused')]).largest).toEqual({
      contextSize: 512,
      totalBytes: 512,
    });
    expect(withinWhatWorked(q8, [row(512, null)])).toEqual(q8);
  });
});

describe('adviseContext', () => {
  it('keeps f16 where it holds all that the model was trained for', () => {
    const chosen = advice(type('f16', 4096, 0), type('q8_0', 4096, 0.001));
    expect(chosen?.cacheType).toBe('f16');
    expect(chosen?.sentence).toContain('4,096 tokens, all that the model was trained for, with an f16 cache');
  });

  it('takes a less precise cache for a quarter more context, if its measured loss is small', () => {
    expect(advice(type('f16', 2048, 0), type('q8_0', 2304, 0.001))?.cacheType).toBe('f16');
    const chosen = advice(type('f16', 2048, 0), type('q8_0', 3840, 0.001), type('q4_0', 4096, 0.02));
    expect(chosen?.cacheType).toBe('q8_0');
    expect(chosen?.sentence).toContain('where f16 holds 2,048 tokens');
    expect(chosen?.sentence).toContain('+0.01 % perplexity (mean KLD 0.0010)');
  });

  it('keeps to the original length where the long rope factors cost more than a little', () => {
    const stretched = (perplexityIncrease: number) => ({
      contextSize: 4096,
      cacheType: 'f16',
      chunks: 4,
      perplexity: 21.2,
      perplexityIncrease,
      unstretched: 512,
    });
    const kept = advised(stretched(2.4), type('f16', 4096, 0));
    expect(kept?.contextSize).toBe(512);
    expect(kept?.sentence).toBe(
      'Use 512 tokens with an f16 cache: in a larger context all positions get the long rope factors, and at 4,096 ' +
        'perplexity is 21.2 on the same text, +240.00 %.',
    );
    const harmless = advised(stretched(0.004), type('f16', 4096, 0));
    expect(harmless?.contextSize).toBe(4096);
    expect(harmless?.sentence).toContain('+0.40 % perplexity with the long rope factors that it gets');
    expect(harmless?.sentence).not.toContain('nothing lost');
  });

  it('does not recommend a type whose loss nobody measured', () => {
    expect(advice(type('f16', 2048, 0), type('q8_0', 4096, null))?.cacheType).toBe('f16');
    expect(advice(type('q8_0', 4096, null))).toBeNull();
  });
});
