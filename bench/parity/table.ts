import type { Row, Unit } from './rows.ts';

const HEADINGS = ['model', 'figure', 'quantscope', 'llama.cpp', 'ratio', 'must hold', ''];
/** Columns of numbers, aligned to the right. */
const NUMBERS = new Set([2, 3, 4]);

export function textTable(rows: readonly Row[]): string {
  const cells = [HEADINGS, ...rows.map(cellsOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  const lines = cells.map((row) =>
    row
      .map((cell, column) =>
        NUMBERS.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

export function markdownTable(rows: readonly Row[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = HEADINGS.map((_, column) => (NUMBERS.has(column) ? '---:' : '---'));
  return `${[line(HEADINGS), line(rule), ...rows.map((row) => line(cellsOf(row)))].join('\n')}\n`;
}

function cellsOf({ file, figure, unit, ours, theirs, ratio, limit, verdict }: Row): string[] {
  return [
    file.replace(/\.gguf$/, ''),
    figure,
    format(ours, unit),
    format(theirs, unit),
    ratio === null ? '' : ratio.toFixed(4),
    limit ?? '',
    verdict === 'none' ? '' : verdict,
  ];
}

function format(value: number | null, unit: Unit): string {
  if (value === null) return 'unavailable';
  switch (unit) {
    case 'tokens/s':
      return `${value.toFixed(2)} t/s`;
    case 'bytes':
      return `${(value / 2 ** 20).toFixed(0)} MiB`;
    case 'ms':
      return `${(value / 1000).toFixed(2)} s`;
    case 'perplexity':
      return value >= 1e6 ? value.toExponential(5) : value.toFixed(6);
    case 'nats':
      return value.toFixed(6);
    case 'percent':
      return `${value.toFixed(3)} %`;
  }
}
