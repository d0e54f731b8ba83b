import type { Severity } from '../schema/terms.ts';
import { type Finding, messageWithByte } from './finding.ts';
import type { Style } from './style.ts';
import { type Column, fillColumns, type ToneText } from './table.ts';
import { type TextLayout, tableText } from './table-text.ts';
import { printable } from './text-width.ts';

/** The column of the words `error`, `warning`, `note` and `ok`. */
const LEVEL_WIDTH = 'warning'.length;
const LEAST_MESSAGE_WIDTH = 40;

const TONES = { ok: 'good', error: 'bad', warning: 'warn', note: 'quiet' } as const;

/** A verdict or level with its color, as wide as the widest of them. */
export function levelText(level: Severity | 'ok', style: Style): string {
  const text = level.padEnd(LEVEL_WIDTH + 2);
  const paints = { ok: style.good, error: style.bad, warning: style.warn, note: style.dim };
  return paints[level](text);
}

/** How something stands, what it is, what is said of it, and below that what would mend it. */
interface StatusLine {
  readonly status: ToneText;
  readonly name: string | ToneText;
  readonly text: string;
  readonly advice?: string | undefined;
}

const COLUMNS: readonly Column<{ status: ToneText; name: string | ToneText; text: ToneText }>[] = [
  { title: '', align: 'left', least: LEVEL_WIDTH, read: ({ status }) => status },
  { title: '', align: 'left', read: ({ name }) => name },
  { title: '', overflow: 'wrap', read: ({ text }) => text },
];

/** A line for each, its advice in a line of its own. */
export function statusLines(entries: readonly StatusLine[], layout: TextLayout): string[] {
  const rows = entries.flatMap(({ status, name, text, advice }) => [
    { status, name, text: { text: printable(text), tone: 'plain' as const } },
    ...(advice === undefined
      ? []
      : [{ status: NOTHING, name: '', text: { text: `→ ${printable(advice)}`, tone: 'quiet' as const } }]),
  ]);
  return tableText({ title: '', columns: fillColumns(COLUMNS, rows) }, layout);
}

const NOTHING: ToneText = { text: '', tone: 'plain' };

/** Level, id and message of each, and below it what would mend it, which is said once. */
export function findingsText(findings: readonly Finding[], { width, style }: TextLayout): string[] {
  const hinted = new Set<string>();
  const lines = findings.map((finding): StatusLine => {
    const { id, level, hint } = finding;
    const isNew = hint !== undefined && !hinted.has(hint);
    if (isNew) hinted.add(hint);
    return {
      status: { text: level, tone: TONES[level] },
      name: { text: id, tone: 'accent' },
      text: messageWithByte(finding),
      advice: isNew ? hint : undefined,
    };
  });
  const idWidth = findings.reduce((widest, { id }) => Math.max(widest, id.length), 0);
  const least = LEVEL_WIDTH + 2 + idWidth + 2 + LEAST_MESSAGE_WIDTH;
  return statusLines(lines, { width: Math.max(width - INDENT.length, least), style }).map(
    (line) => INDENT + line,
  );
}

const INDENT = '  ';
