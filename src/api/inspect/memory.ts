import { isByFormula } from '../../device/compute-buffer.ts';
import { footprint, tokenBytes } from '../../device/footprint.ts';
import { refusedCacheType } from '../../device/kernels.ts';
import type { MemoryPlan, PlannedMemory } from '../../engine/engine.ts';
import { modelFacts } from '../../gguf/facts.ts';
import type { GgufHeader } from '../../gguf/header.ts';
import { getNumber } from '../../gguf/metadata.ts';
import { type Unavailable, unavailableBecause } from '../../schema/availability.ts';
import type { Inspection, MemoryEstimate } from '../../schema/inspection.ts';
import { type CacheType, COMMON_CACHE_TYPES } from '../../schema/terms.ts';
import { QuantscopeError } from '../../util/errors.ts';

const COMMON_CONTEXTS = [512, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072];
const DEFAULT_CONTEXT = 2048;
const MICRO_BATCH = 512;

type Memory = Exclude<Inspection['memory'], Unavailable>;
type Row = Memory['byContext'][number];

/** A context and a cache type. */
export interface InspectedLoad {
  readonly contextSize: number;
  readonly cacheType: CacheType;
}

/**
 * Memory at several context sizes and cache types, estimated; the figures of the first context asked for stand at the
 * top.
 * @param asked context sizes; empty for common ones up to the model's own
 */
export function inspectMemory(header: GgufHeader, asked: readonly number[]): Inspection['memory'] {
  const hidden = hiddenMemory(header);
  if (hidden !== null) return hidden;
  const loads = loadsOf(header, asked);
  const main = estimate(header, loads.main);
  return main === null
    ? unavailableBecause(
        'the header does not describe layers with a cache, as a vocabulary or an encoder does not',
      )
    : memoryOf(header, loads, 'estimated', main, (load) => {
        if (load === loads.main) return main;
        const reason = refusedCacheType(header, load.cacheType);
        return reason === null ? estimate(header, load) : { ...load, status: 'unavailable', reason };
      });
}

/**
 * The same by llama.cpp's own plans: a load that it refuses is a row with its reason.
 * @param plan asks llama.cpp
 * @throws what `plan` throws, but for llama.cpp's refusal of the whole model, which is the reason of no figures
 */
export async function plannedMemory(
  header: GgufHeader,
  asked: readonly number[],
  plan: (loads: readonly InspectedLoad[]) => Promise<readonly PlannedMemory[]>,
): Promise<Inspection['memory']> {
  const hidden = hiddenMemory(header);
  if (hidden !== null) return hidden;
  const loads = loadsOf(header, asked);
  const all = [...new Set([loads.main, ...loads.rows])];
  try {
    const plans = await plan(all);
    const stateBytes = footprint(header, { contextSize: loads.main.contextSize })?.stateBytes ?? 0;
    const rowOf = (load: InspectedLoad): Row => {
      const said = plans[all.indexOf(load)];
      const reason =
        said !== undefined && 'refused' in said ? said.refused : 'llama.cpp does not tell sizes here';
      const none = { ...load, status: 'unavailable', reason } as const;
      return said === undefined || 'refused' in said ? none : (planned(load, said, stateBytes) ?? none);
    };
    const main = rowOf(loads.main);
    if ('status' in main) return unavailableBecause(main.reason);
    return memoryOf(header, loads, 'engine', main, rowOf);
  } catch (thrown) {
    if (!(thrown instanceof QuantscopeError) || thrown.code !== 'engine/load-failed') throw thrown;
    return unavailableBecause(thrown.message);
  }
}

/** Why there are no figures of a file, whoever is asked. */
function hiddenMemory(header: GgufHeader): Unavailable | null {
  const [part, parts] = [getNumber(header, 'split.no') ?? 0, getNumber(header, 'split.count') ?? 1];
  if (parts <= 1) return null;
  return unavailableBecause(
    `the file is shard ${part + 1} of ${parts}, and the others hold the rest of the model`,
  );
}

interface Loads {
  /** Whose figures stand at the top: one of the rows, if any is of that size. */
  readonly main: InspectedLoad;
  readonly rows: readonly InspectedLoad[];
}

function loadsOf(header: GgufHeader, asked: readonly number[]): Loads {
  const contexts = asked.length > 0 ? asked : commonContexts(modelFacts(header).contextLength);
  const main = asked[0] ?? contexts.findLast((size) => size <= DEFAULT_CONTEXT) ?? DEFAULT_CONTEXT;
  const rows = contexts.flatMap((contextSize) =>
    COMMON_CACHE_TYPES.map((cacheType): InspectedLoad => ({ contextSize, cacheType })),
  );
  const first = rows.find(({ contextSize, cacheType }) => contextSize === main && cacheType === 'f16');
  return { main: first ?? { contextSize: main, cacheType: 'f16' }, rows };
}

function memoryOf(
  header: GgufHeader,
  { rows }: Loads,
  basis: Memory['basis'],
  main: MemoryEstimate,
  rowOf: (load: InspectedLoad) => Row | null,
): Memory {
  const perToken = tokenBytes(header);
  return {
    ...main,
    basis,
    backend: 'cpu',
    computeByFormula: basis === 'estimated' && isByFormula(header),
    microBatch: MICRO_BATCH,
    flashAttention: true,
    kvBytesPerToken: perToken?.below ?? 0,
    kvBytesPerTokenBeyondWindows: perToken?.beyond ?? 0,
    byContext: rows.flatMap((load) => rowOf(load) ?? []),
  };
}

/** The common sizes below the model's own, and that one. */
function commonContexts(own: number | undefined): number[] {
  if (own === undefined || !Number.isSafeInteger(own) || own <= 0) return [DEFAULT_CONTEXT];
  return [...COMMON_CONTEXTS.filter((size) => size < own), own];
}

function estimate(header: GgufHeader, load: InspectedLoad): MemoryEstimate | null {
  const estimated = footprint(header, { ...load, microBatch: MICRO_BATCH });
  if (estimated === null) return null;
  const { paddedContextSize: _, fileBytes: __, ...rest } = estimated;
  return rest;
}

function planned(load: InspectedLoad, plan: MemoryPlan, stateBytes: number): MemoryEstimate | null {
  const { weightsBytes, repackedBytes, kvBytes, computeBytes } = plan;
  if (kvBytes === null || computeBytes === null) return null;
  const cacheBytes = kvBytes - stateBytes;
  const totalBytes = weightsBytes + kvBytes + computeBytes;
  return {
    ...load,
    weightsBytes,
    repackedBytes: repackedBytes ?? 0,
    kvBytes: cacheBytes,
    stateBytes,
    computeBytes,
    totalBytes,
  };
}
