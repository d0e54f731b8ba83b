import { bench } from '../../api/bench/bench.ts';
import type { BenchRequest } from '../../api/bench/request.ts';
import { readGates, requireGates } from '../../api/gates/gates.ts';
import { type BenchFormat, type BenchWriter, benchWriter } from '../../report/bench.ts';
import { shownColumns } from '../../report/bench-columns.ts';
import { NOTHING } from '../../report/report.ts';
import { isAvailable } from '../../schema/availability.ts';
import type { BenchResults, BenchRow } from '../../schema/bench.ts';
import { isStdout } from '../../util/output-file.ts';
import { counted } from '../../util/units.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import type { GateOptions } from '../gate-options.ts';
import { gateDocument } from '../gates.ts';
import { keepResults } from '../results-file.ts';
import { terminalStyle } from '../style.ts';
import { type DocumentOptions, terminalHost } from '../terminal.ts';

export interface BenchOptions extends BenchRequest, DocumentOptions, GateOptions {
  readonly output: BenchFormat;
  readonly out?: string;
}

/** Prints rows as they end. */
export async function runBench(
  refs: readonly string[],
  options: BenchOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const gates = await readGates(options, ['bench']);
  requireGates(gates, options);
  using terminal = terminalHost(options, signal);
  const format = options.json ? 'json' : options.output;
  const writer = benchWriter(format, { style: terminalStyle(process.stdout), shown: columnsOf(options) });
  const isPrinted = !(await isStdout(options.out));
  const printer = rowPrinter(writer, (lines) => {
    if (isPrinted && lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
  });
  const { results, path } = await keepResults<BenchResults>(
    options.out,
    terminal,
    (save) =>
      bench(refs, {
        ...options,
        ...terminal,
        onRow: async (row, soFar) => {
          printer.row(row, soFar);
          await save(soFar);
        },
      }),
    (kept, soFar) => {
      if (soFar === undefined) return undefined;
      // What has been measured is still JSON; the other formats have printed their rows already.
      if (format === 'json') printer.end(soFar);
      return `Stopped. What was measured, ${counted(soFar.rows.length, 'row')}, is in ${kept}`;
    },
  );
  printer.end(results);
  // Formats for programs have no place for them.
  if (format !== 'table' && format !== 'md') {
    for (const { message, hint } of results.warnings) terminal.notice(`Warning: ${message}. ${hint}`);
  }
  terminal.notice(`Results are in ${path}`);
  const benches = [{ label: results.machine.cpu, source: path, results }];
  const verdict = await gateDocument(gates, { ...NOTHING, benches }, options);
  const hasFailure = results.rows.some(({ status }) => status === 'failed');
  return hasFailure && !gates.allowed.includes('variant.failed') ? EXIT.finding : verdict;
}

/** The settings that the Markdown table names: those of which there are several. */
function columnsOf({ gpu = [], gpuLayers = [], ...options }: BenchOptions): string[] {
  return shownColumns({
    ngl: gpu.includes('off') && gpu.length === 1 ? [] : gpuLayers,
    n_batch: options.batchSize ?? [],
    type_k: options.cacheTypeK ?? [],
    type_v: options.cacheTypeV ?? [],
    fa: options.flashAttn ?? [],
    ...(gpu.length > 1 ? { 'speed-up': [1] } : {}),
  });
}

/** The head names the engine, so rows that failed before one came up wait for it. */
function rowPrinter(writer: BenchWriter, print: (lines: readonly string[]) => void) {
  let waiting: BenchRow[] | null = [];
  const flush = (results: BenchResults) => {
    if (waiting === null) return;
    print(writer.head(results));
    for (const row of waiting) print(writer.row(row, results));
    waiting = null;
  };
  return {
    row(row: BenchRow, results: BenchResults): void {
      if (isAvailable(results.machine.engine)) flush(results);
      if (waiting === null) print(writer.row(row, results));
      else waiting.push(row);
    },
    end(results: BenchResults): void {
      flush(results);
      print(writer.end(results));
    },
  };
}
