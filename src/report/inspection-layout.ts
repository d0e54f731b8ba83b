import { formatCount } from '../util/units.ts';
import type { CellColumn } from './figure-column.ts';
import type { Style } from './style.ts';
import { displayWidth, padRight, wrap } from './text-width.ts';

/** What every part of an inspection writes for. */
export interface PageLayout {
  /** Columns of the terminal that may be used. */
  readonly width: number;
  readonly style: Style;
}

const MOST_WIDTH = 100;
const LEAST_WIDTH = 60;

/** The width a page is written for: the terminal's, within reason. */
export function pageWidth(columns: number | undefined): number {
  return Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, Math.floor(columns ?? MOST_WIDTH)));
}

const INDENT = '  ';
const LABEL_GAP = 2;

/** Labels and what they stand for, aligned; long values go on below themselves. Texts must be printable. */
export function pairs(rows: readonly (readonly [string, string])[], { width, style }: PageLayout): string[] {
  const labelWidth = widest(rows.map(([label]) => label)) + LABEL_GAP;
  const indent = ' '.repeat(INDENT.length + labelWidth);
  return rows.flatMap(([label, value]) => {
    const [first = '', ...rest] = wrap(value, width - indent.length).map((line) => line.trimEnd());
    const head = `${INDENT}${style.dim(padRight(label, labelWidth))}${first}`;
    return [head, ...rest.map((line) => indent + line)];
  });
}

/** A paragraph, indented like the rows of a table. */
export function note(text: string, { width }: PageLayout): string[] {
  return wrap(text, width - INDENT.length).map((line) => INDENT + line);
}

/** A column of figures or words, none of them the best of anything. */
export function plainColumn(
  title: string,
  texts: readonly string[],
  more: Partial<CellColumn> = {},
): CellColumn {
  return { title, unit: '', cells: texts.map((text) => ({ text, tone: 'plain' })), ...more };
}

/** Texts made equally wide, so that a column that aligns right holds them aligned left. */
export function alignedLeft(texts: readonly string[]): string[] {
  const width = widest(texts);
  return texts.map((text) => padRight(text, width));
}

/** The columns that the widest text takes. A file can name more things than a call takes arguments. */
export function widest(texts: Iterable<string>): number {
  let width = 0;
  for (const text of texts) width = Math.max(width, displayWidth(text));
  return width;
}

/** The first few of what a file may have thousands of, and how many more there are. */
export function firstOf(texts: readonly string[], most: number): string[] {
  const more = texts.length - most;
  return more > 0 ? [...texts.slice(0, most), `${more} more`] : [...texts];
}

/** `62.4 %`, `0.3 %`, `<0.1 %`. */
export function percent(part: number, whole: number): string {
  if (whole === 0 || part === 0) return '0 %';
  const value = Math.min(100, (100 * part) / whole);
  return value < 0.1 ? '<0.1 %' : `${value.toFixed(1)} %`;
}

/** `1 tensor`, `31 tensors`. */
export function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}
