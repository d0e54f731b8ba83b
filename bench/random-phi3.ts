/**
 * Files of the phi3 layout with random weights: what they cost to load and to run does not depend on the values.
 *
 *     npx tsx bench/random-phi3.ts OUT.gguf [layers embedding feedForward heads vocabulary [F16]]
 *
 * In Q4_K the blocks are random bits, enough to time. In F16 the weights keep activations at unit size and spread the
 * logits like a language model's, so that llama-quantize's types of such a file also differ in accuracy by ordinary
 * amounts.
 */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { type TensorType, type WritableTensor, type WritableValue, writeModel } from '../src/gguf/index.ts';

export interface Phi3Shape {
  readonly layers: number;
  readonly embedding: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly vocabulary: number;
}

/** About 20 million parameters, most of them in Phi-3's vocabulary. */
export const SMALL_PHI3: Phi3Shape = {
  layers: 4,
  embedding: 256,
  feedForward: 768,
  heads: 4,
  vocabulary: 32_064,
};

/** Phi-3-mini-4k's true shapes: 3,821,079,552 parameters. */
export const PHI3_MINI: Phi3Shape = {
  layers: 32,
  embedding: 3072,
  feedForward: 8192,
  heads: 32,
  vocabulary: 32_064,
};

type WeightType = Extract<TensorType, 'Q4_K' | 'F16'>;

const CONTEXT = 4096;
const Q4_K_ELEMENTS = 256;
const Q4_K_BYTES = 144;
/** f16 of 2^-12 and 2^-13: super-block scales that keep activations and logits in an ordinary range. */
const SCALE = 0x0c00;
const MINIMUM_SCALE = 0x0800;
const PIECE_BLOCKS = 4096;
/**
 * Standard deviation of the logits in F16. Over 32,064 tokens 7 gives distributions of 1.7 nats of entropy, 99.97 % of
 * whose mass is in 512 tokens: about as peaked as a language model's.
 */
const LOGIT_SPREAD = 7;
const PIECE_WEIGHTS = 1 << 20;
/** Values a random F16 weight can have. */
const LEVELS = 4096;

export async function writeRandomPhi3(
  path: string,
  shape: Phi3Shape,
  type: WeightType = 'Q4_K',
): Promise<void> {
  const model = { metadata: metadataOf(shape, type), tensors: tensorsOf(shape, type) };
  await pipeline(Readable.from(writeModel(model)), createWriteStream(path));
}

function metadataOf(shape: Phi3Shape, type: WeightType): [string, WritableValue][] {
  const u32 = (value: number): WritableValue => ({ type: 'uint32', value });
  const text = (value: string): WritableValue => ({ type: 'string', value });
  const tokens = Array.from({ length: shape.vocabulary }, (_, id) => tokenText(id));
  return [
    ['general.architecture', text('phi3')],
    ['general.name', text('Random weights')],
    ['general.file_type', u32(type === 'F16' ? 1 : 15)],
    ['phi3.context_length', u32(CONTEXT)],
    ['phi3.rope.scaling.original_context_length', u32(CONTEXT)],
    ['phi3.embedding_length', u32(shape.embedding)],
    ['phi3.feed_forward_length', u32(shape.feedForward)],
    ['phi3.block_count', u32(shape.layers)],
    ['phi3.attention.head_count', u32(shape.heads)],
    ['phi3.attention.head_count_kv', u32(shape.heads)],
    ['phi3.attention.layer_norm_rms_epsilon', { type: 'float32', value: 1e-5 }],
    ['phi3.rope.dimension_count', u32(shape.embedding / shape.heads)],
    ['tokenizer.ggml.model', text('llama')],
    ['tokenizer.ggml.pre', text('default')],
    ['tokenizer.ggml.tokens', { type: 'array', elementType: 'string', values: tokens }],
    ['tokenizer.ggml.scores', { type: 'array', elementType: 'float32', values: tokens.map((_, id) => -id) }],
    [
      'tokenizer.ggml.token_type',
      { type: 'array', elementType: 'int32', values: tokens.map((_, id) => typeOf(id)) },
    ],
    ['tokenizer.ggml.bos_token_id', u32(1)],
    ['tokenizer.ggml.eos_token_id', u32(2)],
    ['tokenizer.ggml.add_bos_token', { type: 'bool', value: true }],
  ];
}

/** `<unk>`, BOS, EOS, the 256 bytes, then the printable letters, then words that occur in no text. */
function tokenText(id: number): string {
  if (id < 3) return ['<unk>', '<s>', '</s>'][id] ?? '';
  if (id < 259) return `<0x${(id - 3).toString(16).toUpperCase().padStart(2, '0')}>`;
  if (id < 259 + 95) return String.fromCharCode(32 + id - 259).replace(' ', '\u2581');
  return `\u2581w${id}`;
}

/** llama.cpp's token types: 2 unknown, 3 control, 6 byte, 1 normal. */
function typeOf(id: number): number {
  if (id === 0) return 2;
  if (id < 3) return 3;
  return id < 259 ? 6 : 1;
}

function tensorsOf(
  { layers, embedding, feedForward, vocabulary }: Phi3Shape,
  type: WeightType,
): WritableTensor[] {
  /** `gain` is how much larger an output is than an input, both as root mean squares. */
  const matrix = (name: string, columns: number, rows: number, gain = 1): WritableTensor => ({
    name,
    type,
    shape: [columns, rows],
    data:
      type === 'F16'
        ? randomF16(columns * rows, gain / Math.sqrt(columns))
        : randomQ4K((columns * rows) / Q4_K_ELEMENTS),
  });
  const norm = (name: string): WritableTensor => ({
    name,
    type: 'F32' satisfies TensorType,
    shape: [embedding],
    data: new Uint8Array(new Float32Array(embedding).fill(1).buffer),
  });
  const block = (layer: number) => [
    norm(`blk.${layer}.attn_norm.weight`),
    matrix(`blk.${layer}.attn_qkv.weight`, embedding, 3 * embedding),
    matrix(`blk.${layer}.attn_output.weight`, embedding, embedding),
    norm(`blk.${layer}.ffn_norm.weight`),
    matrix(`blk.${layer}.ffn_up.weight`, embedding, 2 * feedForward),
    matrix(`blk.${layer}.ffn_down.weight`, feedForward, embedding),
  ];
  return [
    matrix('token_embd.weight', embedding, vocabulary, Math.sqrt(embedding)),
    ...Array.from({ length: layers }, (_, layer) => block(layer)).flat(),
    norm('output_norm.weight'),
    matrix('output.weight', embedding, vocabulary, LOGIT_SPREAD),
  ];
}

/** Valid blocks: d and dmin as given, scales and quants from a linear congruential generator. */
function* randomQ4K(blocks: number): Generator<Uint8Array> {
  let state = 12_345;
  for (let done = 0; done < blocks; done += PIECE_BLOCKS) {
    const count = Math.min(PIECE_BLOCKS, blocks - done);
    const words = new Uint32Array((count * Q4_K_BYTES) / 4);
    for (let i = 0; i < words.length; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      words[i] = state ^ (state >>> 13);
    }
    for (let i = 0; i < words.length; i += Q4_K_BYTES / 4) words[i] = SCALE | (MINIMUM_SCALE << 16);
    yield new Uint8Array(words.buffer);
  }
}

/** Halves of a uniform distribution around 0, from a linear congruential generator; two are taken of each state. */
function* randomF16(count: number, deviation: number): Generator<Uint8Array> {
  const limit = deviation * Math.sqrt(3);
  const levels = Uint16Array.from({ length: LEVELS }, (_, level) =>
    toHalf(limit * ((2 * level + 1) / LEVELS - 1)),
  );
  let state = 12_345;
  for (let done = 0; done < count; done += PIECE_WEIGHTS) {
    const halves = new Uint16Array(Math.min(PIECE_WEIGHTS, count - done));
    for (let i = 0; i < halves.length; i++) {
      if (i % 2 === 0) state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      halves[i] = levels[i % 2 === 0 ? state >>> 20 : (state >>> 8) % LEVELS] ?? 0;
    }
    yield new Uint8Array(halves.buffer);
  }
}

const single = new DataView(new ArrayBuffer(4));

/** The bits of `value` as a half, truncated: sign, 5 bits of exponent, 10 of mantissa; too small a value is 0. */
function toHalf(value: number): number {
  single.setFloat32(0, value);
  const bits = single.getUint32(0);
  const exponent = ((bits >>> 23) & 0xff) - 127 + 15;
  return exponent <= 0 ? 0 : ((bits >>> 16) & 0x8000) | (exponent << 10) | ((bits >>> 13) & 0x3ff);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [path, ...numbers] = process.argv.slice(2);
  if (path === undefined) throw new Error('name the file to write');
  const [layers, embedding, feedForward, heads, vocabulary] = numbers.map(Number);
  const shape = {
    layers: layers ?? SMALL_PHI3.layers,
    embedding: embedding ?? SMALL_PHI3.embedding,
    feedForward: feedForward ?? SMALL_PHI3.feedForward,
    heads: heads ?? SMALL_PHI3.heads,
    vocabulary: vocabulary ?? SMALL_PHI3.vocabulary,
  };
  await writeRandomPhi3(path, shape, numbers[5] === 'F16' ? 'F16' : 'Q4_K');
}
