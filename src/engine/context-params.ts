import type { CacheType, PlannedContext } from './engine.ts';
import { ENUMS } from './llama-cpp/declarations.ts';
import type { LlamaCpp } from './llama-cpp/library.ts';
import type { Struct } from './llama-cpp/types.ts';

const CACHE_TYPES: Record<CacheType, number> = {
  f32: ENUMS.ggml_type.GGML_TYPE_F32,
  f16: ENUMS.ggml_type.GGML_TYPE_F16,
  q4_0: ENUMS.ggml_type.GGML_TYPE_Q4_0,
  q4_1: ENUMS.ggml_type.GGML_TYPE_Q4_1,
  q5_0: ENUMS.ggml_type.GGML_TYPE_Q5_0,
  q5_1: ENUMS.ggml_type.GGML_TYPE_Q5_1,
  q8_0: ENUMS.ggml_type.GGML_TYPE_Q8_0,
  iq4_nl: ENUMS.ggml_type.GGML_TYPE_IQ4_NL,
  bf16: ENUMS.ggml_type.GGML_TYPE_BF16,
};

/** llama.cpp's parameters for `options`: those of llama-bench, whose defaults are not the library's. */
export function contextParams({ api }: LlamaCpp, options: PlannedContext): Struct<'llama_context_params'> {
  const flash = ENUMS.llama_flash_attn_type;
  return {
    ...api.llama_context_default_params(),
    n_ctx: options.contextSize * (options.shared === true ? 1 : options.sequences),
    kv_unified: options.shared === true,
    n_batch: options.batchSize,
    n_ubatch: options.batchSize,
    n_seq_max: options.sequences,
    flash_attn_type:
      options.flashAttention === 'auto'
        ? flash.LLAMA_FLASH_ATTN_TYPE_AUTO
        : options.flashAttention === 'on'
          ? flash.LLAMA_FLASH_ATTN_TYPE_ENABLED
          : flash.LLAMA_FLASH_ATTN_TYPE_DISABLED,
    type_k: CACHE_TYPES[options.keyType],
    type_v: CACHE_TYPES[options.valueType],
    // A shared cache goes back to where items part, which one that drops tokens cannot.
    swa_full: options.shared === true,
  };
}
