import { mean, sampleVariance } from 'simple-statistics';
import { isAvailable } from '../schema/availability.ts';
import type { HistoryLine, HistoryPoint } from '../schema/history.ts';
import type { Results } from '../schema/results.ts';
import { FOLLOWED_FIGURES, figureIn } from './followed-figures.ts';
import { studentTwoSided } from './student.ts';

/** Of a series of nothing but chance, at most this share is said to have changed. */
const HISTORY_SIGNIFICANCE = 0.01;
/** Results on either side of a change: one alone may be an accident. */
const LEAST_RUN = 2;

/**
 * Each figure of each variant over results of one machine and setup, in the order of time, with the places where it
 * changed for good.
 */
export function historyOf(results: readonly Results[]): HistoryLine[] {
  const ordered = [...results].sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
  const names = [...new Set(ordered.flatMap(({ variants }) => variants.map(({ name }) => name)))];
  return FOLLOWED_FIGURES.flatMap((followed) => {
    const { figure, label, unit, better, spread } = followed;
    return names.flatMap((variant): HistoryLine[] => {
      const points = ordered.flatMap((each): HistoryPoint[] => {
        const row = each.variants.find(({ name }) => name === variant);
        const value = row === undefined ? null : figureIn(followed, row);
        if (row === undefined || value === null) return [];
        const { engine } = each.machine;
        const isTimed = figure.startsWith('speed.');
        return [
          {
            createdAt: each.createdAt,
            toolVersion: each.tool.version,
            llamaCpp: isAvailable(engine) ? engine.llamaCpp : null,
            value,
            spread: spread(row),
            isDisturbed: isTimed && isAvailable(row.speed) && row.speed.disturbed !== undefined,
          },
        ];
      });
      if (points.length === 0) return [];
      const judged = points.filter(({ isDisturbed }) => !isDisturbed);
      const changes = changePoints(judged.map(({ value }) => value)).map(({ at, before, after, pValue }) => ({
        createdAt: judged[at]?.createdAt ?? '',
        before,
        after,
        pValue,
      }));
      return [{ variant, figure, label, unit, better, points, changes }];
    });
  });
}

/** Where a series changed: the index of the first value of the new level, and the means of both. */
export interface ChangePoint {
  readonly at: number;
  readonly before: number;
  readonly after: number;
  readonly pValue: number;
}

/**
 * Where the level of a series changed for good, by binary segmentation (A. J. Scott and M. Knott, Biometrics 30 (1974),
 * 507-512): the split whose two sides differ most by Student's t-test is a change where its p-value, times the number of
 * splits that were looked at (Bonferroni), is below 1 in 100; then each side is looked at by itself. A side has at least
 * two values, so that a single one is no change.
 * @param values in the order of time
 */
export function changePoints(values: readonly number[]): ChangePoint[] {
  const found = splitsOf(values, 0, values.length).sort((a, b) => a - b);
  const ends = [0, ...found, values.length];
  return found.flatMap((at, index) => {
    const before = values.slice(ends[index], at);
    const after = values.slice(at, ends[index + 2]);
    const pValue = pValueOf(before, after);
    return pValue === null ? [] : [{ at, before: mean(before), after: mean(after), pValue }];
  });
}

function splitsOf(values: readonly number[], from: number, to: number): number[] {
  const splits = Math.max(0, to - from - 2 * LEAST_RUN + 1);
  let best: { readonly at: number; readonly pValue: number; readonly distance: number } | null = null;
  for (let at = from + LEAST_RUN; at <= to - LEAST_RUN; at++) {
    const [before, after] = [values.slice(from, at), values.slice(at, to)];
    const pValue = pValueOf(before, after) ?? 1;
    const distance = Math.abs(mean(after) - mean(before));
    if (best === null || pValue < best.pValue || (pValue === best.pValue && distance > best.distance))
      best = { at, pValue, distance };
  }
  if (best === null || best.pValue * splits >= HISTORY_SIGNIFICANCE) return [];
  return [...splitsOf(values, from, best.at), best.at, ...splitsOf(values, best.at, to)];
}

/** Student's two-sided t-test with pooled variance. */
function pValueOf(before: readonly number[], after: readonly number[]): number | null {
  if (before.length < 2 || after.length < 2) return null;
  const degrees = before.length + after.length - 2;
  const squares =
    sampleVariance([...before]) * (before.length - 1) + sampleVariance([...after]) * (after.length - 1);
  const difference = Math.abs(mean([...after]) - mean([...before]));
  const error = Math.sqrt((squares / degrees) * (1 / before.length + 1 / after.length));
  if (error <= difference * 1e-12) return difference === 0 ? 1 : 0;
  return studentTwoSided(difference / error, degrees);
}
