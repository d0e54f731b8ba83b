/** A row of a linear model: amounts by name, and what they should add up to. */
export interface Observation {
  readonly terms: ReadonlyMap<string, number>;
  readonly value: number;
  /** Observations that were made together, and err together. */
  readonly session: string;
}

export interface Expectation {
  readonly cost: number;
  /** How many observations the expectation counts for, about: 0.001 yields to the first, 1 holds against one. */
  readonly weight: number;
}

/** Residuals, as a share of the value, beyond which an observation loses weight: phones throttle. */
const TOLERANCE = 0.1;
/**
 * How many observations a session's own error is held to zero by: the variance from row to row over that from session
 * to session. Two models of one shape, measured on three phones, give 2 for generation and 4.5 for prompts.
 */
const SESSION_WEIGHT = 4;
const REWEIGHTINGS = 10;
const SWEEPS = 300;
/** Of a cost, relative: sweeps end when none moves more. */
const SETTLED = 1e-9;

/**
 * Costs, none below zero, whose sums come closest to the observed values in relative terms: least squares on
 * predicted / observed, each cost drawn to its expectation in the same terms, outliers weighted down (a Huber-like
 * loss on the logarithm, by reweighting). Each session has an error of its own, drawn to zero: a phone that was hot.
 */
export function fitCosts(
  observations: readonly Observation[],
  expected: (name: string) => Expectation,
): Map<string, number> {
  const names = [...new Set(observations.flatMap(({ terms }) => [...terms.keys()]))].sort();
  const sessions = [...new Set(observations.map(({ session }) => session))];
  const rows = observations.map(({ terms, value, session }) => [
    ...names.map((name) => (terms.get(name) ?? 0) / value),
    ...sessions.map((other) => (other === session ? 1 : 0)),
  ]);
  const wanted = names.map((name) => expected(name));
  let costs = [...wanted.map(({ cost }) => cost), ...sessions.map(() => 0)];
  let weights = rows.map(() => 1);
  for (let round = 0; round < REWEIGHTINGS; round++) {
    costs = solve(rows, weights, wanted, costs);
    weights = rows.map((row) => {
      const error = Math.abs(Math.log(Math.max(1e-9, dot(row, costs))));
      return TOLERANCE / Math.max(TOLERANCE, error);
    });
  }
  return new Map(names.map((name, index) => [name, costs[index] ?? 0]));
}

/**
 * Coordinate descent on the normal equations: each cost in turn takes its best value at or above zero. What follows the
 * costs are the sessions' errors, which may be below.
 */
function solve(
  rows: readonly (readonly number[])[],
  weights: readonly number[],
  wanted: readonly Expectation[],
  start: readonly number[],
): number[] {
  const size = start.length;
  const gram = Array.from({ length: size }, () => new Float64Array(size));
  const right = new Float64Array(size);
  rows.forEach((row, index) => {
    const weight = weights[index] ?? 0;
    for (let i = 0; i < size; i++) {
      const a = (row[i] ?? 0) * weight;
      if (a === 0) continue;
      right[i] = (right[i] ?? 0) + a;
      const line = gram[i];
      for (let j = 0; line !== undefined && j < size; j++) line[j] = (line[j] ?? 0) + a * (row[j] ?? 0);
    }
  });
  wanted.forEach(({ cost, weight }, i) => {
    const line = gram[i];
    if (line === undefined || cost <= 0) return;
    line[i] = (line[i] ?? 0) + weight / cost ** 2;
    right[i] = (right[i] ?? 0) + weight / cost;
  });
  for (let i = wanted.length; i < size; i++) {
    const line = gram[i];
    if (line !== undefined) line[i] = (line[i] ?? 0) + SESSION_WEIGHT;
  }
  const costs = [...start];
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let moved = 0;
    for (let i = 0; i < size; i++) {
      const line = gram[i];
      const diagonal = line?.[i] ?? 0;
      if (line === undefined || diagonal === 0) continue;
      const gradient = (right[i] ?? 0) - dot(line, costs);
      const before = costs[i] ?? 0;
      const best = before + gradient / diagonal;
      const after = i < wanted.length ? Math.max(0, best) : best;
      costs[i] = after;
      moved = Math.max(moved, Math.abs(after - before) / Math.max(Math.abs(after), Math.abs(before), 1));
    }
    if (moved < SETTLED) break;
  }
  return costs;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}
