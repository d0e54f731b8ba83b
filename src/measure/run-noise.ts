import { mean, sampleVariance } from 'simple-statistics';
import { median } from './statistics.ts';
import { studentTwoSided } from './student.ts';

/** How likely a change of speed as large as the one seen is by chance, and how that was found. */
export interface NoiseTest {
  readonly pValue: number;
  readonly method: string;
}

/** False alarms among all variants' speeds of one kind are to be no more than this share. */
export const SPEED_SIGNIFICANCE = 0.01;

/**
 * Standard deviation of the logarithm of a speed from one run of a program to the next: what one run cannot know of
 * itself, so an assumption, and named as one. On a quiet machine it is small; where repetitions already differ, runs
 * differ more than they do: twice, in the root mean square of 12 speeds (bench/run-noise.ts on a virtual machine).
 */
export const LEAST_RUN_SPREAD = 0.015;
const RUN_SPREAD_PER_REPETITION_SPREAD = 2;

/** One speed of one variant, before and now: the logarithms of the rates of every run. */
export interface Runs {
  readonly before: readonly (readonly number[])[];
  readonly after: readonly (readonly number[])[];
}

/**
 * Repetitions of one run agree better with each other than runs do: a process finds its memory placed, its caches and
 * its cores as they happen to be, and keeps them. So the runs are the sample and not their repetitions.
 *
 * Where both sides have at least two runs: Student's t-test on the medians of the runs. The variance between runs is
 * pooled over all variants (a mixed model with a random effect of the run), because three runs alone say little of it,
 * but is never below the variant's own; the degrees of freedom are those of the variant's own runs, because runs may
 * have a common effect on all variants, and then the others say nothing new. With that, false alarms among all variants
 * together stay at the stated level whatever the runs have in common.
 *
 * With one run on a side: Welch's t-test on the repetitions, with an assumed variance between runs added on both sides,
 * at the level divided by the number of variants. What is assumed grows with the spread of the repetitions, of this
 * variant or of all together, whichever is larger: five repetitions may agree by chance.
 * @param all the same speed of every variant that is compared, this one included
 * @returns null where a side has fewer than two durations
 */
export function testRuns(own: Runs, all: readonly Runs[]): NoiseTest | null {
  const { before, after } = own;
  if (before.length > 1 && after.length > 1) return testMedians(own, all);
  const betweenRuns = assumedBetweenRuns(own, all);
  const sides = [before, after].map(sideOf);
  const alone = [before, after].filter(({ length }) => length === 1).length;
  const [then, now] = sides;
  if (then === undefined || now === undefined || then === null || now === null) return null;
  // Of every run that is alone on its side the same is assumed, so that it is one part.
  const parts = [then, now, { ...betweenRuns, variance: alone * betweenRuns.variance }];
  const variance = parts.reduce((sum, part) => sum + part.variance, 0);
  const degrees = variance ** 2 / parts.reduce((sum, part) => sum + part.variance ** 2 / part.degrees, 0);
  const pValue = studentTwoSided(Math.abs(now.mean - then.mean) / Math.sqrt(variance), degrees);
  const runs =
    before.length === 1 && after.length === 1 ? 'one run each' : `${before.length} and ${after.length} runs`;
  return {
    // Bonferroni's correction, as a p-value.
    pValue: Math.min(1, pValue * Math.max(1, all.length)),
    method:
      `Welch's t-test on ${count(before)} and ${count(after)} repetitions of ${runs}, ` +
      `${Number((100 * Math.sqrt(betweenRuns.variance)).toFixed(1))} % between runs assumed`,
  };
}

/** A variance and the degrees of freedom that it is known with. */
interface Variance {
  readonly variance: number;
  readonly degrees: number;
}

function assumedBetweenRuns(own: Runs, all: readonly Runs[]): Variance {
  const least = { variance: LEAST_RUN_SPREAD ** 2, degrees: Number.MAX_SAFE_INTEGER };
  return [repetitionVariance([own]), repetitionVariance(all)]
    .map(({ variance, degrees }) => ({
      variance: RUN_SPREAD_PER_REPETITION_SPREAD ** 2 * variance,
      degrees,
    }))
    .reduce((larger, each) => (each.variance > larger.variance ? each : larger), least);
}

/** Variance of repetitions about the mean of their run, pooled; 0 where no run has two. */
function repetitionVariance(all: readonly Runs[]): Variance {
  const repeated = all
    .flatMap(({ before, after }) => [...before, ...after])
    .filter(({ length }) => length > 1);
  const squares = repeated.reduce((sum, rates) => sum + sampleVariance([...rates]) * (rates.length - 1), 0);
  const degrees = repeated.reduce((sum, rates) => sum + rates.length - 1, 0);
  return { variance: degrees === 0 ? 0 : squares / degrees, degrees };
}

function testMedians({ before, after }: Runs, all: readonly Runs[]): NoiseTest {
  const [then, now] = [before.map(median), after.map(median)];
  const squares = (runs: Runs) =>
    [runs.before, runs.after].reduce(
      (sum, side) => sum + sampleVariance(side.map(median)) * (side.length - 1),
      0,
    );
  const degreesOf = (runs: Runs) => runs.before.length + runs.after.length - 2;
  const others = all.filter((runs) => runs.before.length > 1 && runs.after.length > 1);
  const pooled =
    others.reduce((sum, runs) => sum + squares(runs), 0) /
    others.reduce((sum, runs) => sum + degreesOf(runs), 0);
  const degrees = degreesOf({ before, after });
  const variance = Math.max(squares({ before, after }) / degrees, others.length === 0 ? 0 : pooled);
  const difference = Math.abs(mean(now) - mean(then));
  const error = Math.sqrt(variance * (1 / then.length + 1 / now.length));
  const pValue = error === 0 ? (difference === 0 ? 1 : 0) : studentTwoSided(difference / error, degrees);
  const over = others.length > 1 ? `, variance between runs pooled over ${others.length} variants` : '';
  return {
    pValue,
    method: `Student's t-test on the medians of ${then.length} and ${now.length} runs${over}`,
  };
}

/** A mean and its own variance as far as the repetitions or the runs tell it; null of a single duration. */
function sideOf(runs: readonly (readonly number[])[]): (Variance & { readonly mean: number }) | null {
  const [only] = runs;
  if (only === undefined) return null;
  if (runs.length > 1) {
    const medians = runs.map(median);
    const variance = sampleVariance(medians) / medians.length;
    return { mean: mean(medians), variance, degrees: medians.length - 1 };
  }
  if (only.length < 2) return null;
  return {
    mean: mean([...only]),
    variance: sampleVariance([...only]) / only.length,
    degrees: only.length - 1,
  };
}

function count(runs: readonly (readonly number[])[]): number {
  return runs.reduce((sum, { length }) => sum + length, 0);
}
