import type { Cell, CellColumn } from './figure-column.ts';
import type { Style } from './style.ts';
import { displayWidth, padLeft, padRight, shortenMiddle } from './text-width.ts';

const BEST = '*';
/** After a column's text stand its mark, `*` or nothing, and one space. */
const GAP = 2;
const LEAST_NAME_WIDTH = 12;
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
    ...heads.map((head) => 2 + displayWidth(head.name) + roleWidth(head)),
  );
  const room = Math.min(...tables.map(({ columns }) => width - sum(columns.map(columnWidth))));
  const wanted = Math.min(natural, MOST_NAME_WIDTH);
  if (room >= wanted) return wanted;
  return room >= LEAST_NAME_WIDTH + 6 ? room : Math.min(wanted, LEAST_NAME_WIDTH + 6);
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
    const title = padRight(shortenMiddle(table.title, nameWidth), nameWidth);
    lines.push(style.bold((title + columns.map((column) => headerCell(column.title, column)).join('')).trimEnd()));
    const units = columns.map((column) => headerCell(column.unit, column)).join('').trimEnd();
    if (units !== '') lines.push(style.dim(' '.repeat(nameWidth) + units));
    for (const [row, head] of heads.entries()) {
      const cells = columns.map((column) => bodyCell(column, row, style)).join('');
      lines.push(rowHead(head, nameWidth, style) + cells);
    }
  }
  return lines.map((line) => line.trimEnd());
}

function breakIntoBlocks(columns: readonly CellColumn[], width: number): CellColumn[][] {
  const blocks: CellColumn[][] = [];
  let room = 0;
  for (const column of columns) {
    const needed = columnWidth(column);
    const last = blocks.at(-1);
    if (last === undefined || needed > room) {
      blocks.push([column]);
      room = width - needed;
    } else {
      last.push(column);
      room -= needed;
    }
  }
  return blocks;
}

function rowHead(head: RowHead, width: number, style: Style): string {
  const room = width - 2 - roleWidth(head);
  const name = shortenMiddle(head.name, room);
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

function headerCell(text: string, column: CellColumn): string {
  return `${padLeft(text, columnWidth(column) - 1)} `;
}

function bodyCell(column: CellColumn, row: number, style: Style): string {
  const cell: Cell = column.cells[row] ?? { text: '', tone: 'plain' };
  const padding = ' '.repeat(Math.max(0, columnWidth(column) - 1 - displayWidth(cell.text)));
  switch (cell.tone) {
    case 'best':
      return padding + style.good(cell.text + BEST);
    case 'absent':
      return `${padding}${style.dim(cell.text)} `;
    case 'plain':
      return `${padding}${cell.text} `;
  }
}

/** Text and the gap before it, in which the mark of the column before stands. */
function columnWidth({ title, unit, cells }: CellColumn): number {
  const widest = Math.max(displayWidth(title), displayWidth(unit), ...cells.map(({ text }) => displayWidth(text)));
  return widest + GAP;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
