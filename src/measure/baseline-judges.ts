import { isAvailable, type Unavailable } from '../schema/availability.ts';
import type { Rate, Speed, VariantResult } from '../schema/results.ts';
import { mcNemarExact } from './statistics.ts';
import { studentTwoSided, welchTest } from './welch.ts';

/** What bears on whether two runs' figures can be told apart. */
export interface Context {
  readonly significance: number;
  readonly speedAllowance: number;
  /** Each null, or why figures that depend on it do not compare. */
  readonly machinesDiffer: string | null;
  readonly evaluationsDiffer: string | null;
  readonly referencesDiffer: string | null;
  readonly tasksDiffer: string | null;
  readonly choicesDiffer: string | null;
}

/** What a test of two values found; `resolved` null where none was possible. */
export interface Finding {
  readonly resolved: boolean | null;
  readonly pValue: number | null;
  readonly method: string;
}

export const SPEED_TESTS = [
  ['prompt', 'prompt speed'],
  ['generation', 'generation speed'],
  ['generationAtDepth', 'generation speed at depth'],
] as const satisfies [keyof Speed, string][];
export type SpeedTest = (typeof SPEED_TESTS)[number][0];

export function exactly(old: number, new_: number): Finding {
  return { resolved: old !== new_, pValue: null, method: 'exact: has no noise' };
}

export function unjudged(reason: string): Finding {
  return { resolved: null, pValue: null, method: reason };
}

export function rateOf({ speed }: VariantResult, test: SpeedTest): Rate | null {
  if (!isAvailable(speed)) return null;
  const rate = speed[test];
  return isAvailable(rate) ? rate : null;
}

export function judgeRates(before: Rate | null, after: Rate | null, context: Context): Finding {
  if (context.machinesDiffer !== null) return unjudged(context.machinesDiffer);
  if (before === null || after === null) return unjudged('not measured');
  if (testOf(before) !== testOf(after)) return unjudged('another number of tokens, or another depth');
  const pValue = welchTest(ratesOf(before), ratesOf(after));
  if (pValue === null) return unjudged('fewer than two repetitions');
  const relative = Math.abs(after.meanTps / before.meanTps - 1);
  const resolved = pValue < context.significance && relative > context.speedAllowance;
  const method = `Welch's t-test on ${before.samplesNs.length} and ${after.samplesNs.length} repetitions`;
  return { resolved, pValue, method };
}

function testOf(rate: Rate | (Rate & { depth: number })): string {
  return `${rate.tokens}@${'depth' in rate ? rate.depth : 0}`;
}

function ratesOf({ tokens, samplesNs }: Rate): number[] {
  return samplesNs
    .filter((nanoseconds) => nanoseconds > 0)
    .map((nanoseconds) => (tokens * 1e9) / nanoseconds);
}

/**
 * The terms of the two perplexities are not kept, so they cannot be paired with each other. Both were paired with the
 * same reference, though: the difference of the two ln ratios has at most the two errors added in quadrature, as long
 * as these are not correlated negatively. Without a reference in common only the far larger errors of the perplexities
 * themselves are left.
 */
export function judgePerplexity(before: VariantResult, after: VariantResult, context: Context): Finding {
  if (context.evaluationsDiffer !== null) return unjudged(context.evaluationsDiffer);
  const [old, new_] = [before.perplexity, after.perplexity];
  if (!isAvailable(old) || !isAvailable(new_)) return unjudged('not measured');
  if (old.tokens !== new_.tokens) return unjudged('another number of tokens');
  const difference = Math.log(new_.value / old.value);
  const [paired, pairedNow] = [before.divergence, after.divergence];
  const errors = [old.stderr / old.value, new_.stderr / new_.value];
  if (context.referencesDiffer !== null || !isAvailable(paired) || !isAvailable(pairedNow)) {
    return judgeByError(
      difference,
      errors,
      'standard errors of the perplexities, which are not paired',
      context,
    );
  }
  const ratioErrors = [paired.lnPplRatioStderr, pairedNow.lnPplRatioStderr];
  // The reference's ratio to itself has no error: what is left is its own.
  if (Math.hypot(...ratioErrors) === 0) {
    return judgeByError(
      difference,
      errors,
      'standard errors of the perplexities, which are not paired',
      context,
    );
  }
  const ratio = pairedNow.lnPplRatio - paired.lnPplRatio;
  return judgeByError(ratio, ratioErrors, 'standard errors of ln(PPL / PPL of the reference)', context);
}

type AvailableDivergence = Exclude<VariantResult['divergence'], Unavailable>;

export function judgeDivergence(
  before: VariantResult,
  after: VariantResult,
  difference: number,
  errorOf: (divergence: AvailableDivergence) => number,
  context: Context,
): Finding {
  const why = context.evaluationsDiffer ?? context.referencesDiffer;
  if (why !== null) return unjudged(why);
  const [old, new_] = [before.divergence, after.divergence];
  if (!isAvailable(old) || !isAvailable(new_)) return unjudged('not measured');
  return judgeByError(difference, [errorOf(old), errorOf(new_)], 'standard errors, not paired', context);
}

/** Normal: thousands of positions stand behind each error. */
function judgeByError(
  difference: number,
  errors: readonly number[],
  method: string,
  { significance }: Context,
): Finding {
  const error = Math.hypot(...errors);
  if (error === 0) return { resolved: difference !== 0, pValue: null, method: 'exact: has no noise' };
  const pValue = twoSidedNormal(difference / error);
  return { resolved: pValue < significance, pValue, method };
}

export function judgeAnswers(
  before: VariantResult['tasks'] | undefined,
  after: VariantResult['tasks'] | undefined,
  otherItems: string | null,
  { significance }: Context,
): Finding {
  if (otherItems !== null) return unjudged(otherItems);
  if (before === undefined || after === undefined) return unjudged('not measured');
  if (!isAvailable(before) || !isAvailable(after)) return unjudged('not measured');
  const [old, new_] = [before.outcomes, after.outcomes];
  if (old.length === 0 || old.length !== new_.length)
    return unjudged('the answers to each item were not kept');
  const lost = old.filter((right, item) => right && !new_[item]).length;
  const gained = old.filter((right, item) => !right && new_[item] === true).length;
  const pValue = mcNemarExact(lost, gained);
  return {
    resolved: pValue < significance,
    pValue,
    method: `McNemar's exact test: ${lost} lost, ${gained} gained of ${old.length}`,
  };
}

/** P(|Z| ≥ z), Z standard normal: Student's distribution with so many degrees of freedom is normal to 1e-7. */
function twoSidedNormal(z: number): number {
  return studentTwoSided(Math.abs(z), NORMAL_DEGREES);
}

const NORMAL_DEGREES = 1e7;
