import type { MetadataValue, ScalarType } from '../gguf/index.ts';

/** How one metadata key of an architecture is written: `block_count` of `phi3.block_count`. */
export interface KeySpec {
  readonly suffix: string;
  readonly type: Extract<ScalarType, 'uint32' | 'float32' | 'string' | 'bool'>;
  readonly required: boolean;
  /** Whether an array with a value for each layer may stand in place of one value. */
  readonly perLayer?: boolean;
}

/**
 * Keys that the covered architectures read (`load_hparams`, src/llama-model.cpp:1231-1411). llama.cpp accepts no
 * other type for them (src/llama-model-loader.cpp, GGUFMeta::GKV). It lets head counts and the feed-forward length
 * be absent and then fails at the shapes that follow from zeros, so they count as required here.
 */
export const KEY_SPECS: readonly KeySpec[] = [
  { suffix: 'context_length', type: 'uint32', required: true },
  { suffix: 'embedding_length', type: 'uint32', required: true },
  { suffix: 'block_count', type: 'uint32', required: true },
  { suffix: 'feed_forward_length', type: 'uint32', required: true, perLayer: true },
  { suffix: 'attention.head_count', type: 'uint32', required: true, perLayer: true },
  { suffix: 'attention.head_count_kv', type: 'uint32', required: false, perLayer: true },
  { suffix: 'attention.layer_norm_rms_epsilon', type: 'float32', required: true },
  { suffix: 'attention.key_length', type: 'uint32', required: false },
  { suffix: 'attention.value_length', type: 'uint32', required: false },
  { suffix: 'attention.sliding_window', type: 'uint32', required: false },
  { suffix: 'attention.causal', type: 'bool', required: false },
  { suffix: 'attn_logit_softcapping', type: 'float32', required: false },
  { suffix: 'final_logit_softcapping', type: 'float32', required: false },
  { suffix: 'rope.dimension_count', type: 'uint32', required: false },
  { suffix: 'rope.freq_base', type: 'float32', required: false },
  { suffix: 'rope.freq_base_swa', type: 'float32', required: false },
  { suffix: 'rope.scaling.type', type: 'string', required: false },
  { suffix: 'rope.scaling.factor', type: 'float32', required: false },
  { suffix: 'rope.scale_linear', type: 'float32', required: false },
  { suffix: 'rope.scaling.attn_factor', type: 'float32', required: false },
  { suffix: 'rope.scaling.original_context_length', type: 'uint32', required: false },
  { suffix: 'rope.scaling.finetuned', type: 'bool', required: false },
  { suffix: 'expert_count', type: 'uint32', required: false },
  { suffix: 'expert_used_count', type: 'uint32', required: false, perLayer: true },
  { suffix: 'vocab_size', type: 'uint32', required: false },
];

/** Keys of any model that llama.cpp reads with one type only; another type ends the load. */
export const GENERAL_KEY_TYPES: ReadonlyMap<string, ScalarType> = new Map<string, ScalarType>([
  ['general.name', 'string'],
  ['general.file_type', 'uint32'],
  ['tokenizer.ggml.model', 'string'],
  ['tokenizer.ggml.pre', 'string'],
  ['tokenizer.ggml.token_type_count', 'uint32'],
  ['tokenizer.ggml.add_bos_token', 'bool'],
  ['tokenizer.ggml.add_eos_token', 'bool'],
  ['tokenizer.ggml.add_sep_token', 'bool'],
  ['tokenizer.ggml.add_space_prefix', 'bool'],
  ['tokenizer.ggml.remove_extra_whitespaces', 'bool'],
]);

/** Whether a value is written as its key demands; an array of layers holds 32-bit integers of either sign. */
export function hasRightType(value: MetadataValue, { type, perLayer }: KeySpec): boolean {
  if (value.type !== 'array') return value.type === type;
  if (perLayer !== true) return false;
  return value.value.elementType === 'uint32' || value.value.elementType === 'int32';
}
