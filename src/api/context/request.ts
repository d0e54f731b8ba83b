import type { ContextResults, ContextRow } from '../../schema/context.ts';
import { type CacheType, COMMON_CACHE_TYPES } from '../../schema/terms.ts';
import type { Host } from '../host.ts';
import { ENGINE_DEFAULTS, type EngineRequest } from '../request.ts';

/** What `measureContext` looks at. What is left out is as {@link CONTEXT_DEFAULTS} has it. */
export interface ContextRequest extends EngineRequest, Host {
  /** Context sizes in tokens. Default: 512, 1024, ... up to the model's own; above 8192 estimated only. */
  readonly sizes?: readonly number[];
  /** Types of keys and values, from the most precise. */
  readonly cacheTypes?: readonly CacheType[];
  /** The budget in bytes. Default: what is free on this machine. */
  readonly memory?: number;
  /** Tokens generated at the end of the context. */
  readonly generate?: number;
  /** Timed repetitions of each size. */
  readonly repetitions?: number;
  /** Of the random tokens that speed is measured on. */
  readonly seed?: number;
  /** Whether what each type costs in accuracy is measured; without it only f16 can be recommended. */
  readonly accuracy?: boolean;
  /** Path of the text for perplexity and divergence. Default: by model. */
  readonly text?: string;
  /** The first chunks of the text, at most. */
  readonly chunks?: number;
  /** Tokens in a chunk. */
  readonly evalContext?: number;
  /** Contexts in which the loss of each type and hidden facts are measured. Default: the measured sizes from 2048 on. */
  readonly depths?: readonly number[];
  /** Each row as it ends, with all results so far. */
  readonly onRow?: (row: ContextRow, soFar: ContextResults) => Promise<void>;
}

export const CONTEXT_DEFAULTS = {
  ...ENGINE_DEFAULTS,
  cacheTypes: COMMON_CACHE_TYPES,
  generate: 32,
  repetitions: 1,
  seed: 42,
  accuracy: true,
  chunks: 8,
  evalContext: 512,
} as const satisfies ContextRequest;
