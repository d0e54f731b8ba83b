import type { HistoryLine } from '../schema/history.ts';
import { valueText } from './changes.ts';
import { formatPValue } from './numbers.ts';
import { printable } from './text-width.ts';

/** What a history says in words: each figure that changed for good, when, and by how much. */
export function historySentences(lines: readonly HistoryLine[]): string[] {
  return lines.flatMap(({ variant, label, unit, better, changes }) =>
    changes.map(({ createdAt, before, after, pValue }) => {
      const verdict = (better === 'lower' ? after < before : after > before) ? 'better' : 'worse';
      const relative = before === 0 ? '' : `, ${signed((after / before - 1) * 100)} %`;
      return (
        `${printable(variant)}: ${label} changed for good on ${createdAt.slice(0, 10)}, ` +
        `from ${valueText(before, unit)} to ${valueText(after, unit)}${relative}: ${verdict} (p ${formatPValue(pValue)}).`
      );
    }),
  );
}

/** The history as lines for a terminal; empty where there is none. */
export function renderHistory(lines: readonly HistoryLine[]): string {
  if (lines.length === 0) return '';
  const runs = new Set(lines.flatMap(({ points }) => points.map(({ createdAt }) => createdAt))).size;
  const said = historySentences(lines);
  return [
    `History of ${runs} results: ${said.length === 0 ? 'no figure changed for good' : ''}`
      .trimEnd()
      .replace(/:$/, ':'),
    ...said,
  ].join('\n');
}

function signed(value: number): string {
  return `${value > 0 ? '+' : ''}${Number(value.toPrecision(3))}`;
}
