import { readFileSync } from 'node:fs';
import {
  getArray,
  type MetadataValue,
  parseHeader,
  type WritableTensor,
  type WritableValue,
  writeModelBytes,
} from '../../src/gguf/index.ts';
import { nanoPath } from './nano.ts';
import { metadataOf, type NamedShape, tensorType } from './small-models.ts';

/**
 * Small whole models that an app runs in a second, one of each way to keep the past: Nano Phi-3 with other positions
 * beyond a length, and random weights in the layouts of Gemma 3 and LFM2 with its vocabulary and template.
 */

const nano = () => {
  const bytes = readFileSync(nanoPath('F16'));
  return { bytes, header: parseHeader(bytes) };
};

function writable(value: MetadataValue): WritableValue {
  return value.type === 'array'
    ? { type: 'array', elementType: value.value.elementType, values: value.value }
    : value;
}

/** Nano Phi-3 stretched: the trained weights, and positions that a context above `original` has otherwise. */
export function longropeModel(original: number, trained: number): Uint8Array {
  const { bytes, header } = nano();
  const u32 = (value: number): WritableValue => ({ type: 'uint32', value });
  const factors = (name: string, of: (at: number) => number): WritableTensor => {
    const values = Float32Array.from({ length: 32 }, (_, at) => of(at));
    return { name, type: 'F32', shape: [values.length], data: new Uint8Array(values.buffer) };
  };
  return writeModelBytes({
    metadata: new Map([
      ...[...header.metadata].map(([key, value]) => [key, writable(value)] as const),
      ['phi3.context_length', u32(trained)],
      ['phi3.rope.scaling.original_context_length', u32(original)],
    ]),
    tensors: [
      factors('rope_factors_short.weight', () => 1),
      factors('rope_factors_long.weight', (at) => 1 + at / 8),
      ...header.tensors.map(({ name, type, shape, offset, sizeBytes }) => ({
        name,
        type,
        shape,
        data: bytes.subarray(header.dataOffset + offset, header.dataOffset + offset + sizeBytes),
      })),
    ],
  });
}

const EMBEDDING = 128;
const FEED_FORWARD = 256;
const HEAD_LENGTH = 64;
const LAYERS = 6;

/** Random weights that depend on the seed alone, in the layout of an architecture. */
export function randomModel(architecture: 'gemma3' | 'lfm2', window: number | null, seed = 1): Uint8Array {
  const { header } = nano();
  const types = getArray(header, 'tokenizer.ggml.token_type')?.toArray() ?? [];
  const tokens = getArray(header, 'tokenizer.ggml.tokens')?.toArray() ?? [];
  const small = {
    architecture,
    embedding: EMBEDDING,
    feedForward: FEED_FORWARD,
    heads: 2,
    keyHeads: 2,
    headLength: HEAD_LENGTH,
    layers: LAYERS,
    predicting: 0,
    attending: null,
    vocabulary: tokens.length,
    window,
    experts: 0,
    expertsUsed: 0,
    more: {},
  };
  const vocabulary = [...header.metadata].filter(([key]) => key.startsWith('tokenizer.'));
  const random = generator(seed);
  // Words that begin with a space are made the same tokens again, so every step of a reply can be asked for.
  const isSaid = (row: number) => types[row] === 1 && /^\u2581[a-z]{3,}$/.test(String(tokens[row]));
  return writeModelBytes({
    metadata: new Map([
      ...metadataOf(small).filter(([key]) => !key.startsWith('tokenizer.')),
      ['general.name', { type: 'string', value: `Random ${architecture}` }],
      ...vocabulary.map(([key, value]) => [key, writable(value)] as const),
    ]),
    tensors: tensorsOf(architecture, tokens.length).map(({ name, shape }) => {
      const type = tensorType(name, shape);
      const values = valuesOf(name, shape, random, isSaid);
      return { name, type, shape, data: new Uint8Array((type === 'F16' ? halvesOf(values) : values).buffer) };
    }),
  });
}

function tensorsOf(architecture: 'gemma3' | 'lfm2', vocabulary: number): NamedShape[] {
  const isGemma = architecture === 'gemma3';
  const inLayer = (layer: number): NamedShape[] => {
    const named = (role: string, ...shape: number[]) => ({ name: `blk.${layer}.${role}.weight`, shape });
    const square = (role: string) => named(role, EMBEDDING, EMBEDDING);
    const attention = [
      ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map(square),
      ...['attn_q_norm', 'attn_k_norm'].map((role) => named(role, HEAD_LENGTH)),
    ];
    // As metadataOf has the heads of lfm2: those of odd layers are none.
    const convolution = [
      named('shortconv.conv', 3, EMBEDDING),
      named('shortconv.in_proj', EMBEDDING, 3 * EMBEDDING),
      square('shortconv.out_proj'),
    ];
    return [
      ...['attn_norm', 'ffn_norm', ...(isGemma ? ['post_attention_norm', 'post_ffw_norm'] : [])].map((role) =>
        named(role, EMBEDDING),
      ),
      ...(isGemma || layer % 2 === 0 ? attention : convolution),
      ...['ffn_gate', 'ffn_up'].map((role) => named(role, EMBEDDING, FEED_FORWARD)),
      named('ffn_down', FEED_FORWARD, EMBEDDING),
    ];
  };
  return [
    { name: 'token_embd.weight', shape: [EMBEDDING, vocabulary] },
    { name: isGemma ? 'output_norm.weight' : 'token_embd_norm.weight', shape: [EMBEDDING] },
    { name: 'output.weight', shape: [EMBEDDING, vocabulary] },
    ...Array.from({ length: LAYERS }, (_, layer) => inLayer(layer)).flat(),
  ];
}

/** As peaked as a language model's over so many tokens. */
const LOGIT_SPREAD = 7;

/** Activations keep unit size; norms are ones. */
function valuesOf(
  name: string,
  [columns = 1, rows = 1]: readonly number[],
  random: () => number,
  isSaid: (row: number) => boolean,
): Float32Array<ArrayBuffer> {
  if (name.includes('norm')) return new Float32Array(columns).fill(1);
  const isOutput = name === 'output.weight';
  const size = (isOutput ? LOGIT_SPREAD : 1) * Math.sqrt(3 / columns);
  return Float32Array.from({ length: columns * rows }, (_, at) => {
    const value = size * (2 * random() - 1);
    return isOutput && !isSaid(Math.floor(at / columns)) ? 0 : value;
  });
}

/** Halves of these sizes, truncated: sign, 5 bits of exponent, 10 of mantissa; too small a value is 0. */
function halvesOf(values: Float32Array<ArrayBuffer>): Uint16Array<ArrayBuffer> {
  return Uint16Array.from(new Uint32Array(values.buffer), (bits) => {
    const exponent = ((bits >>> 23) & 0xff) - 127 + 15;
    return exponent <= 0 ? 0 : ((bits >>> 16) & 0x8000) | (exponent << 10) | ((bits >>> 13) & 0x3ff);
  });
}

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
