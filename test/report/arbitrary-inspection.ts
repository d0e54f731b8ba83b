import fc from 'fast-check';
import type { Inspection } from '../../src/schema/inspection.ts';

/** Inspections as hostile files would make them: any text, any number that the contract allows. */

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom('attn_q', 'ffn_down', '\u001B[2J', '\u202Eevil', 'x'.repeat(500), '漢'.repeat(80), '', ' '),
);
const nullable = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: null });
const count = fc.oneof(fc.nat(200), fc.nat(), fc.maxSafeNat());
const figure = nullable(fc.oneof(fc.nat(200), fc.double({ noNaN: true, noDefaultInfinity: true })));
const bits = fc.double({ min: 0, max: 64, noNaN: true });
const type = fc.constantFrom('F32', 'F16', 'Q4_K', 'Q4_0', 'IQ4_XS', 'Q6_K', 'Q2_K', 'Q8_0');
const extent = fc.record({ start: count, end: count });
const sections = fc.record({ fixed: extent, metadata: extent, tensorInfos: extent, data: extent });
const token = nullable(fc.record({ id: count, text: nullable(text) }));
const special = nullable(
  fc.record({ id: count, text: nullable(text), from: fc.constantFrom('stated', 'text', 'default') }),
);
const scalar = fc.oneof(text, fc.boolean(), fc.double({ noNaN: true, noDefaultInfinity: true }));
const share = fc.record({ type, tensors: count, bytes: count, parameters: count });
const role = fc.oneof(text, fc.constantFrom('attn_q', 'ffn_down', 'output'));

const estimate = fc.record({
  contextSize: count,
  cacheType: fc.constantFrom('f16', 'q8_0', 'q4_0'),
  weightsBytes: count,
  repackedBytes: count,
  kvBytes: count,
  stateBytes: count,
  computeBytes: count,
  totalBytes: count,
});

const memory = fc.oneof(
  fc.record({ status: fc.constant('unavailable' as const), reason: fc.constant('the header does not say') }),
  fc
    .record({
      first: estimate,
      microBatch: count,
      kvBytesPerToken: count,
      kvBytesPerTokenBeyondWindows: count,
      byContext: fc.array(estimate, { maxLength: 12 }),
    })
    .map(({ first, microBatch, kvBytesPerToken, kvBytesPerTokenBeyondWindows, byContext }) => ({
      ...first,
      basis: 'estimated' as const,
      backend: 'cpu' as const,
      computeByFormula: false,
      microBatch,
      flashAttention: true,
      kvBytesPerToken,
      kvBytesPerTokenBeyondWindows,
      byContext,
    })),
);

export const arbitraryInspection: fc.Arbitrary<Inspection> = fc.record({
  schema: fc.constant('quantscope/inspection@1' as const),
  tool: fc.record({ version: fc.constant('1.2.3') }),
  ref: text,
  bytes: count,
  source: fc.record({
    kind: fc.constantFrom('file', 'url'),
    requests: count,
    bytesFetched: count,
    hub: nullable(fc.record({ repo: text, commit: text, file: text })),
  }),
  header: fc.record({
    version: fc.constantFrom(2, 3),
    metadataCount: count,
    tensorCount: count,
    alignment: count,
    dataOffset: count,
  }),
  sections,
  shards: fc.array(fc.record({ name: text, bytes: count, tensorCount: count, dataOffset: count, sections }), {
    maxLength: 4,
  }),
  issues: fc.array(
    fc.record({
      code: fc.constantFrom('data/trailing', 'tensor/scalar'),
      severity: fc.constantFrom('error', 'warning'),
      message: text,
      offset: count,
    }),
    { maxLength: 20 },
  ),
  identity: fc.record({
    kind: fc.constantFrom(
      'model',
      'vocabulary',
      'shard',
      'adapter',
      'projector',
      'imatrix',
      'ollama',
      'other',
    ),
    what: text,
    use: nullable(text),
  }),
  model: fc.record({
    architecture: nullable(text),
    name: nullable(text),
    sizeLabel: nullable(text),
    license: nullable(text),
    baseModels: fc.array(text, { maxLength: 20 }),
    parameters: count,
    contextLength: figure,
    rope: fc.option(
      fc.record({
        scaling: fc.option(text),
        factor: figure,
        originalContextLength: figure,
        unstretched: figure,
      }),
    ),
    embeddingLength: figure,
    feedForwardLength: figure,
    layers: figure,
    heads: figure,
    kvHeads: figure,
    keyLength: figure,
    valueLength: figure,
    experts: figure,
    expertsUsed: figure,
    slidingWindow: figure,
    vocabularySize: figure,
    tokenizerModel: nullable(text),
    preTokenizer: nullable(text),
    addBosToken: nullable(fc.boolean()),
    addEosToken: nullable(fc.boolean()),
    bosToken: token,
    eosToken: token,
    specialTokens: nullable(
      fc.record({
        ...{ bos: special, eos: special, eot: special, eom: special },
        addsBos: fc.boolean(),
        addsEos: fc.boolean(),
        endOfGeneration: fc.array(fc.record({ id: count, text: nullable(text) }), { maxLength: 9 }),
      }),
    ),
    chatTemplate: nullable(fc.record({ characters: count, names: fc.array(text, { maxLength: 20 }) })),
    imatrix: nullable(
      fc.record({ file: nullable(text), dataset: nullable(text), entries: figure, chunks: figure }),
    ),
    shard: nullable(fc.record({ number: count, of: count })),
  }),
  metadata: fc.array(
    fc.oneof(
      fc.record({ key: text, type: fc.constantFrom('string', 'float32'), value: scalar }),
      fc.record({
        key: text,
        type: fc.constant('array' as const),
        elementType: fc.constantFrom('string', 'float32'),
        length: count,
        preview: fc.array(scalar, { maxLength: 8 }),
      }),
    ),
    { maxLength: 12 },
  ),
  tensors: fc.array(
    fc.record({ name: text, type, shape: fc.array(count, { maxLength: 4 }), offset: count, bytes: count }),
    { maxLength: 12 },
  ),
  quantization: fc.record({
    label: text,
    labelSource: fc.constantFrom('general.file_type', 'file name', 'tensors'),
    labelAgrees: fc.boolean(),
    labelReason: nullable(text),
    bitsPerWeight: bits,
    tensorBytes: count,
    byType: fc.array(
      fc.record({ type, tensors: count, bytes: count, parameters: count, bitsPerWeight: bits }),
      { maxLength: 8 },
    ),
    byRole: fc.array(
      fc.record({
        role,
        inLayers: fc.boolean(),
        vectors: fc.boolean(),
        tensors: count,
        bytes: count,
        parameters: count,
        bitsPerWeight: bits,
        byType: fc.array(share, { maxLength: 4 }),
      }),
      { maxLength: 50 },
    ),
    layers: fc.array(
      fc.record({
        layer: fc.nat(99_999),
        bytes: count,
        bitsPerWeight: bits,
        types: fc.array(fc.record({ role, type }), { maxLength: 4 }),
      }),
      { maxLength: 200 },
    ),
  }),
  memory,
});
