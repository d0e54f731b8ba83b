import type { WritableValue } from '../../src/gguf/index.ts';
import type { SmallModel } from './small-models.ts';

const u32 = (value: number): WritableValue => ({ type: 'uint32', value });

/** An architecture with the numbers of a model that people run, for headers alone. */
export interface RealShape {
  readonly name: string;
  readonly architecture: string;
  readonly changes: Partial<SmallModel>;
}

type Numbers = readonly [
  layers: number,
  embedding: number,
  feedForward: number,
  heads: number,
  keyHeads: number,
  headLength: number,
  vocabulary: number,
];

const shape = (
  name: string,
  architecture: string,
  [layers, embedding, feedForward, heads, keyHeads, headLength, vocabulary]: Numbers,
  changes: Partial<SmallModel> = {},
): RealShape => ({
  name,
  architecture,
  changes: {
    layers,
    embedding,
    feedForward,
    heads,
    keyHeads,
    headLength,
    vocabulary,
    window: null,
    ...changes,
  },
});

const inLayers = (layers: number, valueIn: (layer: number) => number): WritableValue => ({
  type: 'array',
  elementType: 'uint32',
  values: Array.from({ length: layers }, (_, layer) => valueIn(layer)),
});
const pattern = (value: number) => ({ 'attention.sliding_window_pattern': u32(value) });

/** Layers, embedding, feed-forward, heads, heads of keys, head length, vocabulary; from the models' own config.json. */
export const REAL_SHAPES: readonly RealShape[] = [
  shape('Llama-3.2-1B', 'llama', [16, 2048, 8192, 32, 8, 64, 128_256]),
  shape('Llama-3.2-3B', 'llama', [28, 3072, 8192, 24, 8, 128, 128_256]),
  shape('Mistral-7B', 'llama', [32, 4096, 14_336, 32, 8, 128, 32_768]),
  shape('SmolLM2-135M', 'llama', [30, 576, 1536, 9, 3, 64, 49_152]),
  shape('Phi-3-mini', 'phi3', [32, 3072, 8192, 32, 32, 96, 32_064]),
  shape('Phi-4-mini', 'phi3', [32, 3072, 8192, 24, 8, 128, 200_064]),
  shape('Qwen2.5-1.5B', 'qwen2', [28, 1536, 8960, 12, 2, 128, 151_936]),
  shape('Qwen3-4B', 'qwen3', [36, 2560, 9728, 32, 8, 128, 151_936]),
  shape('Qwen3-30B-A3B', 'qwen3moe', [48, 2048, 6144, 32, 4, 128, 151_936], {
    experts: 128,
    expertsUsed: 8,
    more: { expert_feed_forward_length: u32(768) },
  }),
  shape('Gemma-2-2B', 'gemma2', [26, 2304, 9216, 8, 4, 256, 256_000], { window: 4096, more: pattern(2) }),
  shape('Gemma-3-1B', 'gemma3', [26, 1152, 6912, 4, 1, 256, 262_144], { window: 512, more: pattern(6) }),
  shape('EXAONE-4.0-1.2B', 'exaone4', [30, 2048, 4096, 32, 8, 64, 102_400]),
  shape('gpt-oss-20b', 'gpt-oss', [24, 2880, 2880, 64, 8, 64, 201_088], {
    window: 128,
    experts: 32,
    expertsUsed: 4,
    more: { expert_feed_forward_length: u32(2880), ...pattern(2) },
  }),
  shape('Mamba-2-1.3B', 'mamba2', [48, 2048, 1, 64, 64, 64, 50_288], {
    more: {
      'ssm.inner_size': u32(4096),
      'ssm.state_size': u32(128),
      'ssm.group_count': u32(1),
      'ssm.time_step_rank': u32(64),
    },
  }),
  shape('LFM2-1.2B', 'lfm2', [16, 2048, 8192, 32, 8, 64, 65_536], { attending: [2, 5, 8, 10, 12, 14] }),
  shape('Granite-4.0-H-Micro', 'granitehybrid', [40, 2048, 8192, 32, 8, 64, 100_352], {
    attending: [5, 15, 25, 35],
    more: {
      'ssm.inner_size': u32(4096),
      'ssm.state_size': u32(128),
      'ssm.group_count': u32(1),
      'ssm.time_step_rank': u32(64),
    },
  }),
  shape('Falcon-H1-1.5B', 'falcon-h1', [24, 2048, 4096, 8, 2, 128, 65_537], {
    more: {
      'ssm.inner_size': u32(3072),
      'ssm.state_size': u32(256),
      'ssm.group_count': u32(1),
      'ssm.time_step_rank': u32(48),
    },
  }),
  shape('Qwen3.5-0.8B', 'qwen35', [24, 1024, 3584, 8, 2, 256, 248_320], {
    attending: [3, 7, 11, 15, 19, 23],
    more: {
      full_attention_interval: u32(4),
      'ssm.inner_size': u32(2048),
      'ssm.state_size': u32(128),
      'ssm.group_count': u32(16),
      'ssm.time_step_rank': u32(16),
    },
  }),
  // The layers before those that share their caches are half as wide.
  shape('Gemma-4-E2B', 'gemma4', [35, 1536, 12_288, 8, 1, 512, 262_144], {
    window: 512,
    more: {
      embedding_length_per_layer_input: u32(256),
      feed_forward_length: inLayers(35, (layer) => (layer < 15 ? 6144 : 12_288)),
      final_logit_softcapping: { type: 'float32', value: 30 },
      'attention.shared_kv_layers': u32(20),
      'attention.sliding_window_pattern': inLayers(35, (layer) => (layer % 5 === 4 ? 0 : 1)),
      'attention.key_length_swa': u32(256),
      'attention.value_length_swa': u32(256),
    },
  }),
  shape('Gemma-3n-E2B', 'gemma3n', [30, 2048, 8192, 8, 2, 256, 262_144], {
    window: 512,
    more: {
      ...pattern(5),
      'attention.shared_kv_layers': u32(10),
      embedding_length_per_layer_input: u32(256),
    },
  }),
  shape('DeepSeek-V2-Lite', 'deepseek2', [27, 2048, 10_944, 16, 1, 576, 102_400], {
    experts: 64,
    expertsUsed: 6,
    more: { expert_feed_forward_length: u32(1408), expert_shared_count: u32(2) },
  }),
  shape('RWKV-7-1.5B', 'rwkv7', [24, 2048, 8192, 32, 32, 64, 65_536], {
    more: {
      'attention.decay_lora_rank': u32(96),
      'attention.iclr_lora_rank': u32(96),
      'attention.value_residual_mix_lora_rank': u32(64),
      'attention.gate_lora_rank': u32(256),
    },
  }),
];
