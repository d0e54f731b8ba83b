import { isAvailable, type Unavailable } from '../schema/availability.ts';
import type { VariantResult } from '../schema/results.ts';
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
  /** Half of a pair with the column on its left: never parted from it, and free to use its empty title. */
  readonly joined?: boolean;
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
  readonly tone: 'plain' | 'best' | 'quiet';
}

/** A column ready to be laid out: equal points, equal `±`, one cell a variant. */
export interface CellColumn {
  readonly title: string;
  readonly unit: string;
  readonly joined?: boolean;
  readonly cells: readonly Cell[];
}

export interface Comparison {
  readonly variants: readonly VariantResult[];
  readonly reference: string | null;
}

/** Writes the mark of an absent figure and remembers the reason for the notes. */
export type MarkAbsence = (absence: Unavailable, variant: VariantResult) => string;

/** An available figure of one row, as it is written. */
interface Entry {
  readonly row: number;
  readonly reading: Reading;
  readonly text: string;
}

/** Turns a column's figures into cells of equal shape and finds the best. */
export function writeColumn(
  column: FigureColumn,
  { variants, reference }: Comparison,
  markAbsence: MarkAbsence,
): CellColumn {
  const isItself = (variant: VariantResult) => column.againstReference && variant.name === reference;
  const read = variants.map((variant) => ({ variant, reading: column.read(variant) }));
  const available = read.flatMap(({ reading }, row) => (isAvailable(reading) ? [{ row, reading }] : []));
  const texts = writeReadings(
    available.map(({ reading }) => reading),
    column,
  );
  const entries = new Map(
    available.map((entry, index): [number, Entry] => [entry.row, { ...entry, text: texts[index] ?? '' }]),
  );
  const contenders = [...entries.values()].filter(({ row }) => {
    const variant = variants[row];
    return variant !== undefined && variant.status === 'ok' && !isItself(variant);
  });
  const best = column.best === 'none' ? new Set() : findBest(contenders, column.best);
  const cells = read.map(({ variant, reading }, row): Cell => {
    if (!isAvailable(reading)) return { text: markAbsence(reading, variant), tone: 'quiet' };
    const tone = best.has(row) ? 'best' : isItself(variant) ? 'quiet' : 'plain';
    return { text: entries.get(row)?.text ?? '', tone };
  });
  return { title: column.title, unit: column.unit, joined: column.joined ?? false, cells };
}

/**
 * The rows to mark: the best figure and those that nothing printed tells from it. None when that is every
 * row, since then the column decides nothing.
 */
function findBest(contenders: readonly Entry[], direction: 'lowest' | 'highest'): Set<number> {
  const [first] = contenders;
  if (first === undefined) return new Set();
  const sign = direction === 'lowest' ? 1 : -1;
  const winner = contenders.reduce(
    (best, each) => ((each.reading.value - best.reading.value) * sign < 0 ? each : best),
    first,
  );
  const level = contenders.filter((each) => isLevel(each, winner));
  return level.length === contenders.length ? new Set() : new Set(level.map(({ row }) => row));
}

function isLevel(one: Entry, other: Entry): boolean {
  if (one.text === other.text) return true;
  const resolution = Math.hypot(resolutionOf(one), resolutionOf(other));
  return Math.abs(one.reading.value - other.reading.value) <= resolution;
}

function resolutionOf({ reading }: Entry): number {
  return reading.resolution ?? reading.error ?? 0;
}

/** The readings of one column as texts whose points, `±` and parentheses stand under one another. */
function writeReadings(readings: readonly Reading[], column: FigureColumn): string[] {
  const decimals = decimalsFor(
    readings.map((reading) => reading.value),
    column.precision,
  );
  const write = column.write ?? formatFixed;
  const errors = alignRight(readings.map(({ error }) => optional(error, decimals)));
  const lows = alignRight(readings.map(({ interval }) => optional(interval?.low, 0)));
  const highs = alignRight(readings.map(({ interval }) => optional(interval?.high, 0)));
  return readings.map((reading, index) => {
    const error = errors[index] ?? '';
    const plusMinus = reading.error === undefined ? '   ' : ' ± ';
    const range = reading.interval ? ` (${lows[index] ?? ''}-${highs[index] ?? ''})` : '';
    return write(reading.value, decimals) + (error === '' ? '' : plusMinus + error) + range;
  });
}

function optional(value: number | undefined, decimals: number): string {
  return value === undefined ? '' : formatFixed(value, decimals);
}

function alignRight(texts: readonly string[]): string[] {
  const width = Math.max(0, ...texts.map((text) => text.length));
  return texts.map((text) => text.padStart(width));
}
