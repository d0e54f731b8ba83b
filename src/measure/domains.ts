import { sum } from '../util/sum.ts';
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
 * To which domain each chunk belongs: one of each in turn while they last, so that the first chunks are a fair sample
 * of all.
 * @param counts chunks by domain
 */
export function inTurns(counts: readonly number[]): number[] {
  const most = counts.reduce((a, b) => Math.max(a, b), 0);
  return Array.from({ length: most }, (_, turn) => turn).flatMap((turn) =>
    counts.flatMap((count, domain) => (turn < count ? [domain] : [])),
  );
}

/** The chunks of several texts as those of one. */
export function joined(plans: readonly ChunkPlan[]): readonly Uint32Array[] {
  const left = plans.map(({ chunks }) => chunks[Symbol.iterator]());
  return inTurns(plans.map(({ chunks }) => chunks.length)).flatMap((domain) => {
    const next = left[domain]?.next();
    return next === undefined || next.done ? [] : [next.value];
  });
}

/** Whether domains of a file make up its chunks. */
export function isOfAll(domains: readonly Domain[], chunks: number): boolean {
  return sum(domains.map((domain) => domain.chunks)) === chunks;
}
