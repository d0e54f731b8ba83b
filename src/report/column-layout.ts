import type { Cell, CellColumn } from './figure-column.ts';
import type { Style } from './style.ts';
import { displayWidth, padLeft, padRight, shortenMiddle } from './text-width.ts';

const BEST = '*';
/** Before a column's text stands one space, after it the room for its mark. */
const GAP = 2;
/** In front of a name: `> ` where it is recommended. */
const GUTTER = 2;
const LEAST_NAME_WIDTH = 15;
const MOST_NAME_WIDTH = 36;

/** The first column: who a row is about, with a word on its part in the comparison. */
export interface RowHead {
  readonly name: string;
  readonly role: '' | 'ref' | 'failed';
  readonly recommended: boolean;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly CellColumn[];
}

/**
 * The widest first column, within reason, at which every table still stands in one piece; long names are
 * shortened before a table is broken in two.
 */
export function chooseNameWidth(heads: readonly RowHead[], tables: readonly Table[], width: number): number {
  const natural = Math.max(
    ...tables.map(({ title }) => displayWidth(title)),
    ...heads.map((head) => GUTTER + displayWidth(head.name) + roleWidth(head) + 1),
  );
  const room = Math.min(...tables.map(({ columns }) => width - sum(columns.map(columnWidth))));
  const wanted = Math.min(natural, MOST_NAME_WIDTH);
  if (room >= wanted) return wanted;
  return room >= LEAST_NAME_WIDTH ? room : Math.min(wanted, LEAST_NAME_WIDTH);
}

/**
 * Lays a table out as lines at most `width` columns wide. Columns that do not fit go to a further block
 * below, which repeats the first column.
 */
export function layOutTable(
  table: Table,
  heads: readonly RowHead[],
  { nameWidth, width, style }: { nameWidth: number; width: number; style: Style },
): string[] {
  const blocks = breakIntoBlocks(table.columns, width - nameWidth);
  const lines: string[] = [];
  for (const [index, columns] of blocks.entries()) {
    if (index > 0) lines.push('');
    lines.push(style.bold(headerLine(table.title, columns, nameWidth, ({ title }) => title)));
    const units = headerLine('', columns, nameWidth, ({ unit }) => unit);
    if (units !== '') lines.push(style.dim(units));
    for (const [row, head] of heads.entries()) {
      const cells = columns.map((column) => bodyCell(column, row, style)).join('');
      lines.push(rowHead(head, nameWidth, style) + cells);
    }
  }
  return lines.map((line) => line.trimEnd());
}

/** A row's name as a first column of this width shows it. */
export function shownName(head: RowHead, width: number): string {
  return shortenMiddle(head.name, width - GUTTER - roleWidth(head));
}

function breakIntoBlocks(columns: readonly CellColumn[], width: number): CellColumn[][] {
  const blocks: CellColumn[][] = [];
  let room = 0;
  for (const group of groupJoined(columns)) {
    const needed = sum(group.map(columnWidth));
    const last = blocks.at(-1);
    if (last === undefined || needed > room) {
      blocks.push([...group]);
      room = width - needed;
    } else {
      last.push(...group);
      room -= needed;
    }
  }
  return blocks;
}

function groupJoined(columns: readonly CellColumn[]): CellColumn[][] {
  const groups: CellColumn[][] = [];
  for (const column of columns) {
    const last = groups.at(-1);
    if (column.joined && last !== undefined) last.push(column);
    else groups.push([column]);
  }
  return groups;
}

/** Right-aligned headers; a joined column's may begin over its left neighbour, where that has none. */
function headerLine(
  first: string,
  columns: readonly CellColumn[],
  nameWidth: number,
  pick: (column: CellColumn) => string,
): string {
  let line = padRight(first, nameWidth);
  for (const column of columns) {
    const text = pick(column);
    const blank = line.length - line.trimEnd().length;
    const excess = Math.min(blank, Math.max(0, displayWidth(text) + GAP - columnWidth(column)));
    line = `${line.slice(0, line.length - excess)}${padLeft(text, columnWidth(column) - 1 + excess)} `;
  }
  return line.trimEnd();
}

function rowHead(head: RowHead, width: number, style: Style): string {
  const room = width - GUTTER - roleWidth(head);
  const name = shownName(head, width);
  const padding = ' '.repeat(Math.max(0, room - displayWidth(name)));
  const gutter = head.recommended ? `${style.good('>')} ` : '  ';
  const painted = head.recommended ? style.bold(name) : name;
  if (head.role === '') return gutter + painted + padding;
  const role = head.role === 'failed' ? style.bad(head.role) : style.accent(head.role);
  return `${gutter}${painted} ${role}${padding}`;
}

function roleWidth({ role }: RowHead): number {
  return role === '' ? 0 : role.length + 1;
}

function bodyCell(column: CellColumn, row: number, style: Style): string {
  const cell: Cell = column.cells[row] ?? { text: '', tone: 'plain' };
  const padding = ' '.repeat(Math.max(0, columnWidth(column) - 1 - displayWidth(cell.text)));
  switch (cell.tone) {
    case 'best':
      return padding + style.good(cell.text + BEST);
    case 'quiet':
      return `${padding}${style.dim(cell.text)} `;
    case 'plain':
      return `${padding}${cell.text} `;
  }
}

/** Text, the gap before it and the room for its mark after it. */
function columnWidth({ title, unit, joined, cells }: CellColumn): number {
  const headers = joined ? [unit] : [title, unit];
  return Math.max(...[...headers, ...cells.map(({ text }) => text)].map(displayWidth)) + GAP;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
