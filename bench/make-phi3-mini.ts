/**
 * Writes a GGUF of Phi-3-mini-4k's true shapes (3,821,079,552 parameters) with the types that llama.cpp v0.5.0's
 * Q4_K_M gives its tensors and valid random blocks: 2.4 GB that cost as much to read, check and load as the model,
 * and know nothing.
 *
 *     npx tsx bench/make-phi3-mini.ts FILE
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import {
  layoutOf,
  type TensorType,
  tensorBytes,
  type WritableTensor,
  type WritableValue,
  writeModel,
} from '../src/gguf/index.ts';

const LAYERS = 32;
const EMBEDDING = 3072;
const FEED_FORWARD = 8192;
const HEADS = 32;
const VOCABULARY = 32_064;
const PIECE_BLOCKS = 4096;

/** Layers whose attn_qkv and ffn_down get more bits: `use_more_bits`, src/llama-quant.cpp. */
function getsMoreBits(layer: number): boolean {
  const eighth = LAYERS / 8;
  return layer < eighth || layer >= 7 * eighth || (layer - eighth) % 3 === 2;
}

/** A small generator of random bits (xorshift32), so that every file of a seed is the same. */
function random(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Blocks of a type with random weights and scales that are small finite numbers. */
function randomBlocks(type: TensorType, blocks: number, next: () => number): Uint8Array {
  const { blockBytes } = layoutOf(type);
  const words = new Uint32Array(Math.ceil((blocks * blockBytes) / 4));
  for (let index = 0; index < words.length; index++) words[index] = next();
  const bytes = new Uint8Array(words.buffer, 0, blocks * blockBytes);
  const view = new DataView(bytes.buffer);
  const half = (): number => 0x1400 | (next() & 0x3ff); // 0.001 to 0.002 as f16
  for (let block = 0; block < blocks; block++) {
    const at = block * blockBytes;
    switch (type) {
      case 'F32':
        view.setFloat32(at, 1 + (next() % 1000) / 10_000, true);
        break;
      case 'Q4_K':
        view.setUint16(at, half(), true);
        view.setUint16(at + 2, half(), true);
        break;
      case 'Q6_K':
        view.setUint16(at + 208, half(), true);
        break;
      default:
        throw new Error(`no random blocks of ${type} are known here`);
    }
  }
  return bytes;
}

function* repeated(pool: Uint8Array, bytes: number): Generator<Uint8Array> {
  for (let left = bytes; left > 0; left -= pool.length) yield pool.subarray(0, Math.min(left, pool.length));
}

export function phi3MiniTensors(): WritableTensor[] {
  const next = random(42);
  const pools = new Map<TensorType, Uint8Array>();
  const tensor = (name: string, type: TensorType, ...shape: number[]): WritableTensor => {
    const pool = pools.get(type) ?? randomBlocks(type, PIECE_BLOCKS, next);
    pools.set(type, pool);
    return {
      name,
      type,
      shape,
      data: { [Symbol.iterator]: () => repeated(pool, tensorBytes({ type, shape })) },
    };
  };
  const tensors = [
    tensor('token_embd.weight', 'Q4_K', EMBEDDING, VOCABULARY),
    tensor('output.weight', 'Q6_K', EMBEDDING, VOCABULARY),
    tensor('output_norm.weight', 'F32', EMBEDDING),
  ];
  for (let layer = 0; layer < LAYERS; layer++) {
    const more = getsMoreBits(layer) ? 'Q6_K' : 'Q4_K';
    tensors.push(
      tensor(`blk.${layer}.attn_norm.weight`, 'F32', EMBEDDING),
      tensor(`blk.${layer}.attn_output.weight`, 'Q4_K', EMBEDDING, EMBEDDING),
      tensor(`blk.${layer}.attn_qkv.weight`, more, EMBEDDING, 3 * EMBEDDING),
      tensor(`blk.${layer}.ffn_down.weight`, more, FEED_FORWARD, EMBEDDING),
      tensor(`blk.${layer}.ffn_norm.weight`, 'F32', EMBEDDING),
      tensor(`blk.${layer}.ffn_up.weight`, 'Q4_K', EMBEDDING, 2 * FEED_FORWARD),
    );
  }
  return tensors;
}

export function phi3MiniMetadata(): [string, WritableValue][] {
  const u32 = (value: number): WritableValue => ({ type: 'uint32', value });
  const f32 = (value: number): WritableValue => ({ type: 'float32', value });
  const text = (value: string): WritableValue => ({ type: 'string', value });
  const special = ['<unk>', '<s>', '</s>'];
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  );
  const markers = ['<|endoftext|>', '<|assistant|>', '<|system|>', '<|end|>', '<|user|>'];
  const plain = VOCABULARY - special.length - bytes.length - markers.length;
  const words = Array.from({ length: plain }, (_, index) => `▁w${index}`);
  const types = [2, 3, 3, ...bytes.map(() => 6), ...words.map(() => 1), ...markers.map(() => 3)];
  const firstMarker = VOCABULARY - markers.length;
  return [
    ['general.architecture', text('phi3')],
    ['general.name', text('Phi-3-mini shapes, random weights')],
    ['general.license', text('mit')],
    ['phi3.context_length', u32(4096)],
    ['phi3.rope.scaling.original_context_length', u32(4096)],
    ['phi3.embedding_length', u32(EMBEDDING)],
    ['phi3.feed_forward_length', u32(FEED_FORWARD)],
    ['phi3.block_count', u32(LAYERS)],
    ['phi3.attention.head_count', u32(HEADS)],
    ['phi3.attention.head_count_kv', u32(HEADS)],
    ['phi3.attention.layer_norm_rms_epsilon', f32(1e-5)],
    ['phi3.rope.dimension_count', u32(EMBEDDING / HEADS)],
    ['phi3.rope.freq_base', f32(10_000)],
    ['tokenizer.ggml.model', text('llama')],
    ['tokenizer.ggml.pre', text('default')],
    [
      'tokenizer.ggml.tokens',
      { type: 'array', elementType: 'string', values: [...special, ...bytes, ...words, ...markers] },
    ],
    [
      'tokenizer.ggml.scores',
      { type: 'array', elementType: 'float32', values: types.map((_, index) => -index) },
    ],
    ['tokenizer.ggml.token_type', { type: 'array', elementType: 'int32', values: types }],
    ['tokenizer.ggml.bos_token_id', u32(1)],
    ['tokenizer.ggml.eos_token_id', u32(firstMarker)],
    ['tokenizer.ggml.unknown_token_id', u32(0)],
    ['tokenizer.ggml.add_bos_token', { type: 'bool', value: true }],
    [
      'tokenizer.chat_template',
      text(
        "{% for message in messages %}{{'<|' + message['role'] + '|>\\n' + message['content'] + '<|end|>\\n'}}{% endfor %}" +
          "{% if add_generation_prompt %}{{'<|assistant|>\\n'}}{% endif %}",
      ),
    ],
    ['general.quantization_version', u32(2)],
    ['general.file_type', u32(15)],
  ];
}

/** Writes the file; 2.4 GB. */
export function writePhi3Mini(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const piece of writeModel({ metadata: phi3MiniMetadata(), tensors: phi3MiniTensors() })) {
      for (let done = 0; done < piece.length; ) done += writeSync(file, piece, done);
    }
  } finally {
    closeSync(file);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [, , path] = process.argv;
  if (path === undefined) throw new Error('name the file to write');
  writePhi3Mini(path);
}
