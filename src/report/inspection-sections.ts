import type { Inspection } from '../schema/inspection.ts';
import { counted, formatBytes, formatCount } from '../util/units.ts';
import { note } from './inspection-layout.ts';
import { brief } from './inspection-text.ts';
import { type Column, fillColumns } from './table.ts';
import { type TextLayout, tableText } from './table-text.ts';

interface Section {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly holds: string;
}

/** The sections of each file with their byte extents, and what reading them took where that was a server's work. */
export function fileSections(inspection: Inspection, layout: TextLayout): string[] {
  const { source, bytes, shards } = inspection;
  const read =
    source.kind === 'url'
      ? `Read with ${counted(source.requests, 'request')}: ${formatBytes(source.bytesFetched)} of ${formatBytes(bytes)}.`
      : undefined;
  return [
    ...(shards.length === 0 ? sectionTable(inspection, layout) : shardTable(inspection, layout)),
    ...(read === undefined ? [] : note(read, layout).map(layout.style.dim)),
  ];
}

type Shard = Inspection['shards'][number];

const SHARD_COLUMNS: readonly Column<Shard>[] = [
  { title: 'size', read: ({ bytes }) => formatBytes(bytes) },
  { title: 'metadata', unit: 'from byte', read: ({ sections }) => formatCount(sections.metadata.start) },
  { title: '', unit: 'to', joined: true, read: ({ sections }) => formatCount(sections.metadata.end) },
  { title: 'data', unit: 'from byte', read: ({ sections }) => formatCount(sections.data.start) },
  { title: '', unit: 'to', joined: true, read: ({ sections }) => formatCount(sections.data.end) },
  { title: 'tensors', read: ({ tensorCount }) => formatCount(tensorCount) },
];

/** One line per shard: the extents of its metadata and its data; what lies between them are tensor infos and padding. */
function shardTable({ shards }: Inspection, layout: TextLayout): string[] {
  const shown = shards.slice(0, MOST_SHARDS);
  const heads = shown.map((_, index) => ({ name: `shard ${index + 1}` }));
  // No wider than the names: both ends of a petabyte's extent fit the narrowest page then.
  const lines = tableText({ title: 'Files', heads, columns: fillColumns(SHARD_COLUMNS, shown) }, layout);
  const more = shards.length - shown.length;
  return more > 0
    ? [...lines, ...note(`and ${counted(more, 'more shard')}: --json has them all`, layout)]
    : lines;
}

const MOST_SHARDS = 40;

const SECTION_COLUMNS: readonly Column<Section>[] = [
  { title: 'from byte', read: ({ start }) => formatCount(start) },
  { title: 'to', read: ({ end }) => formatCount(end) },
  { title: 'size', read: ({ start, end }) => formatBytes(Math.max(0, end - start)) },
  { title: 'holds', align: 'left', read: ({ holds }) => holds },
];

function sectionTable({ sections, header }: Inspection, layout: TextLayout): string[] {
  const { fixed, metadata, tensorInfos, data } = sections;
  const rows: Section[] = [
    { name: 'header', ...fixed, holds: 'magic, version, counts' },
    { name: 'metadata', ...metadata, holds: counted(header.metadataCount, 'key') },
    { name: 'tensor infos', ...tensorInfos, holds: counted(header.tensorCount, 'tensor') },
  ];
  if (data.start > tensorInfos.end) {
    const holds = `to a multiple of ${header.alignment}`;
    rows.push({ name: 'padding', start: tensorInfos.end, end: data.start, holds });
  }
  // A file without tensors may end before the data section would begin.
  if (data.end > data.start) rows.push({ name: 'data', ...data, holds: 'the weights' });
  const heads = rows.map(({ name }) => ({ name }));
  return tableText(
    { title: 'File', heads, columns: fillColumns(SECTION_COLUMNS, rows) },
    { nameWidth: 16, ...layout },
  );
}

/** What is doubtful about the structure; empty where nothing is. */
export function structureWarnings({ issues }: Inspection, layout: TextLayout): string[] {
  if (issues.length === 0) return [];
  const { style } = layout;
  const lines = issues.slice(0, MOST_ISSUES).flatMap(({ severity, message, code }) => {
    const paint = severity === 'error' ? style.bad : style.warn;
    return note(`! ${brief(message)} [${code}]`, layout).map((line) => paint(line));
  });
  const more = issues.length - MOST_ISSUES;
  if (more > 0) lines.push(...note(`and ${counted(more, 'more issue')}: --json has them all`, layout));
  return [style.bold(style.warn('Suspicious')), ...lines];
}

const MOST_ISSUES = 8;
