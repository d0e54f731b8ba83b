import type { Trace } from '../../schema/run.ts';
import type { CommonCacheType } from '../../schema/terms.ts';
import type { Host } from '../host.ts';
import { ENGINE_DEFAULTS, type EngineRequest } from '../request.ts';

/** How a model is loaded and what is drawn from its distributions. What is left out is as {@link RUN_DEFAULTS} has it. */
export interface RunRequest extends EngineRequest, Host {
  /** A system message before the first turn. */
  readonly system?: string;
  /** Gives the text to the model as it is, without a chat template. */
  readonly raw?: boolean;
  /** Path of a Jinja chat template instead of the model's own. */
  readonly template?: string;
  /** Tokens of the longest reply. Default: until the model or the context ends it. */
  readonly maxTokens?: number;
  /** Tokens of prompt and replies. Default: the model's own, at most 4096. */
  readonly context?: number;
  /** Ends the reply before one of these texts. */
  readonly stop?: readonly string[];
  /** 0 is always the most likely token. */
  readonly temperature?: number;
  /** The same as temperature 0. */
  readonly greedy?: boolean;
  /** Draws from so many of the most likely tokens; 0 is all. */
  readonly topK?: number;
  /** Draws from the most likely tokens of this probability together. */
  readonly topP?: number;
  /** Leaves out tokens below this fraction of the most likely one's probability. */
  readonly minP?: number;
  /** 1 is none. */
  readonly repeatPenalty?: number;
  /** Tokens back that the penalty looks at. */
  readonly repeatLast?: number;
  /** For the same reply again. Default: a new one each time. */
  readonly seed?: number;
  /** Type of keys and values in the cache. */
  readonly cacheType?: CommonCacheType;
  /** Whether the result says how each token came about. */
  readonly trace?: boolean;
  /** Most likely tokens at each step of the trace. */
  readonly candidates?: number;
  /** The reply's text as it comes. */
  readonly onText?: (text: string) => void;
  /** With `trace`: what stands before the first token, and each step as it is taken. */
  readonly onPrompt?: (prompt: Omit<Trace, 'steps'>) => void;
  readonly onStep?: (step: Trace['steps'][number]) => void;
}

export const RUN_DEFAULTS = {
  ...ENGINE_DEFAULTS,
  stop: [],
  temperature: 0.8,
  topK: 40,
  topP: 0.95,
  minP: 0.05,
  repeatPenalty: 1,
  repeatLast: 64,
  cacheType: 'f16',
  candidates: 5,
} as const satisfies RunRequest;
