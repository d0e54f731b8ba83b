import { DEFAULT_LIMITS } from '../measure/limits.ts';
import type { Results } from '../schema/results.ts';
import type { GpuChoice, Preference } from '../schema/terms.ts';
import type { Host } from './host.ts';

/** A request as it is after its defaults were filled in. */
export type Filled<Request, Defaults> = Omit<Request, keyof Defaults> &
  Required<Pick<Request, keyof Defaults & keyof Request>>;

/** Where and how the engine runs: what every command that measures asks. */
export interface EngineRequest {
  /** A count, or `auto` to find the fastest first. Default: llama.cpp's own choice. */
  readonly threads?: number | 'auto';
  /** Default: `auto`, the best there is. */
  readonly gpu?: GpuChoice;
  /** Layers to keep on the GPU. Default: `max`. */
  readonly gpuLayers?: number | 'max';
  /** Seconds that any one step may take. Default: 900. */
  readonly timeout?: number;
  /** Whether what is timed waits for what other processes time on this machine. Default: true. */
  readonly lock?: boolean;
}

export const ENGINE_DEFAULTS = { gpu: 'auto', gpuLayers: 'max', timeout: 900 } as const;

/** What variants are evaluated on. */
export interface EvaluationRequest {
  /**
   * Path of the text for perplexity and divergence, or several as `NAME=PATH`, one for each domain; `domains` stands
   * for those that come with the package. Default: by model.
   */
  readonly text?: string | readonly string[];
  /** Paths of questions with checkable answers, JSON lines. Default: by model. */
  readonly tasks?: string | readonly string[];
  /** The first chunks of the text alone. Default: all. */
  readonly chunks?: number;
  /** Tokens in a chunk, as llama-perplexity's `-c`. Default: 512. */
  readonly context?: number;
  /** Less of everything: a first look. */
  readonly quick?: boolean;
}

/** How much a variant may lose and still be recommended. */
export interface LimitsRequest {
  /** Mean KL divergence from the reference, in nats. */
  readonly maxKld?: number;
  /** Positions with the same most likely token, as a fraction. */
  readonly minSameTop?: number;
  /** Over the reference's perplexity, as a fraction of it. */
  readonly maxPerplexityIncrease?: number;
  /** Of task accuracy, as a fraction of the items. */
  readonly maxAccuracyDrop?: number;
  /** Of the variants within the limits, on the computer and on each phone. Default: the smallest. */
  readonly prefer?: Preference;
}

export const LIMITS_DEFAULTS = {
  maxKld: DEFAULT_LIMITS.maxMeanKld,
  minSameTop: DEFAULT_LIMITS.minSameTop,
  maxPerplexityIncrease: DEFAULT_LIMITS.maxPerplexityIncrease,
  maxAccuracyDrop: DEFAULT_LIMITS.maxAccuracyDrop,
} as const;

/** What `compare` and `eval` have in common: variants beside each other, kept as they are measured. */
export interface ComparisonRequest extends EngineRequest, EvaluationRequest, LimitsRequest, Host {
  /** Path of earlier results with the same settings: only what they lack is measured. */
  readonly resume?: string;
  /** Whether models that the earlier results name, and nobody else, may be fetched. Default: false. */
  readonly fetch?: boolean;
  /** Ends each variant's text as soon as its loss is decided. Default: all of the text. */
  readonly untilDecided?: boolean;
  /** Seconds of text a variant, with `untilDecided`. Default: no limit. */
  readonly maxTime?: number;
  /** One part of the evaluation, `i/n`, or `auto` as the CI job says. */
  readonly shard?: string;
  /** All results so far, whenever another group of metrics is complete: what a file is kept up to date with. */
  readonly onResults?: (soFar: Results) => Promise<void>;
}

export const COMPARISON_DEFAULTS = {
  ...ENGINE_DEFAULTS,
  ...LIMITS_DEFAULTS,
  context: 512,
} as const satisfies ComparisonRequest;
