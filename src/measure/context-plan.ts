import type { ContextOptions, EngineSession, LoadedModel } from '../engine/engine.ts';
import { unavailableBecause } from '../schema/availability.ts';
import type { CacheTypeResult, ContextResults, ContextRow, ContextSettings } from '../schema/context.ts';
import type { CacheType } from '../schema/terms.ts';
import { largestWithin } from './context-advice.ts';
import type { MeasureEnvironment } from './environment.ts';
import type { DescribedFile } from './size.ts';

export type Estimate = Exclude<ContextRow['estimated'], { status: 'unavailable' }>;

export interface ContextPlan {
  readonly path: string;
  readonly model: ContextResults['model'];
  readonly described: DescribedFile;
  /** `threads` 0 is llama.cpp's own choice; cache types from the most precise. */
  readonly settings: Omit<ContextSettings, 'cacheTypes'> & { cacheTypes: CacheType[] };
  readonly findThreads: boolean;
  /** Sizes above it are estimated only. */
  readonly largestMeasured: number;
  readonly budget: ContextResults['budget'];
  readonly text: string;
  /** Before and of the words whose loss is measured at each depth. */
  readonly depthText: string;
  /** The largest context whose positions get the rope factors of the original length; null where all get the same. */
  readonly unstretched: number | null;
  /** From the header; null where it does not describe layers with a cache. */
  readonly estimate: (contextSize: number, cacheType: CacheType) => Estimate | null;
  /** Bytes of cache that one more token adds, below and past every window; null where nothing is kept. */
  readonly tokenBytes: (cacheType: CacheType) => { readonly below: number; readonly beyond: number } | null;
  readonly toolVersion: string;
}

export interface ContextEnvironment extends MeasureEnvironment {
  readonly freeBytes: () => number;
  /** Where f16's scores are kept while the other types are compared with them. */
  readonly referencePath: string;
  readonly onStep: (what: string, done: number, total: number) => void;
  /** Called as each row ends, with all results so far. */
  readonly onRow: (row: ContextRow, results: ContextResults) => Promise<void>;
}

/** Processes with the model in them, for what is measured besides memory and speed. */
export interface ContextSessions {
  readonly start: (label: string) => Promise<EngineSession>;
  readonly load: (session: EngineSession) => Promise<LoadedModel>;
  readonly contextOptions: (cacheType: CacheType) => Omit<ContextOptions, 'contextSize'>;
  readonly signal?: AbortSignal | undefined;
  readonly onStep: (what: string, done: number, total: number) => void;
}

/** A type of cache before anything was measured. */
export function describeType(
  { estimate, tokenBytes, budget, model, settings }: ContextPlan,
  cacheType: CacheType,
): CacheTypeResult {
  const totalBytes = (contextSize: number) => estimate(contextSize, cacheType)?.totalBytes ?? null;
  const asked = Math.max(...settings.contextSizes);
  const limit = model.contextLength ?? asked;
  const perToken = tokenBytes(cacheType);
  const none = unavailableBecause('the header does not describe layers with a cache');
  return {
    cacheType,
    kvBytesPerToken: perToken?.below ?? none,
    kvBytesPerTokenBeyondWindows: perToken?.beyond ?? none,
    accuracy: unavailableBecause(
      settings.evaluation === null ? 'accuracy was not asked for (--no-accuracy)' : 'not measured yet',
    ),
    largest: largestWithin(totalBytes, budget.bytes, limit),
  };
}
