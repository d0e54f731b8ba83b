import { layoutOf } from '../gguf/tensor-types.ts';
import type { CacheType } from '../schema/terms.ts';
import type { FurtherCache, LayerMemory } from './attention-layers.ts';

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
  /** Default: true. */
  readonly flashAttention?: boolean;
}

/** Tokens that a layer's cache holds (llama-kv-cache-iswa.cpp: window + batch, never more than the context). */
export function cachedTokens({ window }: LayerMemory, contextSize: number, microBatch: number): number {
  const all = paddedContext(contextSize);
  return window === null ? all : paddedContext(Math.min(all, window + microBatch));
}

/**
 * Bytes of the cache for keys and values of all layers. Without flash attention values lie across, each layer's as wide
 * as the widest (llama-kv-cache.cpp, TAG_V_CACHE_VARIABLE).
 */
export function kvCacheBytes(layers: readonly LayerMemory[], request: CacheRequest): number {
  const { contextSize, keyType, valueType, microBatch, flashAttention = true } = request;
  const widest = layers.reduce((most, { valueElements }) => Math.max(most, valueElements), 0);
  return layers.reduce((sum, layer) => {
    const tokens = cachedTokens(layer, contextSize, microBatch);
    const values = flashAttention || layer.valueElements === 0 ? layer.valueElements : widest;
    const own = tokens * (rowBytes(layer.keyElements, keyType) + rowBytes(values, valueType));
    const further = layer.further.reduce((bytes, cache) => {
      const { keyElements, valueElements } = cache;
      return (
        bytes +
        furtherCells(cache, contextSize) *
          (rowBytes(keyElements, keyType) + rowBytes(valueElements, valueType))
      );
    }, 0);
    return sum + own + further;
  }, 0);
}

/** Cells of a further cache, which hold the tokens of the whole context. */
export function furtherCells({ tokensPerCell }: FurtherCache, contextSize: number): number {
  return paddedContext(Math.ceil(paddedContext(contextSize) / tokensPerCell));
}

export function rowBytes(elements: number, type: CacheType): number {
  const { blockElements, blockBytes } = layoutOf(type.toUpperCase() as Uppercase<CacheType>);
  return Math.ceil(elements / blockElements) * blockBytes;
}
