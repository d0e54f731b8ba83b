import type { InspectedEntry, InspectedToken, Inspection } from '../schema/inspection.ts';
import { formatBytes, formatCount } from '../util/units.ts';
import { quoted, visible } from './inspection-text.ts';
import { type Column, fillColumns } from './table.ts';
import { headerLines, rowLines, type TextLayout, tableLines, tableText } from './table-text.ts';
import { shortenMiddle } from './text-width.ts';

const MOST_KEY_WIDTH = 46;
/** Longer than `string[128256]`, shorter than what a broken count would make. */
const MOST_TYPE_WIDTH = 16;
const MOST_VALUE_CHARACTERS = 2000;

const METADATA_COLUMNS: readonly Column<InspectedEntry>[] = [
  {
    title: '',
    align: 'left',
    most: MOST_TYPE_WIDTH,
    read: (entry) => ({ text: typeOfEntry(entry), tone: 'quiet' }),
  },
  { title: '', overflow: 'cut', read: shownValue },
];

/** One line per key: its name, its type and its value, cut to the line. */
export function* metadataLines({ metadata }: Inspection, layout: TextLayout): Generator<string> {
  const heads = metadata.map(({ key }) => ({ name: shortenMiddle(visible(key), MOST_KEY_WIDTH) }));
  const table = { title: 'Metadata', heads, columns: fillColumns(METADATA_COLUMNS, metadata) };
  yield* tableLines(table, { ...layout, mostNameWidth: MOST_KEY_WIDTH + 3 });
}

const TENSOR_COLUMNS: readonly Column<Inspection['tensors'][number]>[] = [
  { title: 'type', read: ({ type }) => type },
  { title: 'shape', read: ({ shape }) => shape.join(' × ') || 'scalar' },
  { title: 'shard', optional: true, read: ({ shard }) => (shard === undefined ? '' : String(shard)) },
  { title: 'offset', read: ({ offset }) => formatCount(offset) },
  { title: 'bytes', read: ({ bytes }) => formatCount(bytes) },
];

/** One line per tensor, in the file's order. */
export function* tensorLines({ tensors }: Inspection, layout: TextLayout): Generator<string> {
  const hasShards = tensors.some(({ shard }) => shard !== undefined);
  const columns = TENSOR_COLUMNS.filter(({ optional }) => !optional || hasShards);
  const heads = tensors.map(({ name }) => ({ name: visible(name) }));
  const table = { title: 'Tensors', heads, columns: fillColumns(columns, tensors) };
  yield* tableLines(table, { ...layout, mostNameWidth: layout.width });
}

/** One line per layer: its size and the types of its matrices. */
export function layerList({ quantization }: Inspection, layout: TextLayout): string[] {
  const { layers, byRole } = quantization;
  const heads = layers.map(({ layer }) => ({ name: String(layer) }));
  const roles = byRole.filter(({ vectors, inLayers }) => inLayers && !vectors).slice(0, MOST_LAYER_ROLES);
  const columns: Column<(typeof layers)[number]>[] = [
    { title: 'bits', read: ({ bitsPerWeight }) => bitsPerWeight.toFixed(2) },
    { title: 'size', read: ({ bytes }) => formatBytes(bytes) },
    ...roles.map(({ role }) => ({
      title: shortenMiddle(visible(role), MOST_ROLE_WIDTH),
      read: ({ types }: (typeof layers)[number]) => types.find((each) => each.role === role)?.type ?? '.',
    })),
  ];
  return tableText(
    { title: 'Layer', heads, columns: fillColumns(columns, layers) },
    { nameWidth: 8, ...layout },
  );
}

const MOST_ROLE_WIDTH = 20;
/** No architecture has more roles than this. */
const MOST_LAYER_ROLES = 40;

/** Rows are written as they are read, so the columns have their widths from the start: `user defined` is the longest type. */
const TOKEN_COLUMNS: readonly Column<InspectedToken>[] = [
  { title: 'type', align: 'left', least: 12, read: ({ type }) => type },
  {
    title: 'score',
    least: 9,
    read: ({ score }) => (score === null ? null : String(Number(score.toPrecision(7)))),
  },
  { title: 'token', align: 'left', read: ({ token }) => quoted(token) },
];

/** A table costs more than a row of it, and one of all tokens would stand in memory. */
const WRITTEN_AT_ONCE = 256;

/** Piece by piece, so that a vocabulary of any size is written as it is read. */
export function* vocabularyLines(
  tokens: Iterable<InspectedToken>,
  size: number,
  layout: TextLayout,
): Generator<string> {
  const least = Math.max(2, String(Math.max(0, size - 1)).length);
  const columns: readonly Column<InspectedToken>[] = [
    { title: 'id', least, read: ({ id }) => String(id) },
    ...TOKEN_COLUMNS,
  ];
  yield* headerLines('', fillColumns(columns, []), layout);
  const rows = (piece: readonly InspectedToken[]) =>
    rowLines({ title: '', columns: fillColumns(columns, piece) }, layout);
  let piece: InspectedToken[] = [];
  for (const token of tokens) {
    piece.push(token);
    if (piece.length < WRITTEN_AT_ONCE) continue;
    yield* rows(piece);
    piece = [];
  }
  yield* rows(piece);
}

/** `string`, or `string[32064]` for an array. */
function typeOfEntry(entry: InspectedEntry): string {
  return 'length' in entry ? `${entry.elementType}[${entry.length}]` : entry.type;
}

/** A value on one line: strings in quotes, of an array its first elements. */
function shownValue(entry: InspectedEntry): string {
  if (!('length' in entry)) return shownScalar(entry.value, entry.type);
  const shown = entry.preview.map((value) => shownScalar(value, entry.elementType)).join(', ');
  return entry.length > entry.preview.length ? `${shown}, …` : shown;
}

/** @param type as the file names it: a float32 is written with as many digits as tell it from its neighbours */
export function shownScalar(value: string | number | boolean, type: string): string {
  if (typeof value === 'string') return quoted(value.slice(0, MOST_VALUE_CHARACTERS));
  return type === 'float32' && typeof value === 'number' ? shortestFloat32(value) : String(value);
}

/** Six digits that a float32 always has, up to the nine that always tell it (IEEE 754). */
function shortestFloat32(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return String(rounded);
  }
  return String(Number(value.toPrecision(9)));
}
