import type { Inspection } from '../measure/inspection.ts';
import { formatBytes, formatCount } from '../util/units.ts';
import { layOutTable, type RowHead } from './column-layout.ts';
import { alignedLeft, counted, note, type PageLayout, plainColumn } from './inspection-layout.ts';
import { brief } from './inspection-text.ts';

interface Section {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly holds: string;
}

/** The file's sections with their byte extents, and what reading them took where that was a server's work. */
export function fileSections(inspection: Inspection, layout: PageLayout): string[] {
  const { sections, header, source, bytes } = inspection;
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
  const table = layOutTable({ title: 'File', columns }, heads, { nameWidth: 16, ...layout });
  const read =
    source.kind === 'url'
      ? `Read with ${counted(source.requests, 'request')}: ${formatBytes(source.bytesFetched)} of ${formatBytes(bytes)}.`
      : undefined;
  return [...table, ...(read === undefined ? [] : note(read, layout).map(layout.style.dim))];
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
