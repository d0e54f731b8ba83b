import type { RowFile } from './logit-rows.ts';

/** What an evaluation is asked of a chunk's positions, and what it says. */

/** What is done with every scored position besides its next token's log-probability and the top token. */
export type Wanted =
  | { readonly kind: 'next' }
  /** The most likely tokens, so many. */
  | { readonly kind: 'top'; readonly limit: number }
  /** Its row of logits is written to a file that is there. */
  | { readonly kind: 'write'; readonly rows: RowFile }
  /** Its distribution is compared with that of a row in a file. */
  | { readonly kind: 'compare'; readonly rows: RowFile };

export interface ScoreRequest {
  /** One chunk, evaluated from an empty context. */
  readonly tokens: Uint32Array;
  /** Positions `firstScored .. tokens.length - 2` are scored, each on the token after it. */
  readonly firstScored: number;
  readonly want: Wanted;
}

/** Continuations of one beginning, such as the answers to a question. */
export interface ContinuationItem {
  /** At least one token, the same for all. */
  readonly prefix: Uint32Array;
  /** At least one, each of at least one token. */
  readonly continuations: readonly Uint32Array[];
  /** How many first tokens items of its kind have in common: they are evaluated once for those in a row. */
  readonly shared?: number;
  /** A token a continuation that is asked for behind it: its scores then have one more. */
  readonly behind?: readonly number[];
}

/** Natural-log probabilities of one chunk's scored positions. */
interface ScoreBase {
  readonly positions: number;
  /** ln p of the token that follows, one a position. */
  readonly nextLogProb: Float64Array;
  /** The most likely token, one a position. */
  readonly topToken: Uint32Array;
}
interface NextScores extends ScoreBase {
  readonly kind: 'next' | 'write';
}
interface TopScores extends ScoreBase {
  readonly kind: 'top';
  /** positions × the limit, most likely first. */
  readonly tokens: Uint32Array;
  readonly logProbs: Float64Array;
}
export interface ComparedScores extends ScoreBase {
  readonly kind: 'compare';
  /** Kullback-Leibler divergence from the reference, in nats. */
  readonly kld: Float64Array;
  readonly referenceLogProb: Float64Array;
  readonly referenceTopToken: Uint32Array;
}
export type Scores = NextScores | TopScores | ComparedScores;
