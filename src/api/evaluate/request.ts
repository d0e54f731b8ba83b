import type { EvaluationPart } from '../../schema/terms.ts';
import { COMPARISON_DEFAULTS, type ComparisonRequest } from '../request.ts';

/** What `evaluate` asks of the models. What is left out is as {@link EVALUATE_DEFAULTS} has it. */
export interface EvaluateRequest extends ComparisonRequest {
  /** A variant by name or ref, or the path of a file of kept scores. Default: the most precise variant. */
  readonly reference?: string;
  /** Path to keep the reference's scores, text and row at. */
  readonly saveReference?: string;
  /** Default: text, tasks and choices, and tools where `tools` or `grammar` is given. */
  readonly only?: readonly EvaluationPart[];
  /** Paths of questions of multiple choice, in any form that `parseChoices` reads. Default: made of the tasks. */
  readonly choices?: string | readonly string[];
  /** Paths of tool calls to ask for. Default: the package's own, where `only` has `tools`. */
  readonly tools?: string | readonly string[];
  /** Asks for the tool calls once more, under a grammar that allows no others. */
  readonly grammar?: boolean;
  /** Worked examples before each question of `choices`, or else of `tasks`. Default: 0. */
  readonly fewShot?: number;
  /** Path of the file that they are from. Default: the first of the questions, which are then not asked. */
  readonly fewShotFrom?: string;
  /** Whether questions go through the chat template. Default: those of benchmarks do not, all others do. */
  readonly template?: 'auto' | 'on' | 'off';
  /** An OpenAI-compatible server, up to `/v1`, which is asked the same tasks; needs `model`. */
  readonly openai?: string;
  /** The model's name there. */
  readonly model?: string;
  /** Name of the environment variable that holds the server's key. */
  readonly keyEnv?: string;
  /** Requests to the server at once. */
  readonly concurrency?: number;
  /** Tokens evaluated at once. */
  readonly batch?: number;
}

export const EVALUATE_DEFAULTS = {
  ...COMPARISON_DEFAULTS,
  only: ['text', 'tasks', 'choices'],
  keyEnv: 'OPENAI_API_KEY',
  concurrency: 4,
  batch: 512,
} as const satisfies EvaluateRequest;
