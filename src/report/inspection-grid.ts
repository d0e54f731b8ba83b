import type { Inspection } from '../schema/inspection.ts';
import { formatBytes } from '../util/units.ts';
import { note, percent } from './inspection-layout.ts';
import { paintOf, symbolsOf, type TypeSymbols } from './inspection-symbols.ts';
import { visible } from './inspection-text.ts';
import type { Style } from './style.ts';
import type { TextLayout } from './table-text.ts';
import { displayWidth, padLeft, padRight, shortenMiddle } from './text-width.ts';

type Quantization = Inspection['quantization'];
type Role = Quantization['byRole'][number];

const GUTTER = '  ';
const NAME_WIDTH = 16;
/** Right of the cells: what a role takes over all layers. */
const SUMS = [
  { title: 'bits', width: 8 },
  { title: 'size', width: 11 },
  { title: 'share', width: 9 },
] as const;
const SUMS_WIDTH = SUMS.reduce((sum, { width }) => sum + width, 0);
/** A cell for a tensor outside the layers: `(4)`, so that it is not taken for layer 0's. */
const OUTSIDE_WIDTH = 3;
/** No architecture has more roles or layers; names that a hostile file invents would fill the screen. */
const MOST_ROLES = 40;
const MOST_LAYERS = 512;

/**
 * Which type each role has in each layer: one row per role, one column per layer, one character per cell. More layers than
 * fit go to further blocks; what a role takes in all stands behind the last one.
 */
export function mixGrid(quantization: Quantization, layout: TextLayout): string[] {
  const matrices = quantization.byRole.filter(({ vectors }) => !vectors);
  const rows = [...matrices].sort((one, other) => placeOf(one) - placeOf(other)).slice(0, MOST_ROLES);
  if (rows.length === 0) return [];
  const symbols = symbolsOf(matrices);
  const grid: Grid = { rows, symbols, cells: cellsByRole(quantization, symbols), quantization };
  const layers = quantization.layers.map(({ layer }) => layer).slice(0, MOST_LAYERS);
  const cellsWidth = layout.width - GUTTER.length - NAME_WIDTH;
  const blocks = chunk(layers, cellsWidth);
  if (Math.max(OUTSIDE_WIDTH, blocks.at(-1)?.length ?? 0) + SUMS_WIDTH > cellsWidth) blocks.push([]);
  if (blocks.length === 0) blocks.push([]);
  const lines = blocks.flatMap((block, index) => [
    ...(index > 0 ? [''] : []),
    ...gridBlock(grid, block, { isFirst: index === 0, isLast: index === blocks.length - 1 }, layout.style),
  ]);
  const left = [matrices.length - rows.length, quantization.layers.length - layers.length] as const;
  const leftOut =
    left[0] + left[1] > 0 ? note(`Not shown: ${left[0]} roles, ${left[1]} layers.`, layout) : [];
  return [...lines, ...leftOut, ...legend(symbols, layout)];
}

interface Grid {
  readonly rows: readonly Role[];
  readonly symbols: TypeSymbols;
  /** By role, then by layer. */
  readonly cells: ReadonlyMap<string, ReadonlyMap<number, string>>;
  readonly quantization: Quantization;
}

function gridBlock(
  { rows, symbols, cells, quantization }: Grid,
  layers: readonly number[],
  { isFirst, isLast }: { isFirst: boolean; isLast: boolean },
  style: Style,
): string[] {
  const cellsWidth = Math.max(layers.length, isFirst ? OUTSIDE_WIDTH : 0);
  const title = padRight(layers.length > 0 ? 'By role, layer' : 'By role', GUTTER.length + NAME_WIDTH);
  const sumTitles = SUMS.map((sum) => padLeft(sum.title, sum.width)).join('');
  const lines = [
    style.bold(title) +
      style.dim(padRight(ruler(layers), cellsWidth)) +
      (isLast ? style.bold(sumTitles) : ''),
  ];
  for (const role of rows) {
    if (!role.inLayers && !isFirst && !isLast) continue;
    const row: [width: number, text: string] = role.inLayers
      ? [
          layers.length,
          painted(layers.map((layer) => cells.get(role.role)?.get(layer) ?? ABSENT).join(''), symbols, style),
        ]
      : isFirst
        ? [OUTSIDE_WIDTH, `(${painted(symbols.of(role.byType[0]?.type ?? ''), symbols, style)})`]
        : [0, ''];
    const [width, text] = row;
    const name = padRight(shortenMiddle(visible(role.role), NAME_WIDTH - 1), NAME_WIDTH);
    const sums = isLast ? sumsOf(role, quantization) : '';
    lines.push(GUTTER + name + text + ' '.repeat(cellsWidth - width) + sums);
  }
  return lines.map((line) => line.trimEnd());
}

/** A layer without this role: a hybrid model's. */
const ABSENT = '.';

function sumsOf({ bitsPerWeight, bytes }: Role, { tensorBytes }: Quantization): string {
  const texts = [bitsPerWeight.toFixed(2), formatBytes(bytes), percent(bytes, tensorBytes)];
  return SUMS.map(({ width }, index) => padLeft(shortenMiddle(texts[index] ?? '', width - 1), width)).join(
    '',
  );
}

/** Layer numbers over the cells, at the first and at every tenth: `0         10        20`. */
function ruler(layers: readonly number[]): string {
  let line = '';
  for (const [column, layer] of layers.entries()) {
    const text = String(layer);
    const isMarked = column === 0 || (layer % 10 === 0 && column > line.length);
    if (isMarked && column + text.length <= layers.length) line = line.padEnd(column) + text;
  }
  return line;
}

/** Paints runs of one symbol together, which keeps the line short for a terminal. */
function painted(cells: string, symbols: TypeSymbols, style: Style): string {
  return cells.replaceAll(/(.)\1*/gu, (run, symbol: string) => {
    const type = symbols.typeOf(symbol);
    return type === undefined ? style.dim(run) : paintOf(symbols.bitsOf(type), style)(run);
  });
}

function legend(symbols: TypeSymbols, { width, style }: TextLayout): string[] {
  const entries = symbols.types.map((type) => {
    const [symbol, text] = [symbols.of(type), ` ${type} ${symbols.bitsOf(type).toFixed(2)} bits`];
    return { width: displayWidth(symbol + text), painted: painted(symbol, symbols, style) + style.dim(text) };
  });
  const gap = ' '.repeat(3);
  const lines: string[] = [];
  let used = width;
  for (const entry of entries) {
    if (used + gap.length + entry.width > width) {
      lines.push(GUTTER + entry.painted);
      used = GUTTER.length + entry.width;
    } else {
      lines.push(`${lines.pop() ?? ''}${gap}${entry.painted}`);
      used += gap.length + entry.width;
    }
  }
  return lines;
}

function cellsByRole({ layers }: Quantization, symbols: TypeSymbols): Map<string, Map<number, string>> {
  const roles = new Map<string, Map<number, string>>();
  for (const { layer, types } of layers) {
    for (const { role, type } of types) {
      const cells = roles.get(role) ?? new Map<number, string>();
      roles.set(role, cells.set(layer, symbols.of(type)));
    }
  }
  return roles;
}

/** Roles in the order data takes through a model; those unknown to this list stand before the output. */
const PLACES = [
  /^token_embd|^position_embd/,
  /^attn_q$/,
  /^attn_k$/,
  /^attn_v$/,
  /^attn_qkv$/,
  /^attn/,
  /^ssm|^shortconv|^time_mix/,
  /^ffn_gate_inp/,
  /^ffn_gate/,
  /^ffn_up/,
  /^ffn_down/,
  /^(?!output$)/,
];

export function placeOf({ role }: Pick<Role, 'role'>): number {
  const place = PLACES.findIndex((pattern) => pattern.test(role));
  return place === -1 ? PLACES.length : place;
}

function chunk(values: readonly number[], size: number): number[][] {
  const chunks: number[][] = [];
  for (let start = 0; start < values.length; start += size) chunks.push(values.slice(start, start + size));
  return chunks;
}
