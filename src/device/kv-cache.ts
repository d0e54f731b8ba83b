import { layoutOf } from '../gguf/tensor-types.ts';
import type { CacheType } from '../schema/terms.ts';
import type { LayerMemory } from './attention-layers.ts';

/** llama.cpp rounds a context up to a multiple of this (`GGML_PAD(cparams.n_ctx, 256)`, llama-context.cpp). */
export const CONTEXT_STEP = 256;

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
  return layers.reduce((sum, layer) => {
    const tokens = cachedTokens(layer, request.contextSize, request.microBatch);
    const keyBytes = tokens * rowBytes(layer.keyElements, request.keyType);
    return sum + keyBytes + tokens * rowBytes(layer.valueElements, request.valueType);
  }, 0);
}

function rowBytes(elements: number, type: CacheType): number {
  const { blockElements, blockBytes } = layoutOf(type.toUpperCase() as Uppercase<CacheType>);
  return Math.ceil(elements / blockElements) * blockBytes;
}
