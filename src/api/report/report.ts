import { benchComparisonWith, comparisonWith, contextComparisonWith } from '../../measure/baseline-choice.ts';
import { compareFits } from '../../measure/baseline-rows.ts';
import { historyOf } from '../../measure/history.ts';
import type { MergeScope } from '../../measure/merge.ts';
import { isSameMachine } from '../../measure/same-machine.ts';
import { renderHtml } from '../../report/registry.ts';
import { combined, fitIn, type Report } from '../../report/report.ts';
import type { BaselineComparison, ReportFile } from '../../schema/report.ts';
import type { Results } from '../../schema/results.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { UsageError } from '../../util/errors.ts';
import type { Host } from '../host.ts';
import { type Gathered, gather, readBaselines } from './gather.ts';
import { readHistory } from './history.ts';
import { readFitFile } from './input.ts';
import { layerGridsOf } from './layer-grids.ts';

/** What saved measurements are put together with. */
export interface ReportRequest extends Pick<Host, 'signal' | 'progress'> {
  /** Only these metrics are merged and shown. Default: all. */
  readonly only?: Exclude<MergeScope, 'all'> | undefined;
  /** Files of earlier results, of one machine or more, runs of one configuration as one: the report then says what changed, and whether beyond noise. */
  readonly baseline?: readonly string[] | undefined;
  /** A folder of earlier results: the report then follows each figure over those of its machine and setup. */
  readonly history?: string | undefined;
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
  { only, baseline = [], fit, history, ...host }: ReportRequest,
): Promise<Report> {
  const scope = only ?? 'all';
  const gathered = await gather(paths, scope, host);
  const before = await readBaselines(baseline, scope, host);
  const [judgedFit] = gathered.fits;
  return {
    ...gathered,
    changes: baseline.length === 0 ? [] : changesSince(before, gathered),
    history:
      history === undefined
        ? courseOf(before.machines, gathered.machines)
        : await readHistory(history, gathered, host),
    fit: fit === undefined ? (judgedFit?.results ?? fitIn(gathered.machines)) : await readFitFile(fit),
    layers: [],
  };
}

/** The course from earlier results of the same machine to these; nothing without any. */
export function courseOf(before: Gathered['machines'], now: Gathered['machines']): Report['history'] {
  const [first] = now;
  const same = before.filter(({ results }) => first && isSameMachine(results.machine, first.results.machine));
  return same.length === 0 ? [] : historyOf([...same, ...now].map(({ results }) => results));
}

/**
 * What changed, document by document.
 * @throws UsageError `baseline/several`, and `report/no-comparison` where nothing has an earlier one of its kind
 */
export function changesSince(before: Gathered, now: Gathered): Report['changes'][number][] {
  const [fitNow, fitBefore] = [now.fits[0], before.fits[0]];
  const changes: (Omit<Report['changes'][number], 'comparison'> & {
    comparison: BaselineComparison | null;
  })[] = [
    ...now.machines.map(({ label, results }) => {
      return {
        machine: label,
        of: 'comparison' as const,
        comparison: comparisonWith(results, before.machines),
      };
    }),
    ...now.benches.map(({ label, results }) => {
      return {
        machine: label,
        of: 'bench' as const,
        comparison: benchComparisonWith(results, before.benches),
      };
    }),
    ...now.contexts.map(({ label, results }) => {
      return {
        machine: label,
        of: 'context' as const,
        comparison: contextComparisonWith(results, before.contexts),
      };
    }),
    ...(fitNow === undefined || fitBefore === undefined
      ? []
      : [
          {
            machine: 'phones',
            of: 'fit' as const,
            comparison: compareFits(fitNow.results, fitBefore.results),
          },
        ]),
  ];
  const found = changes.flatMap(({ comparison, ...each }) =>
    comparison === null ? [] : [{ ...each, comparison }],
  );
  if (found.length > 0) return found;
  throw new UsageError('report/no-comparison', 'the baseline has nothing of the kind that is reported', {
    hint: 'Name earlier results of the same command: compare or eval, bench, context, fit.',
  });
}

export function reportDocument({
  machines,
  benches,
  phones,
  contexts,
  fits,
  changes,
  history,
}: Report): ReportFile {
  return { schema: SCHEMA_IDS.report, machines, benches, phones, contexts, fits, changes, history };
}

/** What `--out` writes: one machine's comparison stays what every command reads as results; more is a report. */
export function mergedDocument(report: Report): Results | ReportFile {
  const { machines, benches, phones, contexts, fits } = report;
  const [first, ...others] = machines;
  const more = others.length + benches.length + phones.length + contexts.length + fits.length;
  const isOne = first !== undefined && more === 0;
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
