import type { Diff, DiffedValue } from '../schema/diff.ts';
import { counted, formatCount } from '../util/units.ts';
import { firstOf, note } from './inspection-layout.ts';
import { shownScalar } from './inspection-lists.ts';
import { visible } from './inspection-text.ts';
import { type Column, fillColumns, type ToneText } from './table.ts';
import { type TextLayout, tableText } from './table-text.ts';
import { shortenMiddle } from './text-width.ts';

const MOST_KEYS = 24;
const MOST_KEY_WIDTH = 46;
const MOST_TENSORS = 12;

const ONLY_IN_A: ToneText = { text: '-', tone: 'bad' };
const ONLY_IN_B: ToneText = { text: '+', tone: 'good' };
const OTHER: ToneText = { text: '~', tone: 'warn' };

interface KeyRow {
  readonly mark: ToneText;
  readonly key: string;
  readonly text: string;
}

const KEY_COLUMNS: readonly Column<KeyRow>[] = [
  { title: '', align: 'left', read: ({ mark }) => mark },
  { title: '', align: 'left', most: MOST_KEY_WIDTH, read: ({ key }) => visible(key) },
  { title: '', overflow: 'shorten', read: ({ text }) => text },
];

/** Without the indent that the rows get. */
function inner({ width, style }: TextLayout): TextLayout {
  return { width: width - 2, style };
}

/** Keys that one file lacks, and keys whose values differ: `-` for what a has, `+` for what b has. */
export function metadataChanges(
  { added, removed, changed, equal }: Diff['metadata'],
  layout: TextLayout,
  all: boolean,
): string[] {
  const { style } = layout;
  const rows: KeyRow[] = [
    ...removed.map(({ key, value }) => ({ mark: ONLY_IN_A, key, text: shownValue(value) })),
    ...added.map(({ key, value }) => ({ mark: ONLY_IN_B, key, text: shownValue(value) })),
    ...changed.map((change) => ({ mark: OTHER, key: change.key, text: shownChange(change) })),
  ];
  const title = `${style.bold('Metadata')}  ${counted(equal, 'key')} alike`;
  if (rows.length === 0) return [`${title}, none different`];
  const counts = [
    ...(removed.length > 0 ? [`${removed.length} only in a`] : []),
    ...(added.length > 0 ? [`${added.length} only in b`] : []),
    ...(changed.length > 0 ? [`${changed.length} changed`] : []),
  ];
  const shown = all ? rows : rows.slice(0, MOST_KEYS);
  const lines = tableText({ title: '', columns: fillColumns(KEY_COLUMNS, shown) }, inner(layout)).map(
    (line) => `  ${line}`,
  );
  if (shown.length < rows.length) {
    lines.push(...note(`and ${counted(rows.length - shown.length, 'more key')}: --all shows them`, layout));
  }
  return [`${title}, ${counts.join(', ')}`, ...lines];
}

function shownChange({ from, to, elements }: Diff['metadata']['changed'][number]): string {
  if (elements === null) return `${shownValue(from)} → ${shownValue(to)}`;
  const lengths =
    lengthOf(from) === lengthOf(to)
      ? `${formatCount(elements.differing)} of ${counted(lengthOf(from), 'element')}`
      : `${counted(lengthOf(from), 'element')} → ${formatCount(lengthOf(to))}, ${formatCount(elements.differing)}`;
  const verb = elements.differing === 1 ? 'differs' : 'differ';
  const [one, other] = [shownFirst(from), shownFirst(to)];
  return `${lengths} ${verb}, first [${elements.first}] ${one} → ${other}`;
}

function lengthOf(value: DiffedValue): number {
  return 'length' in value ? value.length : 1;
}

/** The first element of the preview, which begins where the arrays begin to differ. */
function shownFirst(value: DiffedValue): string {
  if (!('length' in value)) return shownValue(value);
  const [first] = value.preview;
  return first === undefined ? 'none' : shownScalar(shortened(first), value.elementType);
}

function shownValue(value: DiffedValue): string {
  if (!('length' in value)) return shownScalar(shortened(value.value), value.type);
  const shown = value.preview.map((element) => shownScalar(shortened(element), value.elementType)).join(', ');
  const more = value.length > value.preview.length ? ', …' : '';
  return `${value.elementType}[${value.length}]: ${shown}${more}`;
}

const MOST_CHARACTERS = 60;

/** A chat template is not for one line. */
function shortened(value: string | number | boolean): string | number | boolean {
  return typeof value === 'string' ? shortenMiddle(value.slice(0, 2000), MOST_CHARACTERS) : value;
}

/** Tensors that one file lacks, other shapes, and other types by role. */
export function tensorChanges(tensors: Diff['tensors'], layout: TextLayout, all: boolean): string[] {
  const { style } = layout;
  const { common, onlyInA, onlyInB, reshaped, typeChanges } = tensors;
  const retyped = typeChanges.reduce((sum, change) => sum + change.tensors, 0);
  const counts = [
    `${formatCount(common)} in both`,
    ...(onlyInA.length > 0 ? [`${onlyInA.length} only in a`] : []),
    ...(onlyInB.length > 0 ? [`${onlyInB.length} only in b`] : []),
    ...(reshaped.length > 0 ? [`${reshaped.length} of another shape`] : []),
    retyped > 0 ? `${formatCount(retyped)} of another type` : 'all of the same type',
  ];
  const lines = [`${style.bold('Tensors')}  ${counts.join(', ')}`];
  const most = all ? Number.POSITIVE_INFINITY : MOST_TENSORS;
  const list = (mark: string, texts: readonly string[]) => {
    for (const text of firstOf(texts, most)) {
      lines.push(`  ${mark} ${shortenMiddle(text, layout.width - 4)}`);
    }
  };
  const described = ({ name, type, shape }: Diff['tensors']['onlyInA'][number]) =>
    `${visible(name)}  ${type}  ${shownShape(shape)}`;
  list(style.bad('-'), onlyInA.map(described));
  list(style.good('+'), onlyInB.map(described));
  list(
    style.warn('~'),
    reshaped.map(({ name, from, to }) => `${visible(name)}  ${shownShape(from)} → ${shownShape(to)}`),
  );
  return [...lines, ...typeTable(typeChanges, layout, all)];
}

function shownShape(shape: readonly number[]): string {
  return shape.join(' × ') || 'scalar';
}

const MOST_ROLES = 24;

/** One line per role: which types it went from and to, and how many tensors. */
function typeTable(changes: Diff['tensors']['typeChanges'], layout: TextLayout, all: boolean): string[] {
  const roles = new Map<string, string[]>();
  for (const { role, from, to, tensors } of changes) {
    const text = `${from} → ${to}${tensors > 1 ? ` × ${tensors}` : ''}`;
    roles.set(role, [...(roles.get(role) ?? []), text]);
  }
  if (roles.size === 0) return [];
  const shown = [...roles].slice(0, all ? roles.size : MOST_ROLES);
  const heads = shown.map(([role]) => ({ name: visible(role) }));
  const columns: Column<(typeof shown)[number]>[] = [
    { title: 'a → b', align: 'left', read: ([, texts]) => texts.join(', ') },
  ];
  const table = tableText({ title: 'By role', heads, columns: fillColumns(columns, shown) }, layout);
  if (shown.length < roles.size) {
    table.push(...note(`and ${counted(roles.size - shown.length, 'more role')}: --all shows them`, layout));
  }
  return table;
}
