import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChunkOptions, PerplexityAccumulator, planChunks } from '../../src/measure/perplexity.ts';
import { QuantscopeError, UsageError } from '../../src/util/errors.ts';

const BOS = 1;
const reference: { chunks: number; contextSize: number; variants: Record<string, { ppl: number }> } =
  JSON.parse(readFileSync(new URL('../../fixtures/nano/reference.json', import.meta.url), 'utf8'));

describe('the chunks of a text', () => {
  const options: ChunkOptions = { contextSize: 4, chunks: null, bosToken: BOS, addBos: true };

  it('begin with BOS, which has pushed the text on by one, and drop the tail', () => {
    const { chunks, firstScored } = planChunks(Uint32Array.from([10, 11, 12, 13, 14, 15, 16, 17]), options);
    expect(chunks.map((chunk) => [...chunk])).toEqual([
      [BOS, 10, 11, 12],
      [BOS, 14, 15, 16],
    ]);
    expect(firstScored).toBe(2);
  });

  it('are the bare text when the model adds no BOS', () => {
    const tokens = Uint32Array.from([10, 11, 12, 13, 14, 15, 16, 17, 18]);
    const { chunks } = planChunks(tokens, { ...options, addBos: false });
    expect(chunks.map((chunk) => [...chunk])).toEqual([
      [10, 11, 12, 13],
      [14, 15, 16, 17],
    ]);
  });

  it('are as many as asked for, or as the text has', () => {
    const tokens = new Uint32Array(100);
    expect(planChunks(tokens, { ...options, chunks: 3 }).chunks).toHaveLength(3);
    expect(planChunks(tokens, { ...options, chunks: 99 }).chunks).toHaveLength(25);
  });

  it('leave 255 positions of 512 to score: 7,395 in the 29 chunks of the nano text', () => {
    const { chunks, firstScored } = planChunks(new Uint32Array(512 * reference.chunks + 300), {
      ...options,
      contextSize: reference.contextSize,
    });
    expect(chunks).toHaveLength(29);
    expect(chunks.length * (reference.contextSize - 1 - firstScored)).toBe(7395);
  });

  it('equal llama-perplexity’s, done its way: BOS, cut, overwrite', () => {
    fc.assert(
      fc.property(
        fc.uint32Array({ minLength: 20, maxLength: 200 }),
        fc.integer({ min: 3, max: 10 }),
        fc.option(fc.integer({ min: 1, max: 30 })),
        fc.boolean(),
        (tokens, contextSize, chunks, addBos) => {
          const all = addBos ? [BOS, ...tokens] : [...tokens];
          const expected: number[][] = [];
          for (let start = 0; start + contextSize <= all.length; start += contextSize) {
            const chunk = all.slice(start, start + contextSize);
            if (addBos) chunk[0] = BOS;
            expected.push(chunk);
          }
          const plan = planChunks(tokens, { contextSize, chunks, bosToken: BOS, addBos });
          expect(plan.chunks.map((chunk) => [...chunk])).toEqual(expected.slice(0, chunks ?? undefined));
          expect(plan.firstScored).toBe(Math.floor(contextSize / 2));
        },
      ),
    );
  });

  it('are refused when the text is shorter than two, naming the tokens and the flags', () => {
    const plan = () => planChunks(new Uint32Array(1022), { ...options, contextSize: 512 });
    expect(plan).toThrow(UsageError);
    expect(plan).toThrow('the text has 1,023 tokens, need at least 1,024: 2 chunks of 512');
    expect(hintOf(plan)).toMatch(/--text.*--context/);
    expect(planChunks(new Uint32Array(1023), { ...options, contextSize: 512 }).chunks).toHaveLength(2);
  });

  it('are refused in a context that leaves nothing to score, and in numbers that are none', () => {
    expect(() => planChunks(new Uint32Array(100), { ...options, contextSize: 2 })).toThrow(UsageError);
    expect(() => planChunks(new Uint32Array(100), { ...options, contextSize: 7.5 })).toThrow(UsageError);
    expect(() => planChunks(new Uint32Array(100), { ...options, chunks: 0 })).toThrow(
      'got 0 chunks, need at least 1',
    );
  });

  it('are refused when the model adds a BOS it does not have', () => {
    expect(() => planChunks(new Uint32Array(100), { ...options, bosToken: null })).toThrow(QuantscopeError);
    expect(
      planChunks(new Uint32Array(100), { ...options, bosToken: null, addBos: false }).chunks,
    ).toHaveLength(25);
  });
});

describe('perplexity', () => {
  it('of a fair choice among four is 4, without error', () => {
    expect(perplexityOf([0.25, 0.25, 0.25])).toEqual({
      value: 4,
      stderr: 0,
      chunks: 1,
      tokens: 3,
      contextSize: 512,
    });
  });

  it('and its error are llama-perplexity’s formulas', () => {
    // Losses ln 2 and 3 ln 2: mean 2 ln 2, E[nll²] - E[nll]² = ln² 2, and N - 1 = 1.
    const { value, stderr } = perplexityOf([1 / 2, 1 / 8]);
    expect(value).toBeCloseTo(4, 12);
    expect(stderr).toBeCloseTo(4 * Math.LN2, 12);
  });

  it('does not depend on how the text is cut into chunks', () => {
    const probabilities = fc.array(fc.double({ min: 1e-9, max: 1, noNaN: true }), { minLength: 2 });
    fc.assert(
      fc.property(probabilities, fc.nat(), (list, at) => {
        const cut = at % list.length;
        const whole = perplexityOf(list);
        const parts = perplexityOf(list.slice(0, cut), list.slice(cut));
        expect(parts).toEqual({ ...whole, chunks: 2 });
        const losses = list.map((p) => -Math.log(p));
        const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
        const variance = losses.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / losses.length;
        expect(whole.value / Math.exp(mean)).toBeCloseTo(1, 10);
        expect(whole.stderr / whole.value).toBeCloseTo(Math.sqrt(variance / (losses.length - 1)), 10);
      }),
    );
  });

  it('refuses what is no logarithm of a probability, and says where', () => {
    const accumulator = new PerplexityAccumulator(512);
    accumulator.add(Float64Array.of(-1, -2));
    expect(() => accumulator.add(Float64Array.of(-1, Number.NEGATIVE_INFINITY))).toThrow(
      'ln p is -Infinity at scored position 1 of chunk 2, expected a finite number',
    );
  });

  it('needs two positions to give its error', () => {
    expect(() => perplexityOf([0.5])).toThrow('1 scored positions, need at least 2');
  });
});

function perplexityOf(...chunks: readonly (readonly number[])[]) {
  const accumulator = new PerplexityAccumulator(512);
  for (const probabilities of chunks) accumulator.add(Float64Array.from(probabilities, Math.log));
  return accumulator.finish();
}

function hintOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof QuantscopeError) return thrown.hint;
  }
  return undefined;
}
