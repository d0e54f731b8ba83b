import type { CacheType } from '../../schema/terms.ts';
import type { Host } from '../host.ts';

/** What phones models are judged on, and how the app will run them. */
export interface FitRequest extends Pick<Host, 'signal' | 'notice' | 'progress'> {
  /** Phones by their ids, names or aliases, or every phone that is known. */
  readonly phones: readonly string[] | 'all';
  /** A file with more phones (`schema/devices.json`). Default: QUANTSCOPE_DEVICES, or the one in the config folder. */
  readonly devicesFile?: string | undefined;
  /** Tokens of context. Default: {@link FIT_DEFAULTS}. */
  readonly context?: number;
  /** Of keys and values in the cache. Default: {@link FIT_DEFAULTS}. */
  readonly cacheType?: CacheType;
  /** Default: as llama.cpp decides on the phone's backend. */
  readonly flashAttention?: boolean;
  /** Asks llama.cpp for cache and compute buffer instead of the formulas. Default: false. */
  readonly plan?: boolean;
  /** Memory for the model, instead of what each phone gives an app. */
  readonly budgetBytes?: number;
}

export const FIT_DEFAULTS = { context: 2048, cacheType: 'f16' } as const satisfies Partial<FitRequest>;
