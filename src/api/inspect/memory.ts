import { footprint, tokenBytes } from '../../device/footprint.ts';
import { modelFacts } from '../../gguf/facts.ts';
import type { GgufHeader } from '../../gguf/header.ts';
import { getNumber } from '../../gguf/metadata.ts';
import type { Inspection, MemoryEstimate } from '../../schema/inspection.ts';
import { type CacheType, COMMON_CACHE_TYPES } from '../../schema/terms.ts';

const COMMON_CONTEXTS = [512, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072];
const DEFAULT_CONTEXT = 2048;
const MICRO_BATCH = 512;

/**
 * Estimated memory at several context sizes and cache types; the figures of the first context asked for stand
 * at the top.
 * @param asked context sizes; empty for common ones up to the model's own
 */
export function inspectMemory(header: GgufHeader, asked: readonly number[]): Inspection['memory'] {
  const [part, parts] = [getNumber(header, 'split.no') ?? 0, getNumber(header, 'split.count') ?? 1];
  if (parts > 1) {
    const reason = `the file is shard ${part + 1} of ${parts}, and the others hold the rest of the model`;
    return { status: 'unavailable', reason };
  }
  const contexts = asked.length > 0 ? asked : commonContexts(modelFacts(header).contextLength);
  const main = asked[0] ?? contexts.findLast((size) => size <= DEFAULT_CONTEXT) ?? DEFAULT_CONTEXT;
  const first = estimate(header, main, 'f16');
  if (first === null) {
    return {
      status: 'unavailable',
      reason: 'the header does not describe layers with a cache, as a vocabulary or an encoder does not',
    };
  }
  const perToken = tokenBytes(header);
  const byContext = contexts.flatMap((contextSize) =>
    COMMON_CACHE_TYPES.flatMap((cacheType) => estimate(header, contextSize, cacheType) ?? []),
  );
  return {
    ...first,
    basis: 'estimated',
    backend: 'cpu',
    microBatch: MICRO_BATCH,
    flashAttention: true,
    kvBytesPerToken: perToken?.below ?? 0,
    kvBytesPerTokenBeyondWindows: perToken?.beyond ?? 0,
    byContext,
  };
}

/** The common sizes below the model's own, and that one. */
function commonContexts(own: number | undefined): number[] {
  if (own === undefined || !Number.isSafeInteger(own) || own <= 0) return [DEFAULT_CONTEXT];
  return [...COMMON_CONTEXTS.filter((size) => size < own), own];
}

function estimate(header: GgufHeader, contextSize: number, cacheType: CacheType): MemoryEstimate | null {
  const estimated = footprint(header, { contextSize, cacheType, microBatch: MICRO_BATCH });
  if (estimated === null) return null;
  const { paddedContextSize: _, ...rest } = estimated;
  return rest;
}
