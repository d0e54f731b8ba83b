import type { Inspection } from '../measure/inspection.ts';
import { formatBytes } from '../util/units.ts';
import { layOutTable, type RowHead } from './column-layout.ts';
import { counted, note, type PageLayout, percent, plainColumn } from './inspection-layout.ts';
import { visible } from './inspection-text.ts';
import { inkOf, symbolsOf, type TypeSymbols } from './inspection-symbols.ts';
import { displayWidth, padLeft, padRight, shortenMiddle } from './text-width.ts';

type Quantization = Inspection['quantization'];
type Role = Quantization['byRole'][number];

const NAME_WIDTH = 18;
const GUTTER = '  ';
/** Right of the cells: bits a weight, bytes, share. */
const FIGURES = [{ title: 'bits', width: 8 }, { title: 'size', width: 12 }, { title: 'share', width: 9 }] as const;
const FIGURES_WIDTH = FIGURES.reduce((sum, { width }) => sum + width, 0);

/** One line on the label, and whether the tensors bear it out. */
export function labelLine({ quantization }: Inspection, layout: PageLayout): string[] {
  const { style } = layout;
  const { label, labelSource, labelAgrees, labelReason, bitsPerWeight, tensorBytes } = quantization;
  const origin = labelSource === 'tensors' ? 'no label, named after its tensors' : `says ${labelSource}`;
  const verdict = labelSource === 'tensors' ? '' : labelAgrees ? ', and the tensors agree' : '';
  const text = `${visible(label)} (${origin}${verdict}): ${bitsPerWeight.toFixed(2)} bits a weight, ${formatBytes(tensorBytes)} of tensors`;
  const lines = [style.bold('Quantization'), ...note(text, layout)];
  if (!labelAgrees && labelReason !== null) {
    lines.push(...note(`! The label is wrong: ${visible(labelReason)}.`, layout).map((line) => style.warn(line)));
  }
  return lines;
}

/**
 * Which type each role has in each layer, one character a cell, with what the role takes in all. Norms and
 * biases are summed in a line below: they are vectors, kept in F32, and would hide the pattern.
 */
export function mixGrid({ quantization }: Inspection, layout: PageLayout): string[] {
  const { layers, byRole } = quantization;
  if (byRole.length === 0) return [];
  const shown = byRole.filter(({ vectors }) => !vectors);
  const symbols = symbolsOf(shown);
  const cells = cellsByRole(quantization, symbols);
  const rows = [...shown].sort(byPlace).slice(0, MOST_ROLES);
  const numbers = layers.map(({ layer }) => layer);
  const room = layout.width - GUTTER.length - NAME_WIDTH;
  const blocks = chunk(numbers, room);
  const last = blocks.at(-1) ?? [];
  const figuresFit = last.length + FIGURES_WIDTH <= room;
  const lines: string[] = [];
  for (const [index, block] of blocks.entries()) {
    const withFigures = figuresFit && index === blocks.length - 1;
    lines.push(...gridBlock(rows, block, index * room, { cells, symbols, withFigures, quantization }, layout));
  }
  if (!figuresFit || blocks.length === 0) {
    lines.push(...gridBlock(rows, [], 0, { cells, symbols, withFigures: true, quantization }, layout));
  }
  return [...lines, ...vectorsLine(quantization, layout), ...legend(symbols, layout), ...aboveBase(quantization, layout)];
}

/** Bytes and bits a weight by type. */
export function typeTable({ quantization }: Inspection, layout: PageLayout): string[] {
  const { byType, tensorBytes } = quantization;
  if (byType.length === 0) return [];
  const heads = byType.map(({ type }): RowHead => ({ name: type, role: '', recommended: false }));
  const columns = [
    plainColumn('tensors', byType.map(({ tensors }) => tensors.toLocaleString('en-US'))),
    plainColumn('parameters', byType.map(({ parameters }) => parameters.toLocaleString('en-US'))),
    plainColumn('bits', byType.map(({ bitsPerWeight }) => bitsPerWeight.toFixed(2))),
    plainColumn('size', byType.map(({ bytes }) => formatBytes(bytes))),
    plainColumn('share', byType.map(({ bytes }) => percent(bytes, tensorBytes))),
  ];
  return layOutTable({ title: 'By type', columns }, heads, { nameWidth: 16, ...layout });
}

/** A role that hostile names invent for every tensor would fill the screen. */
const MOST_ROLES = 40;

interface Grid {
  readonly cells: ReadonlyMap<string, ReadonlyMap<number, string>>;
  readonly symbols: TypeSymbols;
  readonly withFigures: boolean;
  readonly quantization: Quantization;
}

function gridBlock(
  rows: readonly Role[],
  layers: readonly number[],
  offset: number,
  grid: Grid,
  { style }: PageLayout,
): string[] {
  const cellsWidth = Math.max(layers.length, offset === 0 && layers.length > 0 ? 1 : 0);
  const heading = padRight(layers.length > 0 ? 'By role and layer' : 'By role', NAME_WIDTH + GUTTER.length);
  const figureTitles = FIGURES.map(({ title, width }) => padLeft(title, width)).join('');
  const lines = [
    style.bold(heading) + style.dim(ruler(layers)) + (grid.withFigures ? style.bold(figureTitles) : ''),
  ];
  for (const role of rows) {
    const ofRole = grid.cells.get(role.role);
    // Outside the layers there is one tensor a role; it stands in the first column.
    const outside = role.inLayers ? undefined : offset === 0 ? grid.symbols.of(role.byType[0]?.type ?? '') : ' ';
    const symbols = role.inLayers ? layers.map((layer) => ofRole?.get(layer) ?? '.') : layers.length > 0 ? [outside ?? ' '] : [];
    if (!role.inLayers && offset > 0 && !grid.withFigures) continue;
    const name = padRight(shortenMiddle(visible(role.role), NAME_WIDTH - 1), NAME_WIDTH);
    const padding = ' '.repeat(Math.max(0, cellsWidth - symbols.length));
    const figures = grid.withFigures ? figuresOf(role, grid.quantization) : '';
    lines.push(GUTTER + name + painted(symbols, grid.symbols, style) + padding + figures);
  }
  return lines.map((line) => line.trimEnd());
}

function figuresOf({ bitsPerWeight, bytes }: Role, { tensorBytes }: Quantization): string {
  const texts = [bitsPerWeight.toFixed(2), formatBytes(bytes), percent(bytes, tensorBytes)];
  return FIGURES.map(({ width }, index) => padLeft(texts[index] ?? '', width)).join('');
}

/** Layer numbers over the cells, at every tenth layer: `0         10        20`. */
function ruler(layers: readonly number[]): string {
  let line = '';
  for (const [column, layer] of layers.entries()) {
    if (column < line.length) continue;
    const text = layer % 10 === 0 || column === 0 ? String(layer) : ' ';
    // A number needs room for itself and a space before the next.
    line += column + text.length <= layers.length || text.length === 1 ? text : ' ';
  }
  return line.slice(0, layers.length).padEnd(layers.length);
}

function painted(symbols: readonly string[], types: TypeSymbols, style: PageLayout['style']): string {
  let text = '';
  for (let start = 0; start < symbols.length; ) {
    let end = start + 1;
    while (end < symbols.length && symbols[end] === symbols[start]) end++;
    const type = types.typeOf(symbols[start] ?? '');
    const run = symbols.slice(start, end).join('');
    text += type === undefined ? style.dim(run) : inkOf(types.bitsOf(type), style)(run);
    start = end;
  }
  return text;
}

function legend(symbols: TypeSymbols, layout: PageLayout): string[] {
  const texts = symbols.types.map((type) => `${symbols.of(type)} ${type} (${symbols.bitsOf(type).toFixed(2)} bits)`);
  const lines = wrapPieces(texts, layout.width - GUTTER.length);
  return lines.map((pieces) =>
    GUTTER +
    pieces
      .map((piece) => {
        const [symbol = ''] = piece;
        const type = symbols.typeOf(symbol);
        const ink = type === undefined ? layout.style.dim : inkOf(symbols.bitsOf(type), layout.style);
        return ink(symbol) + layout.style.dim(piece.slice(symbol.length));
      })
      .join('   '),
  );
}

function wrapPieces(pieces: readonly string[], width: number): string[][] {
  const lines: string[][] = [];
  let used = 0;
  for (const piece of pieces) {
    const needed = displayWidth(piece) + 3;
    const line = lines.at(-1);
    if (line === undefined || used + needed > width + 3) {
      lines.push([piece]);
      used = needed;
    } else {
      line.push(piece);
      used += needed;
    }
  }
  return lines;
}

function vectorsLine({ byRole, tensorBytes }: Quantization, layout: PageLayout): string[] {
  const vectors = byRole.filter(({ vectors }) => vectors);
  if (vectors.length === 0) return [];
  const bytes = vectors.reduce((sum, role) => sum + role.bytes, 0);
  const tensors = vectors.reduce((sum, role) => sum + role.tensors, 0);
  const types = [...new Set(vectors.flatMap(({ byType }) => byType.map(({ type }) => type)))];
  const text = `and ${counted(tensors, 'norm and bias vector')}, ${types.join(', ')}: ${formatBytes(bytes)}, ${percent(bytes, tensorBytes)}`;
  return note(text, layout).map((line) => layout.style.dim(line));
}

/** In words what the grid shows: roles that hold more bits, or fewer, than the type of most layer weights. */
function aboveBase({ byRole }: Quantization, layout: PageLayout): string[] {
  const matrices = byRole.filter(({ vectors }) => !vectors);
  const base = baseType(matrices.filter(({ inLayers }) => inLayers));
  if (base === undefined) return [];
  const bits = symbolsOf(matrices).bitsOf;
  const told = (compare: (own: number, of: number) => boolean) =>
    matrices.flatMap((role) =>
      role.byType
        .filter(({ type }) => type !== base && compare(bits(type), bits(base)))
        .map(({ type, tensors }) => `${visible(role.role)} ${role.inLayers ? `${tensors} of ${role.tensors} ` : ''}in ${type}`),
    );
  const more = told((own, of) => own > of);
  const fewer = told((own, of) => own < of);
  const sentences = [
    ...(more.length === 0 ? [] : [`More bits than ${base}: ${more.join(', ')}.`]),
    ...(fewer.length === 0 ? [] : [`Fewer: ${fewer.join(', ')}.`]),
  ];
  if (sentences.length === 0) return note(`Every matrix is ${base}.`, layout);
  return note(sentences.join(' '), layout);
}

function baseType(roles: readonly Role[]): string | undefined {
  const totals = new Map<string, number>();
  for (const { byType } of roles) {
    for (const { type, parameters } of byType) totals.set(type, (totals.get(type) ?? 0) + parameters);
  }
  return [...totals].sort(([, one], [, other]) => other - one)[0]?.[0];
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

/** Roles in the order data takes through a layer; the ones this list does not know keep the file's order. */
const PLACES = [
  /^token_embd/,
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
];

function byPlace(one: Role, other: Role): number {
  return placeOf(one) - placeOf(other);
}

function placeOf({ role, inLayers }: Role): number {
  const place = PLACES.findIndex((pattern) => pattern.test(role));
  if (place >= 0) return place;
  return inLayers ? PLACES.length : PLACES.length + 1;
}

function chunk(values: readonly number[], size: number): number[][] {
  const chunks: number[][] = [];
  for (let start = 0; start < values.length; start += size) chunks.push(values.slice(start, start + size));
  return chunks;
}
