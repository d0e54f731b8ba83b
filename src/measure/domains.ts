import { sum } from '../util/sum.ts';
import { takeTurns } from '../util/take-turns.ts';
import type { ChunkPlan } from './perplexity.ts';

/** A text of one domain: chat, code, German. */
export interface NamedText {
  readonly name: string;
  readonly text: string;
}

/** One text, or one for each of several domains. */
export type EvaluationText = string | readonly NamedText[];

/** A domain of a text that has several, and how many of its chunks are evaluated. */
export interface Domain {
  readonly name: string;
  readonly chunks: number;
}

/**
 * To which domain each chunk belongs: they take turns, so that the first chunks are a fair sample of all.
 * @param counts chunks by domain
 */
export function inTurns(counts: readonly number[]): number[] {
  return takeTurns(counts.map((count, domain) => Array.from({ length: count }, () => domain)));
}

/** The chunks of several texts as those of one, in the same turns. */
export function joined(plans: readonly ChunkPlan[]): readonly Uint32Array[] {
  return takeTurns(plans.map(({ chunks }) => chunks));
}

/** Whether domains of a file make up its chunks. */
export function isOfAll(domains: readonly Domain[], chunks: number): boolean {
  return sum(domains.map((domain) => domain.chunks)) === chunks;
}
