import { open } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngineProcess } from '../../dist/index.js';
import { footprint } from '../../src/device/footprint.ts';
import type { EngineSession, PlannedContext } from '../../src/engine/engine.ts';
import { headerOnlyFile } from '../../src/engine/header-only-file.ts';
import { readHeader } from '../../src/gguf/index.ts';
import { tensorBytes, type WritableTensor, type WritableValue, writeModel } from '../../src/gguf/write.ts';
import { openFile } from '../../src/io/index.ts';
import { nanoPath } from '../helpers/nano.ts';

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
  if (plan === undefined) throw new Error('no plan');
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
    await using file = await headerOnlyFile(header, source.byteLength);
    await using handle = await open(file.path);
    const { blocks, size } = await handle.stat();
    expect(size).toBe(source.byteLength);
    expect(blocks * 512).toBeLessThan(source.byteLength / 2);
    expect(await planOf(file.path)).toEqual(await planOf(path));
  });

  it('tells why llama.cpp refuses a file', async () => {
    await expect(planOf(nanoPath('text'))).rejects.toMatchObject({ code: 'engine/load-failed' });
  });
});

/** Models as large as those on phones: of a file that is all hole, any size is cheap. Families differ in how layers keep their past. */
const EMBEDDING = 2048;
const HEADS = 16;
const VOCABULARY = 65_536;
const FEED_FORWARD = 8192;

interface Family {
  readonly architecture: string;
  readonly layers: number;
  readonly keyValueHeads: number;
  readonly headLength: number;
  /** Norms that a layer has besides the two of llama. */
  readonly norms: readonly (readonly [name: string, length: number])[];
  readonly metadata: Readonly<Record<string, number>>;
}

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

function modelOf({ architecture, layers, keyValueHeads, headLength, norms, metadata }: Family) {
  const u32 = (value: number): WritableValue => ({ type: 'uint32', value });
  const entries: [string, WritableValue][] = [
    ['general.architecture', { type: 'string', value: architecture }],
    ['tokenizer.ggml.model', { type: 'string', value: 'no_vocab' }],
    [`${architecture}.attention.layer_norm_rms_epsilon`, { type: 'float32', value: 1e-5 }],
  ];
  const numbers = {
    block_count: layers,
    context_length: 32_768,
    embedding_length: EMBEDDING,
    feed_forward_length: FEED_FORWARD,
    vocab_size: VOCABULARY,
    'attention.head_count': HEADS,
    'attention.head_count_kv': keyValueHeads,
    'attention.key_length': headLength,
    'attention.value_length': headLength,
    'rope.dimension_count': headLength,
    ...metadata,
  };
  for (const [key, value] of Object.entries(numbers)) entries.push([`${architecture}.${key}`, u32(value)]);
  const matrix = (name: string, ...shape: number[]): WritableTensor => ({
    name: `${name}.weight`,
    type: 'F16',
    shape,
  });
  const norm = (name: string, length: number): WritableTensor => ({
    name: `${name}.weight`,
    type: 'F32',
    shape: [length],
  });
  const [queries, keys] = [HEADS * headLength, keyValueHeads * headLength];
  const tensors = [
    matrix('token_embd', EMBEDDING, VOCABULARY),
    norm('output_norm', EMBEDDING),
    ...Array.from({ length: layers }, (_, i) => `blk.${i}.`).flatMap((layer) => [
      norm(`${layer}attn_norm`, EMBEDDING),
      matrix(`${layer}attn_q`, EMBEDDING, queries),
      matrix(`${layer}attn_k`, EMBEDDING, keys),
      matrix(`${layer}attn_v`, EMBEDDING, keys),
      matrix(`${layer}attn_output`, queries, EMBEDDING),
      norm(`${layer}ffn_norm`, EMBEDDING),
      matrix(`${layer}ffn_gate`, EMBEDDING, FEED_FORWARD),
      matrix(`${layer}ffn_up`, EMBEDDING, FEED_FORWARD),
      matrix(`${layer}ffn_down`, FEED_FORWARD, EMBEDDING),
      ...norms.map(([name, length]) => norm(`${layer}${name}`, length)),
    ]),
  ];
  return { metadata: entries, tensors };
}

describe('the formulas for memory, beside llama.cpp’s own plan', () => {
  for (const family of FAMILIES) {
    const { architecture, layers, keyValueHeads } = family;
    it(`${architecture} with ${layers} layers and ${keyValueHeads} heads for keys: the cache exact, the compute buffer within 5 %`, async () => {
      const model = modelOf(family);
      const [header = new Uint8Array()] = writeModel(model);
      // Padded tensors, as writeModel lays them out.
      const sizeBytes = model.tensors.reduce(
        (sum, tensor) => sum + Math.ceil(tensorBytes(tensor) / 32) * 32,
        header.length,
      );
      await using file = await headerOnlyFile(header, sizeBytes);
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
