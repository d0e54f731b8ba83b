import type { InspectedEntry, InspectedToken, Inspection } from '../schema/inspection.ts';
import { formatBytes, formatCount } from '../util/units.ts';
import { layOutTable, type RowHead } from './column-layout.ts';
import { type PageLayout, plainColumn, widest } from './inspection-layout.ts';
import { quoted, visible } from './inspection-text.ts';
import { displayWidth, padLeft, padRight, shortenMiddle } from './text-width.ts';

const MOST_KEY_WIDTH = 46;
/** Longer than `string[128256]`, shorter than what a broken count would make. */
const MOST_TYPE_WIDTH = 16;
const MOST_VALUE_CHARACTERS = 2000;
const GUTTER = '  ';

/** One line a key: its name, its type and its value, cut to the line. */
export function* metadataLines({ metadata }: Inspection, { width, style }: PageLayout): Generator<string> {
  const keyWidth = Math.min(MOST_KEY_WIDTH, widest(metadata.map(({ key }) => visible(key))));
  const typeWidth = Math.min(MOST_TYPE_WIDTH, widest(metadata.map(typeOfEntry)));
  const room = width - keyWidth - typeWidth - 3 * GUTTER.length;
  yield style.bold('Metadata');
  for (const entry of metadata) {
    const key = padRight(shortenMiddle(visible(entry.key), keyWidth), keyWidth);
    const type = padRight(shortenMiddle(typeOfEntry(entry), typeWidth), typeWidth);
    yield `${GUTTER}${key}${GUTTER}${style.dim(type)}${GUTTER}${cutEnd(shownValue(entry), room)}`.trimEnd();
  }
}

/** One line a tensor, in the file's order. */
export function* tensorLines({ tensors }: Inspection, { width, style }: PageLayout): Generator<string> {
  const columns = [
    { title: 'type', texts: tensors.map(({ type }) => type) },
    { title: 'shape', texts: tensors.map(({ shape }) => shape.join(' × ') || 'scalar') },
    ...(tensors.some(({ shard }) => shard !== undefined)
      ? [{ title: 'shard', texts: tensors.map(({ shard }) => String(shard ?? '')) }]
      : []),
    { title: 'offset', texts: tensors.map(({ offset }) => formatCount(offset)) },
    { title: 'bytes', texts: tensors.map(({ bytes }) => formatCount(bytes)) },
  ].map((column) => ({ ...column, width: Math.max(column.title.length, widest(column.texts)) }));
  const others = columns.reduce((sum, column) => sum + column.width + GUTTER.length, 0);
  const natural = Math.max(
    'Tensors'.length,
    GUTTER.length + widest(tensors.map(({ name }) => visible(name))),
  );
  const nameWidth = Math.min(natural, Math.max(LEAST_NAME_WIDTH, width - others));
  const cells = (text: (column: (typeof columns)[number]) => string) =>
    columns.map((column) => GUTTER + padLeft(text(column), column.width)).join('');
  yield style.bold(padRight('Tensors', nameWidth) + cells(({ title }) => title));
  for (const [index, { name }] of tensors.entries()) {
    const shown = GUTTER + shortenMiddle(visible(name), nameWidth - GUTTER.length);
    yield padRight(shown, nameWidth) + cells(({ texts }) => texts[index] ?? '');
  }
}

const LEAST_NAME_WIDTH = 20;

/** One line a layer: its size and the types of its matrices. */
export function layerList({ quantization }: Inspection, layout: PageLayout): string[] {
  const { layers, byRole } = quantization;
  const heads = layers.map(({ layer }): RowHead => ({ name: String(layer), role: '', recommended: false }));
  const roles = byRole.filter(({ vectors, inLayers }) => inLayers && !vectors).slice(0, MOST_LAYER_ROLES);
  const columns = [
    plainColumn(
      'bits',
      layers.map(({ bitsPerWeight }) => bitsPerWeight.toFixed(2)),
    ),
    plainColumn(
      'size',
      layers.map(({ bytes }) => formatBytes(bytes)),
    ),
    ...roles.map(({ role }) =>
      plainColumn(
        shortenMiddle(visible(role), MOST_ROLE_WIDTH),
        layers.map(({ types }) => types.find((each) => each.role === role)?.type ?? '.'),
      ),
    ),
  ];
  return layOutTable({ title: 'Layer', columns }, heads, { nameWidth: 8, ...layout });
}

const MOST_ROLE_WIDTH = 20;
/** More roles than any architecture has make a table that nobody reads. */
const MOST_LAYER_ROLES = 40;

/** Line by line, so that a vocabulary of any size is written as it is read. */
export function* vocabularyLines(
  tokens: Iterable<InspectedToken>,
  size: number,
  { style }: PageLayout,
): Generator<string> {
  const idWidth = Math.max(2, String(Math.max(0, size - 1)).length);
  yield style.bold(
    `${padLeft('id', idWidth)}  ${padRight('type', TYPE_WIDTH)}  ${padLeft('score', SCORE_WIDTH)}  token`,
  );
  for (const { id, token, score, type } of tokens) {
    const scoreText = score === null ? '-' : String(Number(score.toPrecision(7)));
    yield `${padLeft(String(id), idWidth)}  ${padRight(type ?? '-', TYPE_WIDTH)}  ${padLeft(scoreText, SCORE_WIDTH)}  ${quoted(token)}`;
  }
}

/** `user defined`, the longest; and a score of seven digits with sign and point. */
const TYPE_WIDTH = 12;
const SCORE_WIDTH = 9;

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

/** Cuts a text that is too wide at its end. */
function cutEnd(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let cut = '';
  let used = 0;
  for (const character of text) {
    used += displayWidth(character);
    if (used > width - 1) break;
    cut += character;
  }
  return `${cut}…`;
}
