import { layoutOf, type TensorType } from '../gguf/tensor-types.ts';
import type { CacheType } from '../schema/terms.ts';
import type { LayerMemory } from './attention-layers.ts';

export type { CacheType } from '../schema/terms.ts';

/** What each is called in a file. */
const TENSOR_TYPES = {
  f32: 'F32',
  f16: 'F16',
  bf16: 'BF16',
  q8_0: 'Q8_0',
  q5_1: 'Q5_1',
  q5_0: 'Q5_0',
  q4_1: 'Q4_1',
  q4_0: 'Q4_0',
  iq4_nl: 'IQ4_NL',
} as const satisfies Record<CacheType, TensorType>;

/** llama.cpp rounds a context up to a multiple of this (`GGML_PAD(cparams.n_ctx, 256)`, llama-context.cpp). */
const CONTEXT_STEP = 256;

/** The tokens that llama.cpp makes room for when a context of this size is asked for. */
export function paddedContext(contextSize: number): number {
  return Math.ceil(contextSize / CONTEXT_STEP) * CONTEXT_STEP;
}

export interface CacheRequest {
  readonly contextSize: number;
  readonly keyType: CacheType;
  readonly valueType: CacheType;
  /** Tokens evaluated at once: a windowed layer keeps its window and one such batch. */
  readonly microBatch: number;
}

/** Tokens that a layer's cache holds (llama-kv-cache-iswa.cpp: window + batch, never more than the context). */
export function cachedTokens({ window }: LayerMemory, contextSize: number, microBatch: number): number {
  const all = paddedContext(contextSize);
  return window === null ? all : paddedContext(Math.min(all, window + microBatch));
}

/** Bytes of the cache for keys and values of all layers. */
export function kvCacheBytes(layers: readonly LayerMemory[], request: CacheRequest): number {
  let bytes = 0;
  for (const layer of layers) {
    const tokens = cachedTokens(layer, request.contextSize, request.microBatch);
    bytes += tokens * rowBytes(layer.keyElements, request.keyType);
    bytes += tokens * rowBytes(layer.valueElements, request.valueType);
  }
  return bytes;
}

function rowBytes(elements: number, type: CacheType): number {
  const { blockElements, blockBytes } = layoutOf(TENSOR_TYPES[type]);
  return Math.ceil(elements / blockElements) * blockBytes;
}
