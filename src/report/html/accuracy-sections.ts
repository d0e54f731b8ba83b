import { isAvailable } from '../../schema/availability.ts';
import type { Results, Tasks } from '../../schema/results.ts';
import { divergenceColumns } from '../divergence-columns.ts';
import { formatPValue } from '../numbers.ts';
import { combined, endpointsOf, type Report, rowsOf } from '../report.ts';
import { documentColumns, mainColumns } from '../report-columns.ts';
import { printable } from '../text-width.ts';
import { isDrawable } from './axes.ts';
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
  const endpoints = endpointTable(report);
  if (accuracy.length === 0) {
    return endpoints === null ? null : { id: 'accuracy', title: 'Accuracy', content: endpoints };
  }
  return {
    id: 'accuracy',
    title: 'Accuracy',
    content: html`${figureTable('What each variant loses', report, rows, accuracy)}
<p class="note">± is the standard error, ranges are 95 % Wilson intervals, flips are answers gone right or wrong against the reference with McNemar's exact p.</p>
${machineKey(report)}<div class="pair"><div>${divergenceFigure(report)}${flipTable(report)}</div>${taskFigure(report)}</div>
${divergenceTable(report, results)}${taskTable(report)}${endpoints}`,
  };
}

function divergenceFigure(report: Report): Markup | null {
  const spreads = rowsOf(report).flatMap((row, index): DivergenceSpread[] => {
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
  if (!spreads.some(({ percentiles }) => percentiles.some(({ value }) => isDrawable(value)))) return null;
  return figure(
    'Divergence over the text',
    divergenceChart(
      'KL divergence of each variant from the median to the maximum; figures in the tables below',
      spreads,
    ),
    legend([
      { ink: 'bar', text: 'median', shape: 'ring' },
      { ink: 'ink', text: 'mean', shape: 'diamond' },
      { ink: 'bar', text: 'p90, p95, p99, p99.9, maximum', shape: 'dot' },
    ]),
  );
}

function divergenceTable(report: Report, results: Results): Markup | null {
  const columns = documentColumns(divergenceColumns, results);
  return columns.length === 0 ? null : figureTable('Divergence', report, rowsOf(report), columns);
}

interface Asked {
  readonly index: number;
  readonly name: string;
  readonly tasks: Tasks;
}

function askedOf(report: Report): Asked[] {
  return rowsOf(report).flatMap((row, index) => {
    const { tasks } = row.variant;
    return isAvailable(tasks) ? [{ index, name: chartName(row, report), tasks }] : [];
  });
}

function kindsOf(asked: readonly Asked[]): string[] {
  const kinds = [...new Set(asked.flatMap(({ tasks }) => Object.keys(tasks.byTask)))];
  // One kind is all there is.
  return kinds.length === 1 ? [ALL_KINDS] : [ALL_KINDS, ...kinds];
}

function taskFigure(report: Report): Markup | null {
  const asked = askedOf(report);
  if (asked.length === 0) return null;
  const kinds = kindsOf(asked);
  const series = asked.slice(0, MOST_SERIES).map(({ index, name, tasks }) => ({
    row: index,
    name,
    shares: kinds.flatMap((kind): TaskShare[] => {
      const counts = countsOf(tasks, kind);
      if (counts === undefined || counts.total === 0) return [];
      const { correct, total, low, high } = counts;
      const percent = (100 * correct) / total;
      return [{ kind: printable(kind), percent, low: low * 100, high: high * 100, text: shareText(counts) }];
    }),
  }));
  return figure(
    'Tasks by kind',
    taskChart(
      'Share of tasks right by kind, with 95 % intervals; figures in the tables below',
      kinds.map(printable),
      series,
    ),
    legend(
      series.map(({ name }, index) => ({ ink: rampInk(index, series.length), text: name, shape: 'dot' })),
    ),
  );
}

function taskTable(report: Report): Markup | null {
  const asked = askedOf(report);
  if (asked.length === 0) return null;
  const kinds = kindsOf(asked);
  return plainTable(
    'Tasks right, with 95 % intervals in percent',
    ['kind', ...asked.map(({ name }) => name)],
    kinds.map((kind) => [
      printable(kind),
      ...asked.map(({ tasks }) => {
        const counts = countsOf(tasks, kind);
        return counts === undefined ? '\u2013' : shareText(counts);
      }),
    ]),
  );
}

function flipTable(report: Report): Markup | null {
  const rows = askedOf(report).flatMap(({ name, tasks: { flips } }) => {
    if (!isAvailable(flips)) return [];
    const { lost, gained, share, pValue } = flips;
    return [[name, String(lost), String(gained), (share * 100).toFixed(1), formatPValue(pValue)]];
  });
  if (rows.length === 0) return null;
  return plainTable(
    'Answers that flipped',
    ['variant', 'right to wrong', 'wrong to right', '% of all', 'p'],
    rows,
  );
}

/** What models behind endpoints answered to the same tasks. */
function endpointTable(report: Report): Markup | null {
  const rows = endpointsOf(report).map(({ endpoint: { name, url, tasks, medianReplyMs } }) => {
    const flips = isAvailable(tasks) && isAvailable(tasks.flips) ? tasks.flips : null;
    return [
      printable(name),
      printable(url),
      isAvailable(tasks) ? shareText(tasks) : printable(tasks.reason),
      flips === null ? '\u2013' : `${flips.count} (p ${formatPValue(flips.pValue)})`,
      isAvailable(medianReplyMs) ? medianReplyMs.toFixed(0) : '\u2013',
    ];
  });
  if (rows.length === 0) return null;
  const headings = ['endpoint', 'address', 'tasks right, 95 % interval', 'flips', 'median reply ms'];
  return plainTable('Models behind endpoints', headings, rows, (column) => column > 1);
}

type Counts = Tasks['byTask'][string];

function countsOf(tasks: Tasks, kind: string): Counts | undefined {
  if (kind === ALL_KINDS) return tasks;
  return Object.hasOwn(tasks.byTask, kind) ? tasks.byTask[kind] : undefined;
}

function shareText({ correct, total, low, high }: Counts): string {
  return `${correct}/${total} (${(low * 100).toFixed(0)}\u2013${(high * 100).toFixed(0)})`;
}
