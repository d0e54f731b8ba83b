import type { Inspection } from '../schema/inspection.ts';
import { formatBytes, formatCount } from '../util/units.ts';
import { chooseNameWidth, layOutTable, type RowHead } from './column-layout.ts';
import { alignedLeft, counted, note, type PageLayout, plainColumn } from './inspection-layout.ts';
import { brief } from './inspection-text.ts';

interface Section {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly holds: string;
}

/** The sections of each file with their byte extents, and what reading them took where that was a server's work. */
export function fileSections(inspection: Inspection, layout: PageLayout): string[] {
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

/** A line a shard: the extents of its metadata and its data; what lies between them are tensor infos and padding. */
function shardTable({ shards }: Inspection, layout: PageLayout): string[] {
  const shown = shards.slice(0, MOST_SHARDS);
  const heads = shown.map(
    (_, index): RowHead => ({ name: `shard ${index + 1}`, role: '', recommended: false }),
  );
  const column = (
    title: string,
    unit: string,
    text: (shard: (typeof shown)[number]) => string,
    joined = false,
  ) => plainColumn(title, shown.map(text), { unit, joined });
  const columns = [
    column('size', '', ({ bytes }) => formatBytes(bytes)),
    column('metadata', 'from byte', ({ sections }) => formatCount(sections.metadata.start)),
    column('', 'to', ({ sections }) => formatCount(sections.metadata.end), true),
    column('data', 'from byte', ({ sections }) => formatCount(sections.data.start)),
    column('', 'to', ({ sections }) => formatCount(sections.data.end), true),
    column('tensors', '', ({ tensorCount }) => formatCount(tensorCount)),
  ];
  const table = { title: 'Files', columns };
  // No wider than the names: both ends of a petabyte's extent fit the narrowest page then.
  const nameWidth = chooseNameWidth(heads, [table], layout.width);
  const lines = layOutTable(table, heads, { nameWidth, ...layout });
  const more = shards.length - shown.length;
  return more > 0
    ? [...lines, ...note(`and ${counted(more, 'more shard')}: --json has them all`, layout)]
    : lines;
}

const MOST_SHARDS = 40;

function sectionTable({ sections, header }: Inspection, layout: PageLayout): string[] {
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
  const heads = rows.map(({ name }): RowHead => ({ name, role: '', recommended: false }));
  const [holdsTitle = '', ...holds] = alignedLeft(['holds', ...rows.map((row) => row.holds)]);
  const columns = [
    plainColumn(
      'from byte',
      rows.map(({ start }) => formatCount(start)),
    ),
    plainColumn(
      'to',
      rows.map(({ end }) => formatCount(end)),
    ),
    plainColumn(
      'size',
      rows.map(({ start, end }) => formatBytes(Math.max(0, end - start))),
    ),
    plainColumn(holdsTitle, holds),
  ];
  return layOutTable({ title: 'File', columns }, heads, { nameWidth: 16, ...layout });
}

/** What is doubtful about the structure; empty where nothing is. */
export function structureWarnings({ issues }: Inspection, layout: PageLayout): string[] {
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
