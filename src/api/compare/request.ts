import { STAGES, type Stage } from '../../schema/terms.ts';
import { COMPARISON_DEFAULTS, type ComparisonRequest } from '../request.ts';

/** What `compare` measures. What is left out is as {@link COMPARE_DEFAULTS} has it. */
export interface CompareRequest extends ComparisonRequest {
  /** The variant that the others are compared with, by name or ref. Default: the most precise. */
  readonly reference?: string;
  /**
   * Recipes that are made of the first ref's model, where they were not made before, and compared with it: `Q4_K_M`, or
   * `mix:2.0GB` for the mix that loses least within a size.
   */
  readonly make?: readonly string[];
  /** Path of an importance matrix for what is made. */
  readonly imatrix?: string;
  /** Default: all. Size alone needs no engine. */
  readonly only?: readonly Stage[];
  /** Timed repetitions of each test. Default: 5, or 2 with `quick`. */
  readonly repetitions?: number;
  /** Times the variants in turns, one repetition each, so that a drift of the machine hits all alike. */
  readonly interleave?: boolean;
  /** Tokens of the prompt test. */
  readonly prompt?: number;
  /** Tokens of the generation tests. */
  readonly generate?: number;
  /** Tokens in the context before generation at depth. */
  readonly depth?: number;
  /** Of the random tokens that speed is measured on. */
  readonly seed?: number;
  /** Phones to judge the variants on too, by name: see `fit`. */
  readonly device?: readonly string[];
  /** Tokens of context on the phones. */
  readonly phoneContext?: number;
}

export const COMPARE_DEFAULTS = {
  ...COMPARISON_DEFAULTS,
  only: STAGES,
  prompt: 512,
  generate: 128,
  depth: 512,
  seed: 42,
  device: [],
  phoneContext: 2048,
} as const satisfies CompareRequest;
