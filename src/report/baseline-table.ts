import { changeLines, changeSummary, notable } from './baseline-lines.ts';
import type { Report } from './report.ts';
import { plainStyle, type Style } from './style.ts';
import { displayWidth, padLeft, padRight, printable, shortenMiddle, wrap } from './text-width.ts';

const MOST_NAME_WIDTH = 28;

/** What changed beyond noise since a baseline, as lines for a terminal. */
export function renderChanges(
  { comparison }: Report['changes'][number],
  { width = 100, style = plainStyle }: { readonly width?: number; readonly style?: Style } = {},
): string {
  const { baseline, changes, added, removed, notes } = comparison;
  const lines = changeLines(notable(changes));
  const cells = lines.map(({ variant, label, before, after, difference, verdict, pValue }) => [
    shortenMiddle(printable(variant), MOST_NAME_WIDTH),
    label,
    before,
    after,
    difference,
    verdict,
    pValue === '' ? '' : `p ${pValue}`,
  ]);
  const widths = [0, 1, 2, 3, 4, 5, 6].map((column) =>
    Math.max(0, ...cells.map((row) => displayWidth(row[column] ?? ''))),
  );
  const table = cells.map((row, index) => {
    const padded = row.map((text, column) => {
      const pad = column >= 2 && column <= 4 ? padLeft : padRight;
      return pad(text, widths[column] ?? 0);
    });
    const line = `  ${padded.join('  ')}`.trimEnd();
    return lines[index]?.verdict === 'worse' ? style.bad(line) : style.good(line);
  });
  const said = [
    changeSummary(changes),
    ...notes,
    ...(added.length > 0 ? [`New: ${added.join(', ')}.`] : []),
    ...(removed.length > 0 ? [`Gone: ${removed.join(', ')}.`] : []),
  ];
  return [
    style.bold(`Since ${baseline.createdAt.slice(0, 10)}, quantscope ${printable(baseline.toolVersion)}`),
    ...wrap(printable(said.join(' ')), width),
    ...table,
  ].join('\n');
}
