import { isAvailable } from '../../measure/availability.ts';
import type { Results, Tasks } from '../../measure/results.ts';
import { divergenceColumns } from '../divergence-columns.ts';
import { combined, type Report, rowsOf } from '../report.ts';
import { documentColumns, mainColumns } from '../report-columns.ts';
import { printable } from '../text-width.ts';
import { chartName, machineKey, type Section } from './cost-sections.ts';
import { rampInk } from './inks.ts';
import { type DivergenceSpread, divergenceChart, type TaskShare, taskChart } from './loss-charts.ts';
import { html, type Markup } from './markup.ts';
import { figure, figureTable, legend, plainTable } from './tables.ts';

/** More intervals than this under one another tell nothing. */
const MOST_SERIES = 8;
const ALL_KINDS = 'all';

export function accuracySection(report: Report): Section | null {
  const rows = rowsOf(report);
  const results = combined(report);
  const { accuracy } = mainColumns(results);
  if (accuracy.length === 0) return null;
  return {
    id: 'accuracy',
    title: 'Accuracy',
    content: html`${figureTable('What each variant loses', report, rows, accuracy)}
<p class="note">± is the standard error, ranges are 95 % Wilson intervals, flips are answers gone right or wrong against the reference with McNemar's exact p.</p>
${divergencePart(report, results)}${tasksPart(report)}`,
  };
}

function divergencePart(report: Report, results: Results): Markup | null {
  const rows = rowsOf(report);
  const spreads = rows.flatMap((row, index): DivergenceSpread[] => {
    const { divergence } = row.variant;
    if (row.isReference || !isAvailable(divergence)) return [];
    return [
      {
        row: index,
        name: chartName(row, report),
        mean: divergence.meanKld,
        percentiles: [
          { name: 'median', value: divergence.medianKld },
          { name: '90th percentile', value: divergence.p90Kld },
          { name: '95th percentile', value: divergence.p95Kld },
          { name: '99th percentile', value: divergence.p99Kld },
          { name: '99.9th percentile', value: divergence.p999Kld },
          { name: 'maximum', value: divergence.maxKld },
        ],
        isRecommended: row.isRecommended,
      },
    ];
  });
  if (!spreads.some(({ percentiles }) => percentiles.some(({ value }) => value > 0))) return null;
  const columns = documentColumns(divergenceColumns, results);
  return html`<div class="beside">${figure(
    'Divergence over the text',
    divergenceChart(
      'KL divergence of each variant from the median to the maximum; figures in the table beside',
      spreads,
    ),
    legend([
      { ink: 'bar', text: 'median', shape: 'ring' },
      { ink: 'ink', text: 'mean', shape: 'diamond' },
      { ink: 'bar', text: 'p90, p95, p99, p99.9, maximum', shape: 'dot' },
    ]),
  )}<div>${figureTable('Divergence', report, rows, columns)}</div></div>`;
}

function tasksPart(report: Report): Markup | null {
  const rows = rowsOf(report);
  const asked = rows.flatMap((row, index) =>
    isAvailable(row.variant.tasks) ? [{ row, index, tasks: row.variant.tasks }] : [],
  );
  if (asked.length === 0) return null;
  const kinds = [ALL_KINDS, ...new Set(asked.flatMap(({ tasks }) => Object.keys(tasks.byTask)))];
  // One kind is all there is.
  const shown = kinds.length === 2 ? [ALL_KINDS] : kinds;
  const series = asked.slice(0, MOST_SERIES).map(({ row, index, tasks }) => ({
    row: index,
    name: chartName(row, report),
    shares: shown.flatMap((kind): TaskShare[] => {
      const counts = countsOf(tasks, kind);
      if (counts === undefined || counts.total === 0) return [];
      const { correct, total, low, high } = counts;
      const percent = (100 * correct) / total;
      return [{ kind: printable(kind), percent, low: low * 100, high: high * 100, text: shareText(counts) }];
    }),
  }));
  const names = asked.map(({ row }) => chartName(row, report));
  const table = plainTable(
    'Tasks right, with 95 % intervals',
    ['kind', ...names],
    shown.map((kind) => [
      printable(kind),
      ...asked.map(({ tasks }) => {
        const counts = countsOf(tasks, kind);
        return counts === undefined ? '\u2013' : shareText(counts);
      }),
    ]),
  );
  return html`<div class="beside">${figure(
    'Tasks by kind',
    taskChart(
      'Share of tasks right by kind, with 95 % intervals; figures in the table beside',
      shown.map(printable),
      series,
    ),
    legend(
      series.map(({ name }, index) => ({ ink: rampInk(index, series.length), text: name, shape: 'dot' })),
    ),
  )}<div>${table}${flipTable(asked.map(({ tasks }, index) => ({ name: names[index] ?? '', tasks })))}</div></div>${machineKey(report)}`;
}

type Counts = Tasks['byTask'][string];

function countsOf(tasks: Tasks, kind: string): Counts | undefined {
  if (kind === ALL_KINDS) return tasks;
  return Object.hasOwn(tasks.byTask, kind) ? tasks.byTask[kind] : undefined;
}

function shareText({ correct, total, low, high }: Counts): string {
  return `${correct}/${total} (${(low * 100).toFixed(0)}\u2013${(high * 100).toFixed(0)} %)`;
}

function flipTable(asked: readonly { readonly name: string; readonly tasks: Tasks }[]): Markup | null {
  const rows = asked.flatMap(({ name, tasks: { flips } }) =>
    isAvailable(flips)
      ? [
          [
            name,
            String(flips.lost),
            String(flips.gained),
            `${(flips.share * 100).toFixed(1)} %`,
            flips.pValue.toPrecision(2),
          ],
        ]
      : [],
  );
  if (rows.length === 0) return null;
  return plainTable('Answers that flipped', ['variant', 'lost', 'gained', 'of all', 'p'], rows);
}
