import { modelFacts } from '../gguf/facts.ts';
import type { GgufHeader } from '../gguf/header.ts';
import type { CacheType, PhoneBackend } from '../schema/terms.ts';
import { footprint, type PlannedBuffers, type TokenBytes, tokenBytes } from './footprint.ts';
import { attendsItself, LLAMA_RN } from './kernels.ts';
import type { LoadedWeights } from './loaded-weights.ts';

export interface PhoneMemoryRequest {
  readonly contextSize: number;
  readonly cacheType: CacheType;
  readonly backend: PhoneBackend;
  /** Default: as llama.cpp decides, on where the backend runs it itself; a quantized cache needs it. */
  readonly flashAttention?: boolean;
  /** The phone's, as its maker names it: not every generation of Adreno runs flash attention. */
  readonly gpu?: string | undefined;
  /** What llama.cpp itself says of a load, or why it refuses it; the formulas stand for loads that it was not asked of. */
  readonly planned?:
    | ((load: PlannedLoad) => PlannedBuffers | { readonly refused: string } | undefined)
    | undefined;
}

export interface PlannedLoad {
  readonly contextSize: number;
  readonly cacheType: CacheType;
  readonly flashAttention: boolean;
}

/** Memory of a model loaded on a phone, in bytes; estimated from the header. */
export interface PhoneMemory extends LoadedWeights {
  /** `engine`: cache and compute buffer are what llama.cpp would allocate. */
  readonly basis: 'estimated' | 'engine';
  /** Why llama.cpp refuses such a context; null where it does not, or was not asked. */
  readonly refused: string | null;
  readonly kvBytes: number;
  /** Of recurrent layers. */
  readonly stateBytes: number;
  /** Copies of that state that llama.rn keeps between the turns of a chat, at most (state_cache_budget_mb). */
  readonly checkpointBytes: number;
  readonly computeBytes: number;
  readonly totalBytes: number;
  /** With mmap: what the system may not drop. */
  readonly anonymousBytes: number;
  /** One more token in the cache; null where nothing is kept. */
  readonly perToken: TokenBytes | null;
}

/**
 * What the NPU's splits of the graph hold beside the CPU's: the constant with the least median error over the 143
 * measured rows (11 %). It depends on the chip, from 11 to 465 MiB, and no header tells it.
 */
const HEXAGON_BYTES = 50 * 2 ** 20;

/** Null where nothing could be loaded; see {@link footprint}. */
export function phoneMemory(header: GgufHeader, request: PhoneMemoryRequest): PhoneMemory | null {
  const { contextSize, cacheType, backend, gpu } = request;
  const attention = { keyType: cacheType, valueType: cacheType, gpu };
  const flashAttention =
    cacheType !== 'f16' || (request.flashAttention ?? attendsItself(header, backend, attention));
  const said = request.planned?.({ contextSize, cacheType, flashAttention });
  const planned = said === undefined || 'refused' in said ? undefined : said;
  const estimated = footprint(header, {
    contextSize,
    cacheType,
    flashAttention,
    backend,
    ...(planned === undefined ? {} : { planned }),
  });
  if (estimated === null) return null;
  const { weightsBytes, repackedBytes, fileBytes, kvBytes, stateBytes } = estimated;
  const computeBytes = estimated.computeBytes + (backend === 'hexagon' ? HEXAGON_BYTES : 0);
  const { stateCacheMebibytes, stateCheckpoints } = LLAMA_RN.defaults;
  const checkpointBytes = Math.min(stateCacheMebibytes * 2 ** 20, stateCheckpoints * stateBytes);
  const ownBytes = kvBytes + stateBytes + checkpointBytes + computeBytes;
  // OpenCL and Hexagon copy all weights into memory of their own.
  const copiedBytes = backend === 'cpu' ? repackedBytes : backend === 'metal' ? 0 : weightsBytes;
  return {
    basis: planned === undefined ? 'estimated' : 'engine',
    refused: said !== undefined && 'refused' in said ? said.refused : null,
    weightsBytes,
    kvBytes,
    stateBytes,
    checkpointBytes,
    computeBytes,
    totalBytes: weightsBytes + ownBytes,
    repackedBytes,
    fileBytes,
    anonymousBytes: copiedBytes + ownBytes,
    perToken: tokenBytes(header, cacheType),
  };
}

/** Whether every query head has keys of its own: the cache is then several times that of a grouped model. */
export function hasNoGroupedQueries(header: GgufHeader): boolean {
  const { heads, kvHeadsByLayer } = modelFacts(header);
  return (
    heads !== undefined &&
    heads > 1 &&
    kvHeadsByLayer.length > 0 &&
    kvHeadsByLayer.every((kv) => kv === heads)
  );
}
