import type { GgufHeader } from '../gguf/header.ts';
import type { CacheType, PhoneBackend } from '../schema/terms.ts';
import { layerMemories } from './attention-layers.ts';
import { computeBytes as bufferBytes, graphWidths, hostBytes } from './compute-buffer.ts';
import { decoderBufferBytes } from './decoder-graph.ts';
import { CONTEXT_STEP, kvCacheBytes, paddedContext } from './kv-cache.ts';
import { type LoadedWeights, loadedWeights } from './loaded-weights.ts';

/** How a model is going to be loaded. Defaults are llama.cpp's own. */
export interface FootprintRequest {
  readonly contextSize: number;
  /** Of keys and values alike. Default: f16. */
  readonly cacheType?: CacheType;
  /** Default: 512. */
  readonly microBatch?: number;
  /** Default: true, which is what `auto` comes to on CPUs, Metal, CUDA and Vulkan. */
  readonly flashAttention?: boolean;
  /** Default: `cpu`. */
  readonly backend?: PhoneBackend;
  /** What llama.cpp itself said of this load on a CPU, in place of the formulas for cache and compute buffer. */
  readonly planned?: PlannedBuffers;
}

/** What llama.cpp would allocate on a CPU beside the weights, in bytes. */
export interface PlannedBuffers {
  /** With the state of recurrent layers. */
  readonly kvBytes: number;
  readonly computeBytes: number;
}

/** Memory that a loaded model takes, in bytes. Estimated from the header: nothing was run. */
export interface Footprint extends LoadedWeights {
  /** As asked, and as llama.cpp rounds it up. */
  readonly contextSize: number;
  readonly paddedContextSize: number;
  readonly cacheType: CacheType;
  readonly kvBytes: number;
  /** The fixed state of recurrent layers; 0 for a plain transformer. */
  readonly stateBytes: number;
  readonly computeBytes: number;
  readonly totalBytes: number;
}

/** Bytes of cache that one more token adds. */
export interface TokenBytes {
  /** While no window is full. */
  readonly below: number;
  /** Past every window, where only the layers that see all tokens still grow. */
  readonly beyond: number;
}

/** Null where nothing is kept of a token. */
export function tokenBytes(header: GgufHeader, cacheType: CacheType = 'f16'): TokenBytes | null {
  const layers = layerMemories(header);
  const at = (contextSize: number) =>
    kvCacheBytes(layers, { contextSize, keyType: cacheType, valueType: cacheType, microBatch: CONTEXT_STEP });
  const full = paddedContext(Math.max(0, ...layers.map(({ window }) => window ?? 0)) + CONTEXT_STEP);
  // Of cells that hold several tokens whole steps are compared.
  const stride =
    CONTEXT_STEP * Math.max(1, ...layers.flatMap(({ further }) => further.map((f) => f.tokensPerCell)));
  const start = Math.ceil(full / stride) * stride;
  const below = at(CONTEXT_STEP) / CONTEXT_STEP;
  const beyond = (at(start + stride) - at(start)) / stride;
  return below > 0 && Number.isSafeInteger(at(start + stride)) ? { below, beyond } : null;
}

const MICRO_BATCH = 512;
const F32_BYTES = 4;

/**
 * Estimates the memory that a model takes once it is loaded, from its header alone: tensors, KV cache
 * (layers × tokens × (n_embd_k_gqa × bytes(type_k) + n_embd_v_gqa × bytes(type_v)), windowed and recurrent
 * layers taken as they are) and compute buffer. The app's own memory is not in it.
 * @returns null where the header does not describe layers that could be loaded: a vocabulary, an encoder, a
 *   file whose numbers make no sense
 */
export function footprint(header: GgufHeader, request: FootprintRequest): Footprint | null {
  const layers = layerMemories(header);
  if (layers.length === 0) return null;
  const {
    contextSize,
    cacheType = 'f16',
    microBatch = MICRO_BATCH,
    flashAttention = true,
    backend = 'cpu',
    planned,
  } = request;
  const tokensAtOnce = Math.min(microBatch, contextSize);
  const weights = loadedWeights(header, backend);
  const cache = {
    contextSize,
    keyType: cacheType,
    valueType: cacheType,
    microBatch: tokensAtOnce,
    flashAttention,
  };
  const stateBytes = layers.reduce((sum, { stateElements }) => sum + stateElements, 0) * F32_BYTES;
  const kvBytes = planned === undefined ? kvCacheBytes(layers, cache) : planned.kvBytes - stateBytes;
  const onGpu = backend !== 'cpu' && backend !== 'hexagon';
  const buffers = { contextSize, microBatch, flashAttention, onGpu };
  const widths = graphWidths(header);
  const ownBytes =
    planned?.computeBytes ??
    decoderBufferBytes(header, layers, { contextSize, tokens: tokensAtOnce, flashAttention, cacheType }) ??
    bufferBytes(widths, layers, buffers);
  const computeBytes = ownBytes + hostBytes(widths, layers, buffers);
  const parts = [weights.weightsBytes, kvBytes, stateBytes, computeBytes];
  // Widths come from the file as they are: one that is negative or beyond reason makes no estimate.
  if (!parts.every((bytes) => Number.isSafeInteger(bytes) && bytes >= 0)) return null;
  return {
    contextSize,
    paddedContextSize: paddedContext(contextSize),
    cacheType,
    ...weights,
    kvBytes,
    stateBytes,
    computeBytes,
    totalBytes: parts.reduce((sum, bytes) => sum + bytes, 0),
  };
}
