import writeFileAtomic from 'write-file-atomic';
import { gather, readBaselines } from '../../api/report/gather.ts';
import { readFitFile } from '../../api/report/input.ts';
import { layerGridsOf } from '../../api/report/layer-grids.ts';
import { compareWithBaseline } from '../../measure/baseline.ts';
import { isSameMachine } from '../../measure/baseline-differences.ts';
import { judgedNames } from '../../measure/gate-judge.ts';
import type { MachineResults } from '../../measure/merge.ts';
import { renderCsv } from '../../report/csv.ts';
import { renderMarkdown } from '../../report/markdown.ts';
import { combined, fitIn, type Report } from '../../report/report.ts';
import { renderReportTable } from '../../report/report-table.ts';
import type { ReportFile } from '../../schema/report.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import type { ExitCode } from '../exit.ts';
import { readConditions, requireJudgeable, tellGates } from '../gates.ts';
import { terminalStyle } from '../style.ts';
import type { ReportOptions } from './command.ts';
import { writeHtml } from './html-file.ts';

/** The report command's work: files to results of machines to what is printed and written. */
export async function runReport(
  paths: readonly string[],
  options: ReportOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const scope = options.only ?? 'all';
  const gates = await readConditions(options);
  const gathered = await gather(paths, scope);
  const { machines } = gathered;
  const baseline = await readBaselines(options.baseline ?? [], scope);
  if (machines.length === 0) requireNothingOfComparisons(options);
  requireJudgeable(
    gates,
    machines.flatMap(({ results }) => judgedNames(results)),
  );
  const report: Report = {
    ...gathered,
    changes: baseline.flatMap((each) => changesSince(each, machines)),
    fit: options.fit === undefined ? fitIn(machines) : await readFitFile(options.fit),
    layers: [],
  };
  const notice = (text: string): void => {
    if (!options.quiet) process.stderr.write(`${text}\n`);
  };
  if (options.out !== undefined) {
    await writeMerged(options.out, report);
    notice(`The results are in ${options.out}`);
  }
  if (options.html !== undefined) {
    const layers = machines.length === 0 ? [] : await layerGridsOf(combined(report).variants, signal);
    await writeHtml(options.html, { ...report, layers });
    notice(`The page is in ${options.html}`);
  }
  const isWritten = options.html !== undefined || options.out !== undefined;
  const format = options.format ?? (isWritten ? null : 'table');
  if (format !== null) process.stdout.write(`${rendered(format, report, options)}\n`);
  const baselines = baseline.map(({ results }) => results);
  return tellGates({ gates, baselines }, report, options);
}

/** Gates and changes are about compared variants: without any they would hold of nothing. */
function requireNothingOfComparisons({ baseline, failIf, gates }: ReportOptions): void {
  const [asked] = [
    ...(failIf === undefined ? [] : ['--fail-if']),
    ...(gates === undefined ? [] : ['--gates']),
    ...(baseline === undefined ? [] : ['--baseline']),
  ];
  if (asked === undefined) return;
  throw new UsageError('report/no-comparison', `${asked} is about variants, and no file compares any`, {
    hint: 'Name results of compare or eval too.',
  });
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

/** One machine's comparison stays what every command reads as results; more than that is a report. */
async function writeMerged(path: string, report: Report): Promise<void> {
  const { machines, benches, phones } = report;
  const [first, ...others] = machines;
  const isOne = first !== undefined && others.length + benches.length + phones.length === 0;
  const text = JSON.stringify(isOne ? first.results : fileOf(report), null, 2);
  try {
    await writeFileAtomic(path, `${text}\n`);
  } catch (cause) {
    throw new UsageError('output/unwritable', `${path} cannot be written: ${messageOf(cause)}`, {
      cause,
      hint: 'Free some space, or name another file with --out.',
    });
  }
}

function fileOf({ machines, benches, phones, changes }: Report): ReportFile {
  return { schema: SCHEMA_IDS.report, machines, benches, phones, changes };
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
      return JSON.stringify(fileOf(report), null, 2);
    case 'table':
      return renderReportTable(report, {
        style: terminalStyle(process.stdout),
        width: Math.min(100, process.stdout.columns || 100),
        charts: process.stdout.isTTY === true,
        details,
      });
  }
}
