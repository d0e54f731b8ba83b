import { modelFacts } from '../gguf/facts.ts';
import type { GgufHeader } from '../gguf/header.ts';
import type { CacheType, PhoneBackend } from '../schema/terms.ts';
import { footprint, type TokenBytes, tokenBytes } from './footprint.ts';
import { attendsItself, isRepacked, LLAMA_RN } from './kernels.ts';

export interface PhoneMemoryRequest {
  readonly contextSize: number;
  readonly cacheType: CacheType;
  readonly backend: PhoneBackend;
  /** Default: as llama.cpp decides, on where the backend runs it itself; a quantized cache needs it. */
  readonly flashAttention?: boolean;
  /** The phone's, as its maker names it: not every generation of Adreno runs flash attention. */
  readonly gpu?: string | undefined;
}

/** Memory of a model loaded on a phone, in bytes; estimated from the header. */
export interface PhoneMemory {
  /** As the engine logs them: the output matrix a second time where it is made of the token embedding. */
  readonly weightsBytes: number;
  readonly kvBytes: number;
  /** Of recurrent layers. */
  readonly stateBytes: number;
  /** Copies of that state that llama.rn keeps between the turns of a chat, at most (state_cache_budget_mb). */
  readonly checkpointBytes: number;
  readonly computeBytes: number;
  readonly totalBytes: number;
  /** Weights that the CPU keeps rearranged for its kernels: memory of the app's own, mmap or not. */
  readonly repackedBytes: number;
  /** With mmap: pages of the file, which the system may drop and read again, and what it may not. */
  readonly fileBytes: number;
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
  const estimated = footprint(header, {
    contextSize,
    cacheType,
    flashAttention,
    backend: backend === 'cpu' || backend === 'hexagon' ? 'cpu' : 'gpu',
  });
  if (estimated === null) return null;
  const { kvBytes, stateBytes } = estimated;
  const computeBytes = estimated.computeBytes + (backend === 'hexagon' ? HEXAGON_BYTES : 0);
  const embedding = header.tensors.find(({ name }) => name === 'token_embd.weight');
  const isTied = !header.tensors.some(({ name }) => name === 'output.weight');
  // Lookups stay with the plain CPU buffer, so a shared matrix is loaded again into the buffer that multiplies;
  // Metal's buffers lie over the mapped file instead.
  const isCopied = backend === 'cpu' ? embedding !== undefined && isRepacked(embedding) : backend !== 'metal';
  const copyBytes = isTied && isCopied ? (embedding?.sizeBytes ?? 0) : 0;
  const weightsBytes = estimated.weightsBytes + copyBytes;
  const repackedBytes =
    backend === 'cpu'
      ? copyBytes +
        header.tensors.reduce(
          (sum, tensor) =>
            sum + (isRepacked(tensor) && !tensor.name.includes('token_embd') ? tensor.sizeBytes : 0),
          0,
        )
      : 0;
  const { stateCacheMebibytes, stateCheckpoints } = LLAMA_RN.defaults;
  const checkpointBytes = Math.min(stateCacheMebibytes * 2 ** 20, stateCheckpoints * stateBytes);
  const ownBytes = kvBytes + stateBytes + checkpointBytes + computeBytes;
  // OpenCL and Hexagon copy all weights into memory of their own.
  const copiedBytes = backend === 'cpu' ? repackedBytes : backend === 'metal' ? 0 : weightsBytes;
  return {
    weightsBytes,
    kvBytes,
    stateBytes,
    checkpointBytes,
    computeBytes,
    totalBytes: weightsBytes + ownBytes,
    repackedBytes,
    fileBytes: backend === 'cpu' || backend === 'metal' ? estimated.weightsBytes : 0,
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
