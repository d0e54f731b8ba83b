import type { BenchResults, BenchRow } from '../schema/bench.ts';
import { benchCsv, benchMarkdown } from './bench-records.ts';
import { benchTable } from './bench-table.ts';
import type { Style } from './style.ts';

/** Writes a run as it goes: lines before the first row, with each row and after the last. */
export interface BenchWriter {
  readonly head: (results: BenchResults) => readonly string[];
  readonly row: (row: BenchRow, results: BenchResults) => readonly string[];
  readonly end: (results: BenchResults) => readonly string[];
}

export interface BenchWriterOptions {
  readonly width?: number;
  readonly style?: Style;
  /** Names of settings and figures that the Markdown table has besides its usual ones. */
  readonly shown?: readonly string[];
}

/** A run that is over, as one text. */
export function benchText(
  format: Extract<BenchFormat, 'table' | 'md'>,
  results: BenchResults,
  options: BenchWriterOptions = {},
): string {
  const writer = benchWriter(format, options);
  const rows = results.rows.flatMap((row) => writer.row(row, results));
  return [...writer.head(results), ...rows, ...writer.end(results)].join('\n');
}

export type BenchFormat = 'table' | 'md' | 'csv' | 'json' | 'jsonl';

const nothing = () => [];

const writers = {
  table: benchTable,
  md: ({ shown = [] }) => benchMarkdown({ shown }),
  csv: benchCsv,
  json: () => ({ head: nothing, row: nothing, end: (results) => [JSON.stringify(results, null, 2)] }),
  jsonl: () => ({ head: nothing, row: (row) => [JSON.stringify(row)], end: nothing }),
} as const satisfies Record<BenchFormat, (options: BenchWriterOptions) => BenchWriter>;

export function benchWriter(format: BenchFormat, options: BenchWriterOptions = {}): BenchWriter {
  const make: (options: BenchWriterOptions) => BenchWriter = writers[format];
  return make(options);
}
