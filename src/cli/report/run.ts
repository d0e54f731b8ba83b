import type { KitCheck } from '../../device/kit-check.ts';
import { compareWithBaseline } from '../../measure/baseline.ts';
import { isSameMachine } from '../../measure/baseline-differences.ts';
import { type MachineResults, mergeResults, type ResultsFile } from '../../measure/merge.ts';
import { mergeShards } from '../../measure/shard-merge.ts';
import { renderCsv } from '../../report/csv.ts';
import { renderMarkdown } from '../../report/markdown.ts';
import { combined, phonesIn, type Report } from '../../report/report.ts';
import { renderReportTable } from '../../report/report-table.ts';
import { UsageError } from '../../util/errors.ts';
import type { ExitCode } from '../exit.ts';
import { readGates, requireJudgeable, tellGates } from '../gates.ts';
import { terminalStyle } from '../style.ts';
import type { ReportOptions } from './command.ts';
import { REPORT_SCHEMA_ID } from './contract.ts';
import { writeHtml } from './html-file.ts';
import { readFitFile, readKitCheckFile, readResultsFile } from './input.ts';
import { layerGridsOf } from './layer-grids.ts';

/** The report command's work: files to results of machines to what is printed and written. */
export async function runReport(
  paths: readonly string[],
  options: ReportOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const scope = options.only ?? 'all';
  const { gates } = await readGates(options);
  const files: ResultsFile[] = [];
  for (const path of new Set(paths)) files.push(await readResultsFile(path));
  const machines = mergeResults(withWholeRuns(files), scope);
  const baseline =
    options.baseline === undefined ? [] : mergeResults([await readResultsFile(options.baseline)], scope);
  requireJudgeable(
    gates,
    machines.flatMap(({ results }) => results.variants.map(({ name }) => name)),
  );
  const report: Report = {
    machines,
    changes: baseline.flatMap((each) => changesSince(each, machines)),
    fit: options.fit === undefined ? phonesIn(machines) : await readFitFile(options.fit),
    kits: await kitsOf(options.kit, machines),
    layers: [],
  };
  if (options.html !== undefined) {
    const layers = await layerGridsOf(combined(report).variants, signal);
    await writeHtml(options.html, { ...report, layers });
    if (!options.quiet) process.stderr.write(`The page is in ${options.html}\n`);
  }
  const format = options.format ?? (options.html === undefined ? 'table' : null);
  if (format !== null) process.stdout.write(`${rendered(format, report, options)}\n`);
  const baselines = baseline.map(({ results }) => results);
  return tellGates({ gates, baselines }, report, options);
}

/** @throws UsageError `report/other-model` where a phone ran none of the files that were measured */
async function kitsOf(paths: readonly string[], machines: readonly MachineResults[]): Promise<KitCheck[]> {
  const hashes = machines.flatMap(({ results }) => results.variants.map(({ file }) => file.sha256));
  const kits: KitCheck[] = [];
  for (const path of new Set(paths)) {
    const kit = await readKitCheckFile(path);
    // A file that was not hashed may be the one.
    if (hashes.every((hash) => typeof hash === 'string' && hash !== kit.modelSha256)) {
      throw new UsageError(
        'report/other-model',
        `${path} is of ${kit.model}, whose file is in none of the results`,
        {
          hint: 'The SHA-256 of the file that the phone ran and of the one that was measured must be the same.',
        },
      );
    }
    kits.push(kit);
  }
  return kits;
}

/** Shards of a run are put together first: only whole runs stand beside each other. */
function withWholeRuns(files: readonly ResultsFile[]): ResultsFile[] {
  const shards = files.filter(({ results }) => results.shard !== undefined);
  if (shards.length === 0) return [...files];
  const whole = mergeShards(shards.map(({ path, results }) => ({ name: path, results })));
  const path = shards.map((shard) => shard.path).join(', ');
  return [{ path, results: whole }, ...files.filter((file) => !shards.includes(file))];
}

/** The machine the baseline is from, or, of one new machine, that one: its comparison says what then does not compare. */
function changesSince(
  baseline: MachineResults,
  machines: readonly MachineResults[],
): Report['changes'][number][] {
  const same = machines.filter(({ results }) => isSameMachine(results.machine, baseline.results.machine));
  return (same.length > 0 ? same : machines).map(({ label, results }) => ({
    machine: label,
    comparison: compareWithBaseline(results, baseline.results),
  }));
}

function rendered(
  format: NonNullable<ReportOptions['format']>,
  report: Report,
  { details = false }: ReportOptions,
): string {
  switch (format) {
    case 'md':
      return renderMarkdown(report);
    case 'csv':
      return renderCsv(report);
    case 'json':
      return JSON.stringify(
        { schema: REPORT_SCHEMA_ID, machines: report.machines, changes: report.changes, kits: report.kits },
        null,
        2,
      );
    case 'table':
      return renderReportTable(report, {
        style: terminalStyle(process.stdout),
        width: Math.min(100, process.stdout.columns || 100),
        charts: process.stdout.isTTY === true,
        details,
      });
  }
}
