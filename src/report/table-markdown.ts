import type { FilledColumn, Table, Tone } from './table.ts';
import { printable } from './text-width.ts';

const BOLD: ReadonlySet<Tone> = new Set(['best', 'bold']);

/** A table of GitHub-flavoured Markdown; what is missing is a dash, the best is in bold. */
export function tableMarkdown({ title, heads, columns }: Table): string {
  const names = heads?.map(({ name, role = '', recommended = false }) => {
    const shown = recommended ? `**${escaped(name)}**` : escaped(name);
    return shown + { '': '', ref: ' (reference)', failed: ' (failed)' }[role];
  });
  const rows = (names ?? columns[0]?.cells ?? []).map((_, row) => [
    ...(names === undefined ? [] : [names[row] ?? '']),
    ...columns.map(({ cells }) => {
      const text = escaped((cells[row]?.text ?? '-').trim());
      return BOLD.has(cells[row]?.tone ?? 'plain') ? `**${text}**` : text;
    }),
  ]);
  return markdownRows(
    [...(names === undefined ? [] : [title]), ...columns.map(headingOf)],
    [...(names === undefined ? [] : [true]), ...columns.map(({ align }) => align === 'left')],
    rows,
  );
}

/** Lines of a table whose cells are Markdown already. */
export function markdownRows(
  head: readonly string[],
  isLeft: readonly boolean[],
  rows: readonly (readonly string[])[],
): string {
  const rule = head.map((_, index) => (isLeft[index] ? ':--' : '--:'));
  return [head.map(escaped), rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Title and unit on one line. */
function headingOf({
  title,
  heading = title,
  unit = '',
}: Pick<FilledColumn, 'title' | 'heading' | 'unit'>): string {
  return `${heading}${heading === '' || heading.endsWith('/') || unit === '' ? '' : ' '}${unit}`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  // GitHub would call the person or link the issue.
  '@': '&#64;',
  '#': '&#35;',
};

/** Text that Markdown shows as it is, on one line, in a table too. */
export function escaped(text: string): string {
  return printable(text)
    .replaceAll(/[\\`*[\]|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, (mark) => `\\${mark}`)
    .replaceAll(/[&<>]|(?<![A-Za-z0-9])[@#]/g, (mark) => ENTITIES[mark] ?? mark);
}
