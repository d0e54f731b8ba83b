import { isAvailable, type Unavailable } from '../measure/availability.ts';
import type { VariantResult } from '../measure/results.ts';
import { decimalsFor, formatFixed, type Precision } from './numbers.ts';

/** One figure as a column shows it. */
export interface Reading {
  readonly value: number;
  /** Printed after `±`: a standard deviation or a standard error, in the figure's own unit. */
  readonly error?: number;
  /** Printed in parentheses: an interval around the value. */
  readonly interval?: { readonly low: number; readonly high: number };
  /** What two values must differ by to count as different, where `error` is not that. */
  readonly resolution?: number;
}

/** A column of figures: where they come from, how they are written and which is the best. */
export interface FigureColumn {
  /** Two header lines: what it is, and its unit or conditions. */
  readonly title: string;
  readonly unit: string;
  /** The figure's name in a sentence: "not measured: prompt speed". */
  readonly label: string;
  readonly read: (variant: VariantResult) => Reading | Unavailable;
  readonly precision: Precision;
  readonly write?: (value: number, decimals: number) => string;
  readonly best: 'lowest' | 'highest' | 'none';
  /** The figure compares with the reference, whose own can only be perfect and is left out of the contest. */
  readonly againstReference?: boolean;
  /** Left out in silence when no variant has it. */
  readonly optional?: boolean;
}

/** One cell before layout; an empty text is a figure that does not apply. */
export interface Cell {
  readonly text: string;
  readonly tone: 'plain' | 'best' | 'absent';
}

/** A column ready to be laid out: equal points, equal `±`, one cell a variant. */
export interface CellColumn {
  readonly title: string;
  readonly unit: string;
  readonly cells: readonly Cell[];
}

export interface Comparison {
  readonly variants: readonly VariantResult[];
  readonly reference: string | null;
}

/** Writes the mark of an absent figure and remembers the reason for the notes. */
export type MarkAbsence = (absence: Unavailable, variant: VariantResult) => string;

/** The reason that all variants share for lacking this figure, if none has it and the reasons are one. */
export function sharedAbsence(column: FigureColumn, variants: readonly VariantResult[]): string | undefined {
  const reasons = new Set<string | null>();
  for (const variant of variants) {
    const reading = column.read(variant);
    reasons.add(isAvailable(reading) ? null : reading.reason);
  }
  const [reason] = reasons;
  return reasons.size === 1 && reason !== null ? reason : undefined;
}

/** Turns a column's figures into cells of equal shape and finds the best. */
export function writeColumn(column: FigureColumn, comparison: Comparison, markAbsence: MarkAbsence): CellColumn {
  const { variants } = comparison;
  const readings = variants.map((variant) => column.read(variant));
  const available = readings.filter(isAvailable);
  const written = writeReadings(available, column);
  const best = findBest(column, comparison, readings);
  let next = 0;
  const cells = variants.map((variant, row): Cell => {
    const reading = readings[row];
    if (reading === undefined) return { text: '', tone: 'plain' };
    if (!isAvailable(reading)) return { text: markAbsence(reading, variant), tone: 'absent' };
    const text = written[next++] ?? '';
    return { text, tone: best.has(row) ? 'best' : 'plain' };
  });
  return { title: column.title, unit: column.unit, cells };
}

function writeReadings(readings: readonly Reading[], column: FigureColumn): string[] {
  const decimals = decimalsFor(
    readings.map((reading) => reading.value),
    column.precision,
  );
  const write = column.write ?? formatFixed;
  const errors = readings.map(({ error }) => (error === undefined ? '' : formatFixed(error, decimals)));
  const errorWidth = Math.max(0, ...errors.map((text) => text.length));
  const lows = readings.map(({ interval }) => (interval ? formatFixed(interval.low, decimals) : ''));
  const highs = readings.map(({ interval }) => (interval ? formatFixed(interval.high, decimals) : ''));
  const lowWidth = Math.max(0, ...lows.map((text) => text.length));
  const highWidth = Math.max(0, ...highs.map((text) => text.length));
  return readings.map((reading, row) => {
    const value = write(reading.value, decimals);
    const error = errors[row] ?? '';
    const interval = reading.interval
      ? ` (${(lows[row] ?? '').padStart(lowWidth)}-${(highs[row] ?? '').padStart(highWidth)})`
      : '';
    if (errorWidth === 0) return value + interval;
    return value + (error === '' ? ' '.repeat(errorWidth + 3) : ` ± ${error.padStart(errorWidth)}`) + interval;
  });
}

/**
 * The rows to mark: the best figure and those that its error cannot tell from it. None when that is every
 * row, since then the column decides nothing.
 */
function findBest(
  column: FigureColumn,
  { variants, reference }: Comparison,
  readings: readonly (Reading | Unavailable)[],
): Set<number> {
  const none = new Set<number>();
  if (column.best === 'none') return none;
  const contestants: { row: number; reading: Reading }[] = [];
  for (const [row, variant] of variants.entries()) {
    const reading = readings[row];
    if (reading === undefined || !isAvailable(reading)) continue;
    if (variant.status === 'failed') continue;
    if (column.againstReference && variant.name === reference) continue;
    contestants.push({ row, reading });
  }
  const [first] = contestants;
  if (first === undefined) return none;
  const direction = column.best === 'lowest' ? 1 : -1;
  const winner = contestants.reduce(
    (best, each) => ((each.reading.value - best.reading.value) * direction < 0 ? each : best),
    first,
  );
  const level = contestants.filter(({ reading }) => isLevel(reading, winner.reading));
  return level.length === contestants.length ? none : new Set(level.map(({ row }) => row));
}

function isLevel(one: Reading, other: Reading): boolean {
  const resolution = Math.hypot(
    one.resolution ?? one.error ?? 0,
    other.resolution ?? other.error ?? 0,
  );
  return Math.abs(one.value - other.value) <= resolution;
}
