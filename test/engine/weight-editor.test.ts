import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type ContextOptions, type EngineSession, startEngineProcess } from '../../src/engine/index.ts';
import { layoutOf, parseHeader } from '../../src/gguf/index.ts';
import { nanoPath } from '../helpers/nano.ts';

const context: ContextOptions = {
  contextSize: 512,
  sequences: 1,
  batchSize: 512,
  threads: 1,
  flashAttention: 'auto',
  keyType: 'f16',
  valueType: 'f16',
};
/** BOS and a run through the vocabulary. */
const tokens = Uint32Array.from({ length: 512 }, (_, i) => (i === 0 ? 1 : 300 + ((i * 37) % 1000)));
const headerOf = (path: string) => {
  const bytes = readFileSync(path);
  return parseHeader(bytes, { fileBytes: bytes.length });
};
const scores = async (session: EngineSession) =>
  (await session.score({ tokens, firstScored: 256, want: { kind: 'next' } })).nextLogProb;
const farthest = (a: Float64Array, b: Float64Array) =>
  Math.max(...a.map((value, index) => Math.abs(value - (b[index] ?? Number.NaN))));

it('a model in memory says what a file of llama-quantize says, and then again what it said before', async () => {
  await using session = await startEngineProcess({ gpu: 'off', callTimeoutMs: 60_000 });
  // Without the layout of other kernels, which round otherwise.
  await session.loadModel({ path: nanoPath('Q4_K_M'), gpuLayers: 0, writable: true });
  await session.openContext(context);
  const ofFile = await scores(session);

  const path = nanoPath('F16');
  await session.loadModel({ path, gpuLayers: 0, writable: true });
  await session.openContext({ ...context, observes: true });
  await session.observe(tokens);
  await session.openContext(context);
  const before = await scores(session);
  const source = headerOf(path);
  const offsets = new Map(source.tensors.map(({ name, offset }) => [name, source.dataOffset + offset]));
  await session.tryWeights(
    headerOf(nanoPath('Q4_K_M'))
      .tensors.filter(({ type }) => layoutOf(type).blockElements > 1)
      .map(({ name, type }) => ({
        name,
        type: layoutOf(type).id,
        origin: { path, offsetBytes: offsets.get(name) ?? 0 },
        importance: null,
      })),
  );
  const changed = await scores(session);
  expect(farthest(changed, before)).toBeGreaterThan(0.05);
  expect(changed).toEqual(ofFile);

  await session.tryWeights([]);
  expect(await scores(session)).toEqual(before);
});

it('tells squared errors of a type without a change', async () => {
  await using session = await startEngineProcess({ gpu: 'off', callTimeoutMs: 60_000 });
  const path = nanoPath('F16');
  await session.loadModel({ path, gpuLayers: 0, writable: true });
  await session.openContext({ ...context, observes: true });
  await session.observe(tokens);
  const { tensors, dataOffset } = headerOf(path);
  const tensor = tensors.find(({ name }) => name === 'blk.1.ffn_down.weight');
  if (tensor === undefined) throw new Error('nano has no such tensor');
  const request = {
    name: tensor.name,
    types: ['Q2_K', 'Q4_K', 'Q8_0'].map((type) => layoutOf(type as 'Q2_K' | 'Q4_K' | 'Q8_0').id),
    origin: { path, offsetBytes: dataOffset + tensor.offset },
    importance: null,
    usage: null,
    mostElements: tensor.elements,
  };
  const [two = 0, four = 0, eight = 0] = await session.weightErrors(request);
  expect(two).toBeGreaterThan(10 * four);
  expect(four).toBeGreaterThan(100 * eight);
  // Of every fourth row, four times as much.
  const [sampled = 0] = await session.weightErrors({ ...request, mostElements: tensor.elements / 4 });
  expect(sampled / two).toBeCloseTo(1, 0);
});
