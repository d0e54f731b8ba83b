/** From here on a fixed-point number is only a long row of digits. */
const EXPONENT_FROM = 1e7;

/** How a column writes its numbers: enough decimals for its smallest value, but no more than `most`. */
export interface Precision {
  readonly significant: number;
  readonly most: number;
}

/**
 * The decimals that a whole column shares, so that its points line up.
 * @param values the column's numbers; zeros say nothing about a scale and do not count
 */
export function decimalsFor(values: readonly number[], precision: Precision): number {
  const magnitudes = values.map(Math.abs).filter((value) => value > 0 && Number.isFinite(value));
  if (magnitudes.length === 0) return precision.most;
  const smallest = magnitudes.reduce((least, value) => Math.min(least, value));
  const digitsBeforePoint = Math.floor(Math.log10(smallest)) + 1;
  return Math.min(precision.most, Math.max(0, precision.significant - digitsBeforePoint));
}

/** A number with fixed decimals and no negative zero; in scientific notation once it is absurdly large. */
export function formatFixed(value: number, decimals: number): string {
  if (Math.abs(value) >= EXPONENT_FROM) return value.toExponential(2);
  const text = value.toFixed(decimals);
  return Number(text) === 0 ? text.replace('-', '') : text;
}

/** A probability as statistics prints it: never 0, which no test can give. */
export function formatPValue(value: number): string {
  if (value < 0.001) return '<.001';
  return value.toFixed(value < 0.1 ? 3 : 2);
}

/** Decimals that a rate in tokens a second is shown with: four digits or so. */
export function rateDecimals(tps: number): number {
  return tps >= 1000 ? 0 : tps >= 100 ? 1 : 2;
}
