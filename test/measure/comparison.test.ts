import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { compareVariants } from '../../src/measure/comparison.ts';
import type { ComparisonVariant } from '../../src/measure/comparison-rows.ts';
import { DEFAULT_LIMITS } from '../../src/measure/limits.ts';
import type { DescribedFile } from '../../src/measure/size.ts';
import { isAvailable, unavailableBecause } from '../../src/schema/availability.ts';
import { type Results, resultsSchema } from '../../src/schema/results.ts';
import { STAGES, type Stage } from '../../src/schema/terms.ts';
import { QuantscopeError } from '../../src/util/errors.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { type FakeEngineOptions, fakeEngine } from '../helpers/fake-engine.ts';

const described: DescribedFile = {
  model: { architecture: 'phi3', name: 'Fake', parameters: 1000, contextLength: 512, addBosToken: true },
  quantization: {
    label: 'F16',
    bitsPerWeight: 16,
    byType: [{ type: 'F16', tensors: 1, bytes: 2000 }],
    imatrix: null,
  },
  tokenizer: {
    vocabularySize: 16,
    tokenizerModel: 'llama',
    preTokenizer: 'default',
    addBosToken: true,
    bosTokenId: 1,
    tokens: 'tokens',
    scores: 'scores',
    tokenTypes: 'types',
    merges: null,
  },
  chatTemplate: null,
  tokenRead: { weightsBytes: 2000, lookedUpBytes: 0, kvBytesPerToken: 4 },
};

interface Run {
  readonly names?: readonly string[];
  readonly only?: readonly Stage[];
  readonly engine?: FakeEngineOptions;
  readonly previous?: Results;
  readonly signal?: AbortSignal;
  readonly broken?: string;
}

/** A comparison of small files that the fake engine "runs"; what was saved and called, in order. */
async function run(folder: string, { names = ['F16', 'Q8_0', 'Q2_K'], engine = {}, ...options }: Run = {}) {
  const variants: ComparisonVariant[] = [];
  for (const name of names) {
    const path = `${folder}/${name}`;
    await writeFile(path, name);
    const broken = new QuantscopeError('header/magic', 'not a GGUF file');
    variants.push({
      name,
      ref: name,
      path,
      paths: [path],
      bytes: name.length,
      described: name === options.broken ? broken : described,
    });
  }
  const saved: Results[] = [];
  const calls: string[] = [];
  const ended: string[] = [];
  const results = compareVariants(
    {
      variants,
      reference: names[0] ?? null,
      settings: {
        only: [...(options.only ?? STAGES)],
        quick: false,
        repetitions: 2,
        promptTokens: 8,
        generationTokens: 4,
        depth: 4,
        batchSize: 8,
        threads: 0,
        gpu: 'off',
        gpuLayers: 'max',
        flashAttention: 'auto',
        cacheType: 'f16',
        seed: 1,
        evaluation: {
          text: 'text',
          textSha256: 't',
          contextSize: 16,
          chunks: null,
          tasks: 'tasks',
          tasksSha256: 't',
          taskItems: 1,
        },
        limits: DEFAULT_LIMITS,
      },
      text: 'a text of sixty-four characters, so that four chunks come of it..',
      choiceItems: [],
      toolItems: [],
      share: null,
      taskItems: [{ task: 'qa', prompt: 'Say fake', answers: ['fake'], match: 'exact', maxTokens: null }],
      previous: options.previous ?? null,
      toolVersion: '0.0.0',
    },
    {
      startEngine: fakeEngine({
        ...engine,
        onCall: (path, method) => {
          calls.push(`${path.split('/').at(-1)} ${method}`);
          engine.onCall?.(path, method);
        },
      }),
      callTimeoutMs: 1000,
      machine: {
        os: 'test',
        arch: 'test',
        cpu: 'test',
        cores: 1,
        memoryBytes: 1,
        copyBandwidthBytesPerSecond: 1,
        engine: unavailableBecause('none'),
      },
      now: () => new Date(0),
      ...(options.signal ? { signal: options.signal } : {}),
      referencePath: `${folder}/reference`,
      keepsReference: false,
      save: async (soFar) => {
        saved.push(resultsSchema.parse(structuredClone(soFar)));
      },
      onStep: () => {},
      onVariantEnd: ({ name }) => ended.push(name),
    },
  );
  return { results, saved, calls, ended };
}

describe('a comparison', () => {
  it('runs the reference first and every variant once, and saves after each group of figures', async () => {
    await using scratch = await scratchFolder();
    const { results, saved, ended } = await run(scratch.folder);
    const { variants, reference } = await results;
    expect(reference).toBe('F16');
    expect(ended).toEqual(['F16', 'Q8_0', 'Q2_K']);
    expect(variants.every(({ status }) => status === 'ok')).toBe(true);
    for (const { divergence } of variants) {
      if (!isAvailable(divergence)) throw new Error('no divergence');
      expect(divergence.meanKld).toBe(0);
    }
    const complete = saved.map((soFar) => soFar.variants.filter(({ tasks }) => isAvailable(tasks)).length);
    expect(complete).toEqual([...complete].sort());
    expect(new Set(complete)).toEqual(new Set([0, 1, 2, 3]));
  });

  it.each(['engine/crashed', 'engine/killed', 'engine/timeout', 'engine/load-failed'] as const)(
    'makes a failed row of %s and goes on',
    async (code) => {
      await using scratch = await scratchFolder();
      const { results } = await run(scratch.folder, {
        engine: {
          failure: (path, method) => (path.endsWith('Q8_0') && method === 'timeTest' ? code : undefined),
        },
      });
      const [f16, q8, q2] = (await results).variants;
      expect(f16?.status).toBe('ok');
      expect(q8).toMatchObject({ status: 'failed', failure: { code } });
      expect(q8?.load).toMatchObject({ warmMs: 2 });
      expect(q8?.speed).toMatchObject({
        status: 'unavailable',
        reason: expect.stringContaining('told to fail'),
      });
      expect(q2?.status).toBe('ok');
    },
  );

  it('goes on without divergences when the reference fails', async () => {
    await using scratch = await scratchFolder();
    const { results } = await run(scratch.folder, {
      engine: {
        failure: (path, method) =>
          path.endsWith('F16') && method === 'score' ? 'engine/crashed' : undefined,
      },
    });
    const [f16, q8] = (await results).variants;
    expect(f16?.status).toBe('failed');
    expect(isAvailable(q8?.perplexity)).toBe(true);
    expect(q8?.divergence).toMatchObject({
      status: 'unavailable',
      reason: expect.stringContaining('reference'),
    });
  });

  it('never starts an engine for a file that is no model, nor for sizes', async () => {
    await using scratch = await scratchFolder();
    const broken = await run(scratch.folder, { broken: 'Q8_0' });
    expect((await broken.results).variants[1]).toMatchObject({ failure: { code: 'header/magic' } });
    expect(broken.calls.some((call) => call.startsWith('Q8_0'))).toBe(false);
    const sizes = await run(scratch.folder, { only: ['size'] });
    await sizes.results;
    expect(sizes.calls).toEqual([]);
  });

  it('says once that there is no engine, instead of failing every row', async () => {
    await using scratch = await scratchFolder();
    const { results, ended } = await run(scratch.folder, {
      engine: { failure: (_, method) => (method === 'loadModel' ? 'engine/not-installed' : undefined) },
    });
    await expect(results).rejects.toMatchObject({ code: 'engine/not-installed' });
    expect(ended).toEqual([]);
  });

  it('measures only what an earlier run lacks, scoring the reference again for a candidate', async () => {
    await using scratch = await scratchFolder();
    const first = await run(scratch.folder, {
      engine: {
        failure: (path, method) =>
          path.endsWith('Q2_K') && method === 'score' ? 'engine/killed' : undefined,
      },
    });
    const previous = await first.results;
    expect(previous.variants.map(({ status }) => status)).toEqual(['ok', 'ok', 'failed']);

    const second = await run(scratch.folder, { previous });
    const resumed = await second.results;
    expect(resumed.variants.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok']);
    expect(second.calls.filter((call) => call.startsWith('Q8_0'))).toEqual([]);
    expect(second.calls).toContain('F16 score');
    expect(second.calls).not.toContain('F16 timeTest');
    expect(second.calls).not.toContain('Q2_K timeTest');
    expect(second.calls).toContain('Q2_K score');

    const third = await run(scratch.folder, { previous: resumed });
    expect(await third.results).toEqual(resumed);
    expect(third.calls).toEqual([]);
  });

  it('measures a file again that changed since', async () => {
    await using scratch = await scratchFolder();
    const previous = await (await run(scratch.folder)).results;
    const changed = {
      ...previous,
      variants: previous.variants.map((row) =>
        row.name === 'Q2_K' ? { ...row, file: { ...row.file, sha256: '0'.repeat(64) } } : row,
      ),
    };
    const { results, calls } = await run(scratch.folder, { previous: changed });
    await results;
    expect(calls).toContain('Q2_K timeTest');
    expect(calls.some((call) => call.startsWith('Q8_0'))).toBe(false);
  });

  it('stops at once when it is told to, with what was measured saved', async () => {
    await using scratch = await scratchFolder();
    const controller = new AbortController();
    const { results, saved, calls } = await run(scratch.folder, {
      signal: controller.signal,
      engine: {
        onCall: (path, method) => {
          if (path.endsWith('Q8_0') && method === 'score') controller.abort(new Error('stop'));
        },
      },
    });
    await expect(results).rejects.toThrow('stop');
    expect(calls.some((call) => call.startsWith('Q2_K'))).toBe(false);
    const last = saved.at(-1);
    expect(isAvailable(last?.variants[0]?.tasks)).toBe(true);
    expect(isAvailable(last?.variants[1]?.speed)).toBe(true);
    expect(isAvailable(last?.variants[1]?.perplexity)).toBe(false);
  });
});
