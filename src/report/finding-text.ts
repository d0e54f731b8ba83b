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

interface Line {
  readonly level: ToneText;
  readonly id: string;
  readonly text: ToneText;
}

const COLUMNS: readonly Column<Line>[] = [
  { title: '', align: 'left', least: LEVEL_WIDTH, read: ({ level }) => level },
  { title: '', align: 'left', read: ({ id }) => ({ text: id, tone: 'accent' }) },
  { title: '', overflow: 'wrap', read: ({ text }) => text },
];

/** Level, id and message of each, and below it what would mend it, which is said once. */
export function findingsText(findings: readonly Finding[], { width, style }: TextLayout): string[] {
  const hinted = new Set<string>();
  const lines = findings.flatMap((finding): Line[] => {
    const { id, level, hint } = finding;
    const line: Line = {
      level: { text: level, tone: TONES[level] },
      id,
      text: { text: printable(messageWithByte(finding)), tone: 'plain' },
    };
    if (hint === undefined || hinted.has(hint)) return [line];
    hinted.add(hint);
    const below: ToneText = { text: `→ ${printable(hint)}`, tone: 'quiet' };
    return [line, { level: { text: '', tone: 'plain' }, id: '', text: below }];
  });
  const idWidth = findings.reduce((widest, { id }) => Math.max(widest, id.length), 0);
  const least = LEVEL_WIDTH + 2 + idWidth + 2 + LEAST_MESSAGE_WIDTH;
  const table = { title: '', columns: fillColumns(COLUMNS, lines) };
  return tableText(table, { width: Math.max(width - INDENT.length, least), style }).map(
    (line) => INDENT + line,
  );
}

const INDENT = '  ';
