import { comparisonWith } from '../../measure/baseline-choice.ts';
import type { MergeScope } from '../../measure/merge.ts';
import { renderHtml } from '../../report/registry.ts';
import { combined, fitIn, type Report, reportOf } from '../../report/report.ts';
import type { ReportFile } from '../../schema/report.ts';
import type { Results } from '../../schema/results.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { UsageError } from '../../util/errors.ts';
import type { Host } from '../host.ts';
import { gather, readBaselines } from './gather.ts';
import { readFitFile } from './input.ts';
import { layerGridsOf } from './layer-grids.ts';

/** What saved measurements are put together with. */
export interface ReportRequest extends Pick<Host, 'signal'> {
  /** Only these metrics are merged and shown. Default: all. */
  readonly only?: Exclude<MergeScope, 'all'> | undefined;
  /** Files of earlier results, of one machine or more, runs of one configuration as one: the report then says what changed, and whether beyond noise. */
  readonly baseline?: readonly string[] | undefined;
  /** A file of `fit --json`, whose verdicts on phones stand in the page. */
  readonly fit?: string | undefined;
}

/**
 * Puts saved measurements together: runs of one model side by side, shards as one run, each machine for itself. The
 * document of `quantscope report --format json`.
 * @param paths files that `compare`, `eval`, `bench`, `kit check --json` or `report --out` wrote
 * @throws UsageError `input/*`, `report/*`, `shards/*`
 */
export async function report(paths: readonly string[], request: ReportRequest = {}): Promise<ReportFile> {
  return reportDocument(await readReport(paths, request));
}

/**
 * The same as one HTML page that needs no network.
 * @throws UsageError what {@link report} throws
 */
export async function reportPage(paths: readonly string[], request: ReportRequest = {}): Promise<string> {
  return pageOf(await readReport(paths, request), request.signal);
}

/** @throws UsageError what {@link report} throws */
export async function readReport(
  paths: readonly string[],
  { only, baseline = [], fit }: ReportRequest,
): Promise<Report> {
  const scope = only ?? 'all';
  const gathered = await gather(paths, scope);
  const { machines } = gathered;
  const before = await readBaselines(baseline, scope);
  if (machines.length === 0 && baseline.length > 0) throw nothingCompared('--baseline');
  const changes = machines.flatMap(({ label, results }) => {
    const comparison = comparisonWith(results, before);
    return comparison === null ? [] : [{ machine: label, comparison }];
  });
  return {
    ...gathered,
    changes,
    fit: fit === undefined ? fitIn(machines) : await readFitFile(fit),
    layers: [],
  };
}

/** Gates and changes are about compared variants: without any they would hold of nothing. */
export function nothingCompared(asked: string): UsageError {
  return new UsageError('report/no-comparison', `${asked} is about variants, and no file compares any`, {
    hint: 'Name results of compare or eval too.',
  });
}

export function reportDocument({ machines, benches, phones, changes }: Report): ReportFile {
  return { schema: SCHEMA_IDS.report, machines, benches, phones, changes };
}

/** What `--out` writes: one machine's comparison stays what every command reads as results; more is a report. */
export function mergedDocument(report: Report): Results | ReportFile {
  const { machines, benches, phones } = report;
  const [first, ...others] = machines;
  const isOne = first !== undefined && others.length + benches.length + phones.length === 0;
  return isOne ? first.results : reportDocument(report);
}

/** The page of a report, with the layers of the models whose headers are at hand. */
export async function pageOf(
  read: Report,
  signal: AbortSignal = new AbortController().signal,
): Promise<string> {
  const layers = read.machines.length === 0 ? [] : await layerGridsOf(combined(read).variants, signal);
  return renderHtml({ ...read, layers });
}

/** The page of one comparison. */
export function comparisonPage(results: Results, signal: AbortSignal): Promise<string> {
  return pageOf(reportOf(results), signal);
}
