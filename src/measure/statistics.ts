import { mean as arithmeticMean, sampleStandardDeviation as deviation } from 'simple-statistics';
import { QuantscopeError } from '../util/errors.ts';

/** 97.5th percentile of the standard normal distribution: two-sided 95 %. */
const Z_95 = 1.959963984540054;

/**
 * Arithmetic mean, summed with compensation.
 * @throws QuantscopeError `measure/no-values` for an empty list
 */
export function mean(values: readonly number[]): number {
  expectValues('mean', values.length);
  return arithmeticMean([...values]);
}

/**
 * Sample standard deviation (n-1). A single value has none; it gives 0, as in llama-bench's tables.
 * @throws QuantscopeError `measure/no-values` for an empty list
 */
export function sampleStandardDeviation(values: readonly number[]): number {
  expectValues('standard deviation', values.length);
  return values.length === 1 ? 0 : deviation([...values]);
}

/**
 * Standard error of the mean: the sample standard deviation over sqrt(n); 0 for a single value.
 * @throws QuantscopeError `measure/no-values` for an empty list
 */
export function standardError(values: readonly number[]): number {
  return sampleStandardDeviation(values) / Math.sqrt(values.length);
}

/**
 * The middle value, or the mean of the two middle ones.
 * @throws QuantscopeError `measure/no-values` for an empty list
 */
export function median(values: readonly number[]): number {
  return percentile(Float64Array.from(values).sort(), 0.5);
}

/**
 * Percentile with linear interpolation between the two nearest values: type 7 of Hyndman and Fan (The American
 * Statistician 50 (1996), 361-365), which numpy, R and llama-perplexity use.
 * @param sorted values in rising order; typed arrays are read in place, millions of values included
 * @param share from 0 (the least) to 1 (the greatest)
 * @throws QuantscopeError `measure/no-values` for an empty list, `measure/out-of-range` for another share
 */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  expectValues('percentile', sorted.length);
  if (!(share >= 0 && share <= 1)) {
    throw new QuantscopeError('measure/out-of-range', `percentile at ${share}, expected a share from 0 to 1`);
  }
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  // Between equal values nothing is interpolated, and rounding never passes the upper one.
  return low === high ? low : Math.min(high, low + (at - below) * (high - low));
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Wilson's 95 % interval of a proportion, without continuity correction (E. B. Wilson, Journal of the American
 * Statistical Association 22 (1927), 209-212; formula 3 of R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872).
 * Nothing tried says nothing: 0 of 0 gives 0 to 1.
 * @returns shares from 0 to 1
 * @throws QuantscopeError `measure/out-of-range` unless both are whole and 0 ≤ successes ≤ total
 */
export function wilsonInterval(successes: number, total: number): Interval {
  expectCount('successes', successes);
  expectCount('total', total);
  if (successes > total) {
    throw new QuantscopeError(
      'measure/out-of-range',
      `${successes} successes, expected at most the total of ${total}`,
    );
  }
  if (total === 0) return { low: 0, high: 1 };
  const share = successes / total;
  const z2 = Z_95 ** 2;
  const centre = share + z2 / (2 * total);
  const reach = Z_95 * Math.sqrt((share * (1 - share) + z2 / (4 * total)) / total);
  const scale = 1 + z2 / total;
  // Exactly 0 and 1 at the ends, where the two terms cancel only up to rounding.
  return {
    low: successes === 0 ? 0 : (centre - reach) / scale,
    high: successes === total ? 1 : (centre + reach) / scale,
  };
}

/**
 * McNemar's exact two-sided test: how likely a split of the changed items at least this uneven is if each had been
 * equally likely to go either way, min(1, 2 × P(X ≤ min(lost, gained))) with X ~ Binomial(lost + gained, 1/2)
 * (Q. McNemar, Psychometrika 12 (1947), 153-157, with the binomial in place of chi-squared, as in R's exact2x2).
 * @param lost items right before and wrong after
 * @param gained the reverse
 * @returns p from 0 to 1; 1 when nothing changed
 * @throws QuantscopeError `measure/out-of-range` unless both are whole and not negative
 */
export function mcNemarExact(lost: number, gained: number): number {
  expectCount('lost', lost);
  expectCount('gained', gained);
  const changed = lost + gained;
  const fewer = Math.min(lost, gained);
  if (lost === gained) return 1;
  // ln of the largest term, choose(changed, fewer) / 2^changed: the quotients are added as logarithms, since the
  // coefficient overflows from about 1,030 changed items.
  let lnTerm = -changed * Math.LN2;
  for (let i = 1; i <= fewer; i++) lnTerm += Math.log((changed - fewer + i) / i);
  // The terms below it fall by a factor under 1 each, so the sum is done once one no longer counts.
  let sum = 0;
  let term = 1;
  for (let i = fewer; i >= 0 && term > sum * Number.EPSILON; i--) {
    sum += term;
    term *= i / (changed - i + 1);
  }
  return Math.min(1, 2 * Math.exp(lnTerm) * sum);
}

function expectValues(what: string, count: number): void {
  if (count === 0) throw new QuantscopeError('measure/no-values', `${what} of no values, need at least 1`);
}

function expectCount(what: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new QuantscopeError('measure/out-of-range', `${what} is ${value}, expected a whole number from 0`);
  }
}
