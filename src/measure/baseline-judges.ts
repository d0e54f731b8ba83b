import { isAvailable } from '../schema/availability.ts';
import type { Disturbance, Rate } from '../schema/figures.ts';
import type { EndpointResult, VariantResult } from '../schema/results.ts';
import type { AnswerKind } from '../schema/terms.ts';
import { answersOf, questionsOfKind } from './answers.ts';
import type { Differences } from './baseline-differences.ts';
import { logRatesByRun } from './pool-runs.ts';
import { type Runs, SPEED_SIGNIFICANCE, testRuns } from './run-noise.ts';
import { mcNemarExact } from './statistics.ts';
import { studentTwoSided } from './student.ts';

/** A figure of one row then and now, and what bears on whether the two can be told apart. */
export interface Pair<Row> {
  readonly before: Row;
  readonly after: Row;
  readonly old: number;
  readonly new_: number;
  readonly differences: Differences;
  /** Differences less likely than this by chance count. */
  readonly significance: number;
  /** A relative change of a timed figure that never counts. */
  readonly speedAllowance: number;
  /** All rows that both have. */
  readonly all: readonly { readonly before: Row; readonly after: Row }[];
}

/** What a test of two values found; `resolved` null where none was possible. */
export interface Finding {
  readonly resolved: boolean | null;
  /** Whether it is null because the machine did something else meanwhile. */
  readonly isDisturbed?: boolean;
  readonly pValue: number | null;
  readonly method: string;
}

export type Judge<Row> = (pair: Pair<Row>) => Finding;
export type SpeedTest = 'prompt' | 'generation' | 'generationAtDepth';

export function exactly({ old, new_ }: Pick<Pair<unknown>, 'old' | 'new_'>): Finding {
  return { resolved: old !== new_, pValue: null, method: 'exact: has no noise' };
}

/** Exact as long as the machine and its settings are the same. */
export function exactlyHere({ old, new_, differences: { machines } }: Pair<unknown>): Finding {
  return machines === null ? exactly({ old, new_ }) : unjudged(machines);
}

/** A figure of which the results keep no spread. */
export function withoutSpread(why: string): Judge<unknown> {
  return ({ differences }) => unjudged(differences.machines ?? why);
}

export function unjudged(reason: string): Finding {
  return { resolved: null, pValue: null, method: reason };
}

/** A speed of a row, what it was timed on, and what disturbed it; null where it was not taken. */
export interface TimedSpeed {
  readonly rate: Rate;
  readonly test: string;
  readonly disturbance: readonly Disturbance[] | undefined;
}

/** Judges a speed by the runs of both sides, and by those of all rows that were timed on the same test. */
export function judgeSpeed<Row>(speedOf: (row: Row) => TimedSpeed | null): Judge<Row> {
  const runsOf = (then: TimedSpeed, now: TimedSpeed): Runs => ({
    before: logRatesByRun(then.rate),
    after: logRatesByRun(now.rate),
  });
  return ({ before, after, all, differences, speedAllowance }) => {
    if (differences.machines !== null) return unjudged(differences.machines);
    const [then, now] = [speedOf(before), speedOf(after)];
    if (then === null || now === null) return unjudged('not measured');
    if (then.test !== now.test) return unjudged('another number of tokens, or another depth');
    const disturbance =
      disturbanceText(then.disturbance, 'the baseline was disturbed') ?? disturbanceText(now.disturbance);
    if (disturbance !== null) return { ...unjudged(disturbance), isDisturbed: true };
    const others = all.flatMap((pair) => {
      const [earlier, later] = [speedOf(pair.before), speedOf(pair.after)];
      if (earlier === null || later === null || earlier.test !== now.test || later.test !== now.test)
        return [];
      return earlier.disturbance === undefined && later.disturbance === undefined
        ? [runsOf(earlier, later)]
        : [];
    });
    const found = testRuns(runsOf(then, now), others);
    if (found === null) return unjudged('fewer than two repetitions');
    const relative = Math.abs(now.rate.meanTps / then.rate.meanTps - 1);
    return { resolved: found.pValue < SPEED_SIGNIFICANCE && relative > speedAllowance, ...found };
  };
}

/** One of a variant's speeds. */
export function judgeRates(test: SpeedTest): Judge<VariantResult> {
  return judgeSpeed(({ speed }) => {
    const rate = isAvailable(speed) ? speed[test] : speed;
    if (!isAvailable(speed) || !isAvailable(rate)) return null;
    const depth = 'depth' in rate ? rate.depth : 0;
    return { rate, test: `${rate.tokens}@${depth}`, disturbance: speed.disturbed };
  });
}

/** What else the machine did while something was timed, as a reason; null where nothing did. */
export function disturbanceText(
  disturbed: readonly Disturbance[] | undefined,
  said = 'disturbed',
): string | null {
  return disturbed === undefined ? null : `${said}: ${disturbed.map(({ message }) => message).join('; ')}`;
}

/**
 * The terms of the two perplexities are not kept, so they cannot be paired with each other. Both were paired with the
 * same reference, though: the difference of the two ln ratios has at most the two errors added in quadrature, as long
 * as these are not correlated negatively. Without a reference in common only the far larger errors of the perplexities
 * themselves are left.
 */
export function judgePerplexity({ before, after, differences, significance }: Pair<VariantResult>): Finding {
  if (differences.evaluations !== null) return unjudged(differences.evaluations);
  const [old, new_] = [before.perplexity, after.perplexity];
  if (!isAvailable(old) || !isAvailable(new_)) return unjudged('not measured');
  if (old.tokens !== new_.tokens) return unjudged('another number of tokens');
  const [then, now] = [before.divergence, after.divergence];
  if (differences.references === null && isAvailable(then) && isAvailable(now)) {
    const errors = [then.lnPplRatioStderr, now.lnPplRatioStderr];
    const method = 'standard errors of ln(PPL / PPL of the reference)';
    // The reference's ratio to itself has no error: what is left is its own.
    if (Math.hypot(...errors) > 0)
      return judgeByError(now.lnPplRatio - then.lnPplRatio, errors, method, significance);
  }
  const errors = [old.stderr / old.value, new_.stderr / new_.value];
  const method = 'standard errors of the perplexities, which are not paired';
  return judgeByError(Math.log(new_.value / old.value), errors, method, significance);
}

/** @param error the standard error of the figure */
export function judgeDivergence(error: 'stderrKld' | 'sameTopStderr'): Judge<VariantResult> {
  return ({ before, after, old, new_, differences, significance }) => {
    const why = differences.evaluations ?? differences.references;
    if (why !== null) return unjudged(why);
    const [then, now] = [before.divergence, after.divergence];
    if (!isAvailable(then) || !isAvailable(now)) return unjudged('not measured');
    return judgeByError(new_ - old, [then[error], now[error]], 'standard errors, not paired', significance);
  };
}

/** Normal: thousands of positions stand behind each error. */
function judgeByError(
  difference: number,
  errors: readonly number[],
  method: string,
  significance: number,
): Finding {
  const error = Math.hypot(...errors);
  if (error === 0) return { resolved: difference !== 0, pValue: null, method: 'exact: has no noise' };
  const pValue = twoSidedNormal(difference / error);
  return { resolved: pValue < significance, pValue, method };
}

export function judgeAnswers<Kind extends AnswerKind>(
  kind: Kind,
): Judge<Pick<VariantResult, Kind> | EndpointResult> {
  return ({ before, after, differences, significance }) => {
    const otherItems = differences[questionsOfKind(kind)];
    if (otherItems !== null) return unjudged(otherItems);
    const [then, now] = [before, after].map((row) => answersOf(row, kind)?.outcomes);
    if (then === undefined || now === undefined) return unjudged('not measured');
    if (then.length === 0 || then.length !== now.length)
      return unjudged('the answers to each item were not kept');
    const lost = then.filter((right, item) => right && !now[item]).length;
    const gained = then.filter((right, item) => !right && now[item] === true).length;
    const pValue = mcNemarExact(lost, gained);
    const method = `McNemar's exact test: ${lost} lost, ${gained} gained of ${then.length}`;
    return { resolved: pValue < significance, pValue, method };
  };
}

/** P(|Z| ≥ z), Z standard normal: Student's distribution with so many degrees of freedom is normal to 1e-7. */
function twoSidedNormal(z: number): number {
  return studentTwoSided(Math.abs(z), NORMAL_DEGREES);
}

const NORMAL_DEGREES = 1e7;
