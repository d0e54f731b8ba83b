import { tensorBytes, type WritableTensor, type WritableValue, writeModel } from '../../src/gguf/write.ts';

/** Models as large as those on phones: of a file that is all hole, any size is cheap. Families differ in how layers keep their past. */
export const EMBEDDING = 2048;
const HEADS = 16;
const VOCABULARY = 65_536;
const FEED_FORWARD = 8192;

export interface Family {
  readonly architecture: string;
  readonly layers: number;
  readonly keyValueHeads: number;
  readonly headLength: number;
  /** Norms that a layer has besides the two of llama. */
  readonly norms: readonly (readonly [name: string, length: number])[];
  readonly metadata: Readonly<Record<string, number>>;
}

/** A model without weights: its header, and how long its file would be. */
export function modelHeader({ architecture, layers, keyValueHeads, headLength, norms, metadata }: Family): {
  readonly header: Uint8Array;
  readonly sizeBytes: number;
} {
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
  const [header = new Uint8Array()] = writeModel({ metadata: entries, tensors });
  // Padded tensors, as writeModel lays them out.
  const sizeBytes = tensors.reduce(
    (sum, tensor) => sum + Math.ceil(tensorBytes(tensor) / 32) * 32,
    header.length,
  );
  return { header, sizeBytes };
}
