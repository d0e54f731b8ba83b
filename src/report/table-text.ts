import { sum } from '../util/sum.ts';
import { plainStyle, type Style } from './style.ts';
import type { Cell, FilledColumn, RowHead, Table, Tone } from './table.ts';
import {
  cutEnd,
  displayWidth,
  padLeft,
  padRight,
  pageWidth,
  shortenMiddle,
  widest,
  wrap,
} from './text-width.ts';

/** What a text for a terminal is written for. */
export interface TextLayout {
  /** Columns of the terminal that may be used. */
  readonly width: number;
  readonly style: Style;
}

/** Of a page: 60 to 100 columns of the terminal are used. */
export function pageLayout({ width, style = plainStyle }: Partial<TextLayout> = {}): TextLayout {
  return { width: pageWidth(width), style };
}

interface TableLayout extends TextLayout {
  /** Of the first column. Default: what {@link chooseNameWidth} finds. */
  readonly nameWidth?: number | undefined;
  /** What that finds at most. */
  readonly mostNameWidth?: number;
}

const BEST = '*';
/** Stands for a value that is missing. */
const ABSENT = '-';
/** Before a column's text stands one space, after it the place for its mark. */
const GAP = 2;
/** In front of a name: `> ` where it is recommended. */
const GUTTER = 2;
const LEAST_NAME_WIDTH = 15;
const MOST_NAME_WIDTH = 36;
/** What a column that wraps needs before a line of it can be read. */
const LEAST_OVERFLOW_WIDTH = 20;
/** The lines of a text that begins with it stand to its right. */
const ARROW = '→ ';

/**
 * The widest first column, within reason, at which every table still stands in one piece; long names are
 * shortened before a table is broken in two.
 */
export function chooseNameWidth(tables: readonly Table[], width: number, most = MOST_NAME_WIDTH): number {
  const natural = Math.max(
    ...tables.map(({ title, heads = [] }) =>
      heads.reduce((widest, head) => Math.max(widest, headWidth(head)), displayWidth(title)),
    ),
  );
  const left = Math.min(...tables.map(({ columns }) => width - sum(columns.map(columnWidth))));
  const wanted = Math.min(natural, most);
  if (left >= wanted) return wanted;
  return left >= LEAST_NAME_WIDTH ? left : Math.min(wanted, LEAST_NAME_WIDTH);
}

/** Whether a table would be broken in two. */
export function isTooWide(table: Table, width: number): boolean {
  return chooseNameWidth([table], width) + sum(table.columns.map(columnWidth)) > width;
}

/**
 * A table as lines at most `width` columns wide. Columns that do not fit go to a further block below, which
 * repeats the first column.
 */
export function tableText(table: Table, layout: TableLayout): string[] {
  return [...tableLines(table, layout)];
}

/** {@link tableText} line by line, for tables of any length. */
export function* tableLines(table: Table, layout: TableLayout): Generator<string> {
  const nameWidth =
    table.heads === undefined
      ? 0
      : (layout.nameWidth ?? chooseNameWidth([table], layout.width, layout.mostNameWidth));
  for (const [index, columns] of blocksOf(table.columns, layout.width - nameWidth).entries()) {
    if (index > 0) yield '';
    yield* headerLines(table.title, columns, { ...layout, nameWidth });
    yield* rowLines({ ...table, columns }, { ...layout, nameWidth });
  }
}

/** Titles and units of the columns; none where there are none. */
export function headerLines(
  title: string,
  columns: readonly FilledColumn[],
  { nameWidth = 0, style }: TableLayout,
): string[] {
  // Without a first column nothing stands before the second one's gap.
  const skipped = nameWidth === 0 ? 1 : 0;
  const titles = headerLine(title, columns, nameWidth, (column) => column.title).slice(skipped);
  const units = headerLine('', columns, nameWidth, ({ unit }) => unit ?? '').slice(skipped);
  return [...(titles === '' ? [] : [style.bold(titles)]), ...(units === '' ? [] : [style.dim(units)])];
}

/** The rows of a table that stands in one piece. */
export function* rowLines({ heads, columns }: Table, layout: TableLayout): Generator<string> {
  const { nameWidth = 0, width, style } = layout;
  const last = columns.at(-1);
  const fixed = last?.overflow === undefined ? columns : columns.slice(0, -1);
  const widths = fixed.map(columnWidth);
  const start = nameWidth + sum(widths);
  const skipped = heads === undefined ? 1 : 0;
  const indent = ' '.repeat(Math.max(0, start + 1 - skipped));
  const count = heads?.length ?? columns[0]?.cells.length ?? 0;
  for (let row = 0; row < count; row++) {
    const head = heads?.[row];
    const cells = fixed.map((column, index) => bodyCell(column, row, widths[index] ?? 0, style));
    const line = (head === undefined ? '' : rowHead(head, nameWidth, style)) + cells.join('').slice(skipped);
    const cell = last?.overflow === undefined ? undefined : last.cells[row];
    if (cell === undefined) {
      yield line.trimEnd();
      continue;
    }
    const left = Math.max(1, width - indent.length);
    const text = cell.text ?? ABSENT;
    const texts = last === undefined ? [] : fitted(text, last.overflow, left);
    const lines = texts.map((each) => paint(each.trimEnd(), cell.tone, style));
    const before = start === 0 && head === undefined ? '' : `${line} `;
    yield `${before}${lines[0] ?? ''}`.trimEnd();
    for (const more of lines.slice(1)) yield indent + more;
  }
}

function fitted(text: string, overflow: FilledColumn['overflow'], width: number): string[] {
  switch (overflow) {
    case 'cut':
      return [cutEnd(text, width)];
    case 'shorten':
      return [shortenMiddle(text, width)];
    default:
      return wrap(text, width, text.startsWith(ARROW) ? ' '.repeat(displayWidth(ARROW)) : '');
  }
}

/** A row's name as a first column of this width shows it. */
export function shownName(head: RowHead, width: number): string {
  return shortenMiddle(head.name, width - GUTTER - roleWidth(head));
}

function paint(text: string, tone: Tone, style: Style): string {
  switch (tone) {
    case 'plain':
      return text;
    case 'best':
      return style.good(text + BEST);
    case 'quiet':
      return style.dim(text);
    default:
      return style[tone](text);
  }
}

function blocksOf(columns: readonly FilledColumn[], width: number): FilledColumn[][] {
  const blocks: FilledColumn[][] = [];
  let left = 0;
  for (const group of groupJoined(columns)) {
    const needed = sum(group.map(columnWidth));
    const last = blocks.at(-1);
    if (last === undefined || needed > left) {
      blocks.push([...group]);
      left = width - needed;
    } else {
      last.push(...group);
      left -= needed;
    }
  }
  return blocks;
}

function groupJoined(columns: readonly FilledColumn[]): FilledColumn[][] {
  const groups: FilledColumn[][] = [];
  for (const column of columns) {
    const last = groups.at(-1);
    if (column.joined && last !== undefined) last.push(column);
    else groups.push([column]);
  }
  return groups;
}

/** Headers aligned as their columns are; a joined column's may begin over its left neighbour, where that has none. */
function headerLine(
  first: string,
  columns: readonly FilledColumn[],
  nameWidth: number,
  pick: (column: FilledColumn) => string,
): string {
  let line = padRight(first, nameWidth);
  for (const column of columns) {
    const text = pick(column);
    const width = columnWidth(column);
    if (column.align === 'left' || column.overflow !== undefined) {
      line += padRight(` ${text}`, width);
      continue;
    }
    const blank = line.length - line.trimEnd().length;
    const excess = Math.min(blank, Math.max(0, displayWidth(text) + GAP - width));
    line = `${line.slice(0, line.length - excess)}${padLeft(text, width - 1 + excess)} `;
  }
  return line.trimEnd();
}

function rowHead(head: RowHead, width: number, style: Style): string {
  const { role = '', recommended = false, tone = 'plain' } = head;
  const name = shownName(head, width);
  const padding = ' '.repeat(Math.max(0, width - GUTTER - roleWidth(head) - displayWidth(name)));
  const gutter = recommended ? `${style.good('>')} ` : '  ';
  const painted = recommended ? style.bold(name) : paint(name, tone, style);
  if (role === '') return gutter + painted + padding;
  return `${gutter}${painted} ${role === 'failed' ? style.bad(role) : style.accent(role)}${padding}`;
}

function headWidth(head: RowHead): number {
  return GUTTER + displayWidth(head.name) + roleWidth(head) + 1;
}

function roleWidth({ role = '' }: RowHead): number {
  return role === '' ? 0 : role.length + 1;
}

function bodyCell(column: FilledColumn, row: number, width: number, style: Style): string {
  const cell = column.cells[row];
  const text = shown(column, cell);
  const tone = cell?.tone ?? 'plain';
  const padding = ' '.repeat(Math.max(0, width - 1 - displayWidth(text)));
  const mark = tone === 'best' ? '' : ' ';
  const painted = text === '' ? '' : paint(text, tone, style);
  return column.align === 'left' ? ` ${painted}${mark}${padding.slice(1)}` : `${padding}${painted}${mark}`;
}

function shown({ most }: FilledColumn, cell: Cell | undefined): string {
  if (cell === undefined) return '';
  const text = cell.text ?? ABSENT;
  return most === undefined ? text : shortenMiddle(text, most);
}

/** Text, the gap before it and the place for its mark after it. */
function columnWidth(column: FilledColumn): number {
  const { title, unit = '', joined, cells, least = 0, overflow } = column;
  const header = Math.max(joined ? 0 : displayWidth(title), displayWidth(unit), least);
  if (overflow !== undefined) return Math.max(header, LEAST_OVERFLOW_WIDTH) + GAP;
  const texts =
    column.most === undefined
      ? cells.map(({ text }) => text ?? ABSENT)
      : cells.map((cell) => shown(column, cell));
  return Math.max(header, widest(texts)) + GAP;
}
