import { isAvailable, type Unavailable } from '../../schema/availability.ts';
import type { Tasks } from '../../schema/figures.ts';
import type { EndpointResult, Results } from '../../schema/results.ts';
import { knownColumns, mainColumns } from '../comparison-columns.ts';
import { domainTable } from '../domain-table.ts';
import { divergenceColumns, taskKinds } from '../loss-columns.ts';
import { formatPValue } from '../numbers.ts';
import { combined, endpointsOf, type Report, rowsOf } from '../report.ts';
import { type Column, fillColumns, given } from '../table.ts';
import { printable } from '../text-width.ts';
import { toolNotes, toolTables } from '../tool-columns.ts';
import { isDrawable } from './axes.ts';
import { rampColor } from './colors.ts';
import { chartName, machineKey } from './cost-sections.ts';
import { type DivergenceSpread, divergenceChart, type TaskShare, taskChart } from './loss-charts.ts';
import { html, type Markup } from './markup.ts';
import type { Section } from './page-frame.ts';
import { chartFigure, htmlTable, legend, variantTable } from './tables.ts';

/** More intervals than this under one another tell nothing. */
const MOST_SERIES = 8;
const ALL_KINDS = 'all';

export function accuracySection(report: Report): Section | null {
  const rows = rowsOf(report);
  const results = combined(report);
  const { accuracy } = mainColumns(results);
  const tools = toolPart(report, results);
  const endpoints = endpointTable(report);
  if (accuracy.length === 0) {
    if (tools === null && endpoints === null) return null;
    return { id: 'accuracy', title: 'Accuracy', content: html`${tools}${endpoints}` };
  }
  return {
    id: 'accuracy',
    title: 'Accuracy',
    content: html`${variantTable('What each variant loses', report, rows, accuracy)}
<p class="note">± is the standard error, ranges are 95 % Wilson intervals, flips are answers gone right or wrong against the reference with McNemar's exact p.</p>
${machineKey(report)}<div class="pair"><div>${divergenceFigure(report)}${flipTable(report)}</div>${taskFigure(report)}</div>
${divergenceTable(report, results)}${domainTables(report)}${taskTable(report)}${tools}${endpoints}`,
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
  return chartFigure(
    'Divergence over the text',
    divergenceChart(
      'KL divergence of each variant from the median to the maximum; figures in the tables below',
      spreads,
    ),
    legend([
      { color: 'bar', text: 'median', shape: 'ring' },
      { color: 'text', text: 'mean', shape: 'diamond' },
      { color: 'bar', text: 'p90, p95, p99, p99.9, maximum', shape: 'dot' },
    ]),
  );
}

function divergenceTable(report: Report, results: Results): Markup | null {
  const columns = knownColumns(divergenceColumns, results);
  return columns.length === 0 ? null : variantTable('Divergence', report, rowsOf(report), columns);
}

function domainTables(report: Report): Markup[] {
  return report.machines.flatMap(({ label, results }) => {
    const table = domainTable(results);
    if (table === null) return [];
    return [htmlTable(report.machines.length > 1 ? `${table.what}, ${label}` : table.what, table)];
  });
}

function toolPart(report: Report, results: Results): Markup | null {
  const tables = toolTables(results).flatMap(([title, columns]) => {
    const known = knownColumns(columns, results);
    return known.length === 0 ? [] : [variantTable(title, report, rowsOf(report), known)];
  });
  if (tables.length === 0) return null;
  const note =
    'Right is a call of the right tools with the right arguments, or none where none fits; parsable is of the questions that want calls.';
  return html`${tables}<p class="note">${[note, ...toolNotes(results)].join(' ')}</p>`;
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
  const kinds = taskKinds(asked);
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
      return [{ kind: printable(kind), percent, low: low * 100, high: high * 100, text: countsText(counts) }];
    }),
  }));
  return chartFigure(
    'Tasks by kind',
    taskChart(
      'Share of tasks right by kind, with 95 % intervals; figures in the tables below',
      kinds.map(printable),
      series,
    ),
    legend(
      series.map(({ name }, index) => ({ color: rampColor(index, series.length), text: name, shape: 'dot' })),
    ),
  );
}

function taskTable(report: Report): Markup | null {
  const asked = askedOf(report);
  if (asked.length === 0) return null;
  const kinds = kindsOf(asked);
  const columns = asked.map(
    ({ name, tasks }): Column<string> => ({
      title: name,
      read: (kind) => {
        const counts = countsOf(tasks, kind);
        return counts === undefined ? '' : countsText(counts);
      },
    }),
  );
  const heads = kinds.map((kind) => ({ name: printable(kind) }));
  return htmlTable('Tasks right, with 95 % intervals in percent', {
    title: 'kind',
    heads,
    columns: fillColumns(columns, kinds),
  });
}

type Flips = Exclude<Tasks['flips'], Unavailable>;

const FLIP_COLUMNS: readonly Column<Flips>[] = [
  { title: 'right to wrong', read: ({ lost }) => lost },
  { title: 'wrong to right', read: ({ gained }) => gained },
  { title: '% of all', read: ({ share }) => share * 100, precision: { significant: 9, most: 1 } },
  { title: 'p', read: ({ pValue }) => pValue, write: formatPValue },
];

function flipTable(report: Report): Markup | null {
  const rows = askedOf(report).flatMap(({ name, tasks: { flips } }) =>
    isAvailable(flips) ? [{ name, flips }] : [],
  );
  if (rows.length === 0) return null;
  const columns = fillColumns(
    FLIP_COLUMNS,
    rows.map(({ flips }) => flips),
  );
  return htmlTable('Answers that flipped', { title: 'variant', heads: rows, columns });
}

const ENDPOINT_COLUMNS: readonly Column<EndpointResult>[] = [
  { title: 'address', align: 'left', read: ({ url }) => printable(url) },
  {
    title: 'tasks right, 95 % interval',
    read: ({ tasks }) => (isAvailable(tasks) ? countsText(tasks) : printable(tasks.reason)),
  },
  {
    title: 'flips',
    read: ({ tasks }) =>
      given(tasks, ({ flips }) =>
        given(flips, ({ count, pValue }) => `${count} (p ${formatPValue(pValue)})`),
      ),
  },
  { title: 'median reply ms', read: ({ medianReplyMs }) => medianReplyMs },
];

/** What models behind endpoints answered to the same tasks. */
function endpointTable(report: Report): Markup | null {
  const endpoints = endpointsOf(report).map(({ endpoint }) => endpoint);
  if (endpoints.length === 0) return null;
  const heads = endpoints.map(({ name }) => ({ name: printable(name) }));
  return htmlTable('Models behind endpoints', {
    title: 'endpoint',
    heads,
    columns: fillColumns(ENDPOINT_COLUMNS, endpoints),
  });
}

type Counts = Tasks['byTask'][string];

function countsOf(tasks: Tasks, kind: string): Counts | undefined {
  if (kind === ALL_KINDS) return tasks;
  return Object.hasOwn(tasks.byTask, kind) ? tasks.byTask[kind] : undefined;
}

function countsText({ correct, total, low, high }: Counts): string {
  return `${correct}/${total} (${(low * 100).toFixed(0)}\u2013${(high * 100).toFixed(0)})`;
}
