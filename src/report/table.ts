/**
 * Every table of the program, in four steps, each in one place:
 *
 * 1. A list of {@link Column}s says what a table shows: a title, a unit, and what to read of a row. The lists stand
 *    beside what they are about: `comparison-columns.ts`, `bench.ts`, `context.ts`, `fit.ts`, `variants.ts`, ...
 * 2. {@link fillColumns} here reads every row by every column. All numbers of a column get the same decimals, the best
 *    of them is marked, and where there is no number the cell keeps the reason.
 * 3. A {@link Table} is such columns with the names of its rows.
 * 4. One writer per form turns a table into text: `table-text.ts` for a terminal, `table-markdown.ts`, `html/tables.ts`;
 *    `table-csv.ts` writes the unrounded values and needs no second step.
 *
 * So a new column is one entry in one of the lists, and every form has it.
 */
import { isAvailable, type Unavailable } from '../schema/availability.ts';
import { decimalsFor, formatFixed, type Precision } from './numbers.ts';

/** A number with its uncertainty. */
export interface Reading {
  readonly value: number;
  /** Printed after `±`: a standard deviation or a standard error, in the column's unit. */
  readonly error?: number;
  /** Printed in parentheses: an interval around the value. */
  readonly interval?: { readonly low: number; readonly high: number };
  /** What two values must differ by to count as different, where `error` is not that. */
  readonly resolution?: number;
}

/** `best` and `quiet` are given by {@link fillColumns}; the others say what a text means. */
export type Tone = 'plain' | 'best' | 'quiet' | 'bold' | 'good' | 'bad' | 'warn' | 'accent';

/** A text whose tone says something. */
export interface ToneText {
  readonly text: string;
  readonly tone: Tone;
}

/** What a column may read of a row; null where there is nothing and no reason is known. */
export type Value = number | string | Reading | ToneText | null | Unavailable;

/** What every form of a column has in common. */
interface ColumnHead {
  /** What it is, above its unit or conditions. */
  readonly title: string;
  readonly unit?: string | undefined;
  /** Default: right, for numbers. */
  readonly align?: 'left' | 'right';
  /** Second of a pair: never parted from the column on its left, and its unit may stand under that one's title. */
  readonly joined?: boolean;
  /** The title where no other column can lend it one: in Markdown and HTML. */
  readonly heading?: string;
  /** In a sentence: "not measured: prompt speed". */
  readonly label?: string;
  /** Columns of the terminal that the text takes at least: for rows that are written one by one. */
  readonly least?: number;
  /** Columns of the terminal that the text takes at most; a longer one is shortened in its middle. */
  readonly most?: number;
  /** Of the last column, which takes what is left of the line: what becomes of a longer text. */
  readonly overflow?: 'wrap' | 'cut' | 'shorten';
}

/** One column of a table whose rows are `Row`s. */
export interface Column<Row> extends ColumnHead {
  readonly read: (row: Row, index: number) => Value;
  /** Default: no decimals. */
  readonly precision?: Precision;
  readonly write?: (value: number, decimals: number) => string;
  /** Which end is the better one; without it no cell is marked. */
  readonly best?: 'lowest' | 'highest';
  /** Compares with the reference, whose own value can only be perfect and is not a candidate for the best. */
  readonly againstReference?: boolean;
  /** Left out in silence when no row has it. */
  readonly optional?: boolean;
}

export interface Cell {
  /** Empty where the column does not apply to the row, null where a value is missing. */
  readonly text: string | null;
  /** Unrounded, in the column's unit: to sort by. */
  readonly value: number | null;
  readonly tone: Tone;
  /** Why the value is missing. */
  readonly reason: string | null;
}

/** A column with a cell for every row. */
export interface FilledColumn extends ColumnHead {
  readonly cells: readonly Cell[];
}

/** The first column: what a row is about, with a word on its part in the table. */
export interface RowHead {
  readonly name: string;
  readonly role?: '' | 'ref' | 'failed';
  readonly recommended?: boolean;
  readonly tone?: Tone;
}

export interface Table {
  /** Above the names of the rows. */
  readonly title: string;
  /** Left out where no row has a name. */
  readonly heads?: readonly RowHead[];
  readonly columns: readonly FilledColumn[];
}

/** What {@link fillColumns} must know of the rows to choose the best of a column. */
export interface RowRoles<Row> {
  readonly isReference?: (row: Row) => boolean;
  /** Its numbers are shown and are never the best. */
  readonly isFailed?: (row: Row) => boolean;
}

/** Reads every row by every column. */
export function fillColumns<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  roles: RowRoles<Row> = {},
): FilledColumn[] {
  return columns.map((column) => fillColumn(column, rows, roles));
}

/** A number of one row, as it is written. */
interface Entry {
  readonly row: number;
  readonly reading: Reading;
  readonly text: string;
}

function fillColumn<Row>(column: Column<Row>, rows: readonly Row[], roles: RowRoles<Row>): FilledColumn {
  const { read, precision, write, best, againstReference, optional: _, ...head } = column;
  const values = rows.map(read);
  const readings = values.flatMap((value, row) => {
    const reading = readingOf(value);
    return reading === null ? [] : [{ row, reading }];
  });
  const texts = writeReadings(
    readings.map(({ reading }) => reading),
    precision ?? { significant: 1, most: 0 },
    write ?? formatFixed,
  );
  const entries = new Map(
    readings.map((each, index): [number, Entry] => [each.row, { ...each, text: texts[index] ?? '' }]),
  );
  const isItself = (row: Row) => againstReference === true && (roles.isReference?.(row) ?? false);
  const candidates = [...entries.values()].filter(({ row: index }) => {
    const row = rows[index];
    return row !== undefined && !(roles.isFailed?.(row) ?? false) && !isItself(row);
  });
  const winners = best === undefined ? new Set() : findBest(candidates, best);
  const cells = rows.map((row, index): Cell => {
    const entry = entries.get(index);
    if (entry === undefined) return textCell(values[index] ?? null);
    const tone = winners.has(index) ? 'best' : isItself(row) ? 'quiet' : 'plain';
    return { text: entry.text, value: entry.reading.value, tone, reason: null };
  });
  return { ...head, cells };
}

function readingOf(value: Value): Reading | null {
  if (typeof value === 'number') return { value };
  return typeof value === 'object' && value !== null && 'value' in value ? value : null;
}

function textCell(value: Value): Cell {
  const nothing = { value: null, reason: null };
  if (typeof value === 'string') return { ...nothing, text: value, tone: 'plain' };
  if (typeof value === 'object' && value !== null) {
    if ('text' in value) return { ...nothing, ...value };
    if ('reason' in value) return { ...nothing, text: null, tone: 'quiet', reason: value.reason };
  }
  return { ...nothing, text: null, tone: 'quiet' };
}

/**
 * The rows to mark: the best value and those that nothing printed tells from it. None when that is every
 * row, since then the column decides nothing.
 */
function findBest(candidates: readonly Entry[], direction: 'lowest' | 'highest'): Set<number> {
  const [first] = candidates;
  if (first === undefined) return new Set();
  const sign = direction === 'lowest' ? 1 : -1;
  const winner = candidates.reduce(
    (best, each) => ((each.reading.value - best.reading.value) * sign < 0 ? each : best),
    first,
  );
  const level = candidates.filter((each) => isLevel(each, winner));
  return level.length === candidates.length ? new Set() : new Set(level.map(({ row }) => row));
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
function writeReadings(
  readings: readonly Reading[],
  precision: Precision,
  write: (value: number, decimals: number) => string,
): string[] {
  const decimals = decimalsFor(
    readings.map(({ value }) => value),
    precision,
  );
  const errors = alignRight(readings.map(({ error }) => optional(error, decimals)));
  const lows = alignRight(readings.map(({ interval }) => optional(interval?.low, 0)));
  const highs = alignRight(readings.map(({ interval }) => optional(interval?.high, 0)));
  return readings.map(({ value, error, interval }, index) => {
    const padded = errors[index] ?? '';
    const plusMinus = error === undefined ? '   ' : ' ± ';
    const range = interval === undefined ? '' : ` (${lows[index] ?? ''}-${highs[index] ?? ''})`;
    return write(value, decimals) + (padded === '' ? '' : plusMinus + padded) + range;
  });
}

function optional(value: number | undefined, decimals: number): string {
  return value === undefined ? '' : formatFixed(value, decimals);
}

function alignRight(texts: readonly string[]): string[] {
  const width = texts.reduce((most, text) => Math.max(most, text.length), 0);
  return texts.map((text) => text.padStart(width));
}

/** Labels and what they stand for: a table of two columns without titles. Texts must be printable. */
export function factTable(facts: readonly (readonly [label: string, text: string])[]): Table {
  return {
    title: '',
    heads: facts.map(([name]) => ({ name, tone: 'quiet' })),
    columns: fillColumns<(typeof facts)[number]>(
      [{ title: '', overflow: 'wrap', read: ([, text]) => text }],
      facts,
    ),
  };
}

/** A value if it is there, written; its reason where it is missing. */
export function given<Known, Written>(
  value: Known | Unavailable,
  write: (value: Exclude<Known, Unavailable>) => Written,
): Written | Unavailable {
  return isMissing(value) ? value : write(value as Exclude<Known, Unavailable>);
}

export function isMissing(value: unknown): value is Unavailable {
  return !isAvailable(value);
}
