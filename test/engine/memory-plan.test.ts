import { open, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngineProcess } from '../../dist/index.js';
import { footprint } from '../../src/device/footprint.ts';
import type { EngineSession, PlannedContext } from '../../src/engine/engine.ts';
import { headerOnlyModel } from '../../src/engine/header-only-model.ts';
import { readHeader } from '../../src/gguf/index.ts';
import { openFile } from '../../src/io/index.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { EMBEDDING, type Family, modelHeader } from '../helpers/model-header.ts';
import { nanoPath } from '../helpers/nano.ts';
import { writeShards } from '../helpers/split.ts';

const context: PlannedContext = {
  contextSize: 2048,
  sequences: 1,
  batchSize: 512,
  flashAttention: 'on',
  keyType: 'f16',
  valueType: 'f16',
};

let session: EngineSession;
beforeAll(async () => {
  session = await startEngineProcess({ gpu: 'off', callTimeoutMs: 120_000 });
});
afterAll(() => session[Symbol.asyncDispose]());

const planOf = async (path: string, changes: Partial<PlannedContext> = {}) => {
  const [plan] = await session.planMemory({ path, gpuLayers: 0 }, [{ ...context, ...changes }]);
  if (plan === undefined || 'refused' in plan) throw new Error(plan?.refused ?? 'no plan');
  return plan;
};

describe('a memory plan', () => {
  it.each([
    { contextSize: 300 },
    { contextSize: 4096 },
    { keyType: 'q8_0', valueType: 'q8_0' },
    { flashAttention: 'off', batchSize: 64 },
    { sequences: 4 },
  ] as const)('says what the context then takes: %o', async (changes) => {
    const path = nanoPath('Q4_K_M');
    const plan = await planOf(path, changes);
    await session.loadModel({ path, gpuLayers: 0 });
    const opened = await session.openContext({ ...context, ...changes, threads: 1 });
    const real = await session.engineMemory();
    expect(plan.repackedBytes).toBe(real.repackedBytes);
    expect(plan).toMatchObject({ kvBytes: real.kvBytes, computeBytes: real.computeBytes, gpuBytes: 0 });
    expect(plan.contextSize).toBe(opened.contextSize);
  });

  it('names the cache of each layer', async () => {
    const { layers, caches, kvBytes } = await planOf(nanoPath('Q8_0'));
    expect(layers).toBe(4);
    expect(caches.map(({ layer, kind, cells }) => `${kind}${layer} ${cells}`)).toEqual(
      [0, 1, 2, 3].flatMap((layer) => [`k${layer} 2048`, `v${layer} 2048`]),
    );
    expect(caches.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBe(kvBytes);
  });

  it('is the same from a header alone, and reads no weight', async () => {
    const path = nanoPath('F16');
    await using source = await openFile(path);
    const { dataOffset } = await readHeader(source);
    const header = await source.read(0, dataOffset);
    await using file = await headerOnlyModel([{ header, sizeBytes: source.byteLength }]);
    await using handle = await open(file.path);
    const { blocks, size } = await handle.stat();
    expect(size).toBe(source.byteLength);
    expect(blocks * 512).toBeLessThan(source.byteLength / 2);
    expect(await planOf(file.path)).toEqual(await planOf(path));
  });

  it('tells why llama.cpp refuses one context, and plans the others', async () => {
    const plans = await session.planMemory({ path: nanoPath('Q8_0'), gpuLayers: 0 }, [
      { ...context, flashAttention: 'off', keyType: 'q8_0', valueType: 'q8_0' },
      context,
    ]);
    expect(plans[0]).toEqual({
      refused: expect.stringMatching(/refuses a context of 2048 tokens: .*V cache/i),
    });
    expect(plans[1]).toMatchObject({ contextSize: 2048, kvBytes: 8 * 2 ** 20 });
  });

  it('of a model in several files takes all their headers', async () => {
    await using scratch = await scratchFolder();
    const shards = await writeShards(scratch.path('.'), await readFile(nanoPath('Q8_0')), 2, 'nano');
    const headers = await Promise.all(
      shards.map(async (path) => {
        await using source = await openFile(path);
        const { dataOffset } = await readHeader(source);
        return { header: await source.read(0, dataOffset), sizeBytes: source.byteLength };
      }),
    );
    await using model = await headerOnlyModel(headers);
    expect(await planOf(model.path)).toEqual(await planOf(nanoPath('Q8_0')));
  });

  it('tells why llama.cpp refuses a file', async () => {
    await expect(planOf(nanoPath('text'))).rejects.toMatchObject({ code: 'engine/load-failed' });
  });
});

const FAMILIES: readonly Family[] = [
  { architecture: 'llama', layers: 16, keyValueHeads: 16, headLength: 128, norms: [], metadata: {} },
  { architecture: 'llama', layers: 28, keyValueHeads: 4, headLength: 128, norms: [], metadata: {} },
  {
    architecture: 'qwen3',
    layers: 28,
    keyValueHeads: 8,
    headLength: 128,
    norms: [
      ['attn_q_norm', 128],
      ['attn_k_norm', 128],
    ],
    metadata: {},
  },
  {
    architecture: 'gemma3',
    layers: 26,
    keyValueHeads: 1,
    headLength: 128,
    norms: [
      ['attn_q_norm', 128],
      ['attn_k_norm', 128],
      ['post_attention_norm', EMBEDDING],
      ['post_ffw_norm', EMBEDDING],
    ],
    metadata: { 'attention.sliding_window': 512 },
  },
  {
    architecture: 'gemma2',
    layers: 26,
    keyValueHeads: 4,
    headLength: 128,
    norms: [
      ['post_attention_norm', EMBEDDING],
      ['post_ffw_norm', EMBEDDING],
    ],
    metadata: { 'attention.sliding_window': 1024 },
  },
];

describe('the formulas for memory, beside llama.cpp’s own plan', () => {
  for (const family of FAMILIES) {
    const { architecture, layers, keyValueHeads } = family;
    it(`${architecture} with ${layers} layers and ${keyValueHeads} heads for keys: the cache exact, the compute buffer within 5 %`, async () => {
      await using file = await headerOnlyModel([modelHeader(family)]);
      await using source = await openFile(file.path);
      const parsed = await readHeader(source);
      for (const [contextSize, flashAttention] of [
        [512, true],
        [8192, true],
        [2048, false],
        [8192, false],
      ] as const) {
        const plan = await planOf(file.path, { contextSize, flashAttention: flashAttention ? 'on' : 'off' });
        const estimated = footprint(parsed, { contextSize, flashAttention });
        expect(estimated?.kvBytes).toBe(plan.kvBytes);
        expect(new Set(plan.caches.map(({ layer }) => layer)).size).toBe(layers);
        const ratio = (estimated?.computeBytes ?? 0) / (plan.computeBytes ?? 0);
        expect(Math.abs(ratio - 1)).toBeLessThan(0.05);
      }
    });
  }
});
