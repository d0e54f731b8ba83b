import type { ArrayView, GgufHeader, MetadataValue, TensorInfo } from '../../src/gguf/index.ts';

/** What a header says of a model's shape; the numbers of the published configurations. */
export interface ModelShape {
  readonly architecture: string;
  readonly layers: number;
  readonly embedding: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headLength: number;
  readonly vocabulary: number;
  /** One matrix for Q, K and V, one for gate and up. */
  readonly fused?: boolean;
  readonly more?: Readonly<Record<string, number | readonly boolean[] | readonly number[]>>;
  /** Layers that are recurrent instead of attending; the rest attends. */
  readonly recurrent?: (layer: number) => boolean;
}

/** A header of that shape: every tensor's name, none of its bytes. */
export function headerOf(shape: ModelShape): GgufHeader {
  const { architecture: arch, layers, fused = false, recurrent = () => false } = shape;
  const number = (value: number): MetadataValue => ({ type: 'uint32', value });
  const metadata = new Map<string, MetadataValue>([
    ['general.architecture', { type: 'string', value: arch }],
    [`${arch}.block_count`, number(layers)],
    [`${arch}.embedding_length`, number(shape.embedding)],
    [`${arch}.feed_forward_length`, number(shape.feedForward)],
    [`${arch}.attention.head_count`, number(shape.heads)],
    [`${arch}.attention.head_count_kv`, number(shape.kvHeads)],
    [`${arch}.attention.key_length`, number(shape.headLength)],
    [`${arch}.attention.value_length`, number(shape.headLength)],
    [`${arch}.vocab_size`, number(shape.vocabulary)],
  ]);
  for (const [key, value] of Object.entries(shape.more ?? {})) {
    metadata.set(`${arch}.${key}`, typeof value === 'number' ? number(value) : list(value));
  }
  const names = ['token_embd.weight'];
  for (let layer = 0; layer < layers; layer++) {
    const attention = recurrent(layer)
      ? ['ssm_conv1d']
      : fused
        ? ['attn_qkv']
        : ['attn_q', 'attn_k', 'attn_v'];
    const roles = [...attention, ...(fused ? [] : ['ffn_gate']), 'ffn_up', 'ffn_down'];
    names.push(...roles.map((role) => `blk.${layer}.${role}.weight`));
  }
  return { version: 3, alignment: 32, dataOffset: 0, metadata, tensors: names.map(emptyTensor) };
}

function emptyTensor(name: string): TensorInfo {
  return { name, type: 'F16', shape: [0, 0], offset: 0, sizeBytes: 0, elements: 0 };
}

function list(values: readonly (boolean | number)[]): MetadataValue {
  const encoded = Uint8Array.from(values, Number);
  const view: ArrayView = {
    elementType: typeof values[0] === 'boolean' ? 'bool' : 'uint8',
    length: values.length,
    encoded,
    pieces: () => [encoded],
    at: (index) => values[index] ?? false,
    bytesAt: (index) => encoded.subarray(index, index + 1),
    slice: (start, end) => values.slice(start, end),
    toArray: () => [...values],
    [Symbol.iterator]: () => values[Symbol.iterator](),
  };
  return { type: 'array', value: view };
}

export const PHI_3_MINI: ModelShape = {
  architecture: 'phi3',
  layers: 32,
  embedding: 3072,
  feedForward: 8192,
  heads: 32,
  kvHeads: 32,
  headLength: 96,
  vocabulary: 32_064,
  fused: true,
  // Written by the converter, disabled by llama.cpp.
  more: { 'attention.sliding_window': 2047 },
};

const QWEN_2_5_1_5B: ModelShape = {
  architecture: 'qwen2',
  layers: 28,
  embedding: 1536,
  feedForward: 8960,
  heads: 12,
  kvHeads: 2,
  headLength: 128,
  vocabulary: 151_936,
};

const recursThreeTimesOfFour = (layer: number) => (layer + 1) % 4 !== 0;

/** A model with the buffers, in MiB, that llama.cpp logged on real phones at 2,048 tokens, batch 512, f16 cache. */
export interface LoggedBuffers {
  readonly shape: ModelShape;
  /** The last line "KV buffer size" of the log; a model with windowed layers has two, and this is the windowed part. */
  readonly kvMib: number;
  readonly kvIsWindowedPart?: boolean;
  /** CPU with flash attention; OpenCL without, all layers on it and no tensor type falling back to the CPU. */
  readonly cpuMib: number;
  readonly openclMib: number;
}

/** PocketPal's public benchmark baselines (MIT): llama.rn 0.12.0-rc.9 on three Android phones. */
export const LOGGED_BUFFERS: Readonly<Record<string, LoggedBuffers>> = {
  'phi-3.5-mini': { shape: PHI_3_MINI, kvMib: 768, cpuMib: 90.64, openclMib: 184.02 },
  'phi-4-mini': {
    shape: { ...PHI_3_MINI, heads: 24, kvHeads: 8, headLength: 128, vocabulary: 200_064 },
    kvMib: 256,
    cpuMib: 418.76,
    openclMib: 422.76,
  },
  'qwen2.5-1.5b': { shape: QWEN_2_5_1_5B, kvMib: 56, cpuMib: 302.75, openclMib: 310.76 },
  'deepseek-r1-distill-qwen-1.5b': { shape: QWEN_2_5_1_5B, kvMib: 56, cpuMib: 302.75, openclMib: 310.76 },
  'qwen3-1.7b': {
    shape: {
      ...QWEN_2_5_1_5B,
      architecture: 'qwen3',
      embedding: 2048,
      feedForward: 6144,
      heads: 16,
      kvHeads: 8,
    },
    kvMib: 224,
    cpuMib: 304.75,
    openclMib: 316.76,
  },
  'smollm2-1.7b': {
    shape: {
      architecture: 'llama',
      layers: 24,
      embedding: 2048,
      feedForward: 8192,
      heads: 32,
      kvHeads: 32,
      headLength: 64,
      vocabulary: 49_152,
    },
    kvMib: 384,
    cpuMib: 104,
    openclMib: 176.02,
  },
  'gemma-3-1b': {
    shape: {
      architecture: 'gemma3',
      layers: 26,
      embedding: 1152,
      feedForward: 6912,
      heads: 4,
      kvHeads: 1,
      headLength: 256,
      vocabulary: 262_144,
      more: { 'attention.sliding_window': 512 },
    },
    kvMib: 22,
    kvIsWindowedPart: true,
    cpuMib: 516.5,
    openclMib: 526.76,
  },
  'gemma-4-e2b': {
    shape: {
      architecture: 'gemma4',
      layers: 35,
      embedding: 1536,
      feedForward: 12_288,
      heads: 8,
      kvHeads: 1,
      headLength: 512,
      vocabulary: 262_144,
      more: {
        'attention.sliding_window': 512,
        'attention.sliding_window_pattern': Array.from({ length: 35 }, (_, layer) => (layer + 1) % 5 !== 0),
        'attention.key_length_swa': 256,
        'attention.value_length_swa': 256,
        'attention.shared_kv_layers': 20,
        embedding_length_per_layer_input: 256,
        final_logit_softcapping: 30,
      },
    },
    kvMib: 12,
    kvIsWindowedPart: true,
    cpuMib: 518,
    openclMib: 548.52,
  },
  'lfm2.5-1.2b-instruct': {
    shape: {
      architecture: 'lfm2',
      layers: 16,
      embedding: 2048,
      feedForward: 8192,
      heads: 32,
      kvHeads: 8,
      headLength: 64,
      vocabulary: 65_536,
      recurrent: (layer) => ![2, 5, 8, 10, 12, 14].includes(layer),
      more: {
        'shortconv.l_cache': 3,
        'attention.head_count_kv': Array.from({ length: 16 }, (_, layer) =>
          [2, 5, 8, 10, 12, 14].includes(layer) ? 8 : 0,
        ),
      },
    },
    kvMib: 24,
    cpuMib: 136,
    openclMib: 164.02,
  },
  'qwen3.5-0.8b': {
    shape: {
      architecture: 'qwen35',
      layers: 24,
      embedding: 1024,
      feedForward: 3584,
      heads: 8,
      kvHeads: 2,
      headLength: 256,
      vocabulary: 248_320,
      recurrent: recursThreeTimesOfFour,
    },
    kvMib: 24,
    cpuMib: 489,
    openclMib: 497.02,
  },
  'qwen3.5-2b': {
    shape: {
      architecture: 'qwen35',
      layers: 24,
      embedding: 2048,
      feedForward: 6144,
      heads: 8,
      kvHeads: 2,
      headLength: 256,
      vocabulary: 248_320,
      recurrent: recursThreeTimesOfFour,
    },
    kvMib: 24,
    cpuMib: 493,
    openclMib: 503.02,
  },
};
