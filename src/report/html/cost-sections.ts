import { isAvailable } from '../../schema/availability.ts';
import type { Rate, Speed } from '../../schema/figures.ts';
import type { Results } from '../../schema/results.ts';
import { MEBI } from '../../util/units.ts';
import { knownColumns, mainColumns, memoryColumns } from '../comparison-columns.ts';
import { formatFixed, rateDecimals } from '../numbers.ts';
import { combined, type Report, type ReportRow, rowsOf } from '../report.ts';
import { printable } from '../text-width.ts';
import { isDrawable } from './axes.ts';
import { type Bar, barChart, stackedChart } from './bar-charts.ts';
import type { Color } from './colors.ts';
import { html, type Markup } from './markup.ts';
import type { Section } from './page-frame.ts';
import { chartFigure, legend, variantTable } from './tables.ts';
import { type TradeOffPoint, tradeOffChart } from './trade-off-chart.ts';

/** A part of the page that the navigation leads to. */
/** A row's name in a chart, with its machine where there are several. */
export function chartName({ variant, machine }: ReportRow, { machines }: Report): string {
  const name = printable(variant.name);
  if (machines.length < 2) return name;
  return `${name} · ${machines.findIndex(({ label }) => label === machine) + 1}`;
}

/** Which number stands for which machine in the charts. */
export function machineKey({ machines }: Report): Markup | null {
  if (machines.length < 2) return null;
  return html`<p class="note">In the charts: ${machines.map(({ label }, index) => `${index + 1} ${printable(label)}`).join('; ')}.</p>`;
}

/** Size and speed against accuracy: a size is the same on every machine, a speed is not. */
export function tradeOffSection(report: Report): Section | null {
  const rows = rowsOf(report).map((row, index) => ({ row, index }));
  const { settings } = combined(report);
  const names = new Set<string>();
  const once = rows.filter(({ row: { variant } }) => !names.has(variant.name) && names.add(variant.name));
  const charts = [
    tradeOff(once, settings, {
      title: 'Size against accuracy',
      axis: 'file size, MiB',
      unit: 'MiB',
      better: 'lower',
      costOf: ({ variant }) => variant.file.bytes / MEBI,
    }),
    ...report.machines.map(({ label }) =>
      tradeOff(
        rows.filter(({ row }) => row.machine === label),
        settings,
        {
          title: `Generation speed against accuracy${report.machines.length > 1 ? `, ${printable(label)}` : ''}`,
          axis: `generation, tokens/s (tg${settings.generationTokens})`,
          unit: 'tokens/s',
          better: 'higher',
          costOf: (row) => rateOf(row, 'generation')?.meanTps ?? null,
        },
      ),
    ),
  ].filter((each) => each !== null);
  if (charts.length === 0) return null;
  return {
    id: 'trade-offs',
    title: 'What accuracy costs',
    content: html`<p class="lead">Lower is better: less divergence from the reference. No variant beats those on the line in both at once.</p>
${legend([
  { color: 'accent', text: 'to ship', shape: 'dot' },
  { color: 'text', text: 'on the Pareto front', shape: 'dot' },
  { color: 'muted', text: 'beaten by another', shape: 'dot' },
  { color: 'text', text: 'reference', shape: 'ring' },
])}<div class="pair">${charts}</div>`,
  };
}

interface TradeOffKind {
  readonly title: string;
  readonly axis: string;
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  readonly costOf: (row: ReportRow) => number | null;
}

function tradeOff(
  rows: readonly { readonly row: ReportRow; readonly index: number }[],
  { limits }: Results['settings'],
  { title, axis, unit, better, costOf }: TradeOffKind,
): Markup | null {
  const points = rows.flatMap(({ row, index }): TradeOffPoint[] => {
    const { divergence, status, name } = row.variant;
    const cost = costOf(row);
    if (cost === null || !isDrawable(cost) || status === 'failed') return [];
    if (!row.isReference && !isAvailable(divergence)) return [];
    const loss = row.isReference || !isAvailable(divergence) ? null : divergence.meanKld;
    if (loss !== null && loss > 0 && !isDrawable(loss)) return [];
    const said = loss === null ? 'the reference' : `mean KLD ${Number(loss.toPrecision(3))} nats`;
    return [
      {
        row: index,
        name: printable(name),
        cost,
        loss,
        isRecommended: row.isRecommended,
        text: `${formatFixed(cost, cost < 100 ? 2 : 0)} ${unit}, ${said}`,
      },
    ];
  });
  if (points.filter(({ loss }) => loss !== null && loss > 0).length === 0 || points.length < 2) return null;
  const label = `${title}: mean KLD over ${axis}; figures in the tables below`;
  return chartFigure(title, tradeOffChart({ label, axis, better, points, limit: limits.maxMeanKld }));
}

type SpeedTest = 'prompt' | 'generation' | 'generationAtDepth';

function rateOf({ variant: { speed } }: ReportRow, test: SpeedTest): Rate | null {
  if (!isAvailable<Speed | { status: 'unavailable'; reason: string }>(speed)) return null;
  const rate = speed[test];
  return isAvailable(rate) ? rate : null;
}

export function costSection(report: Report): Section | null {
  const rows = rowsOf(report);
  if (rows.length === 0) return null;
  const results = combined(report);
  const { promptTokens, generationTokens, depth, repetitions } = results.settings;
  const tests = [
    ['prompt', `Prompt, ${promptTokens} tokens`],
    ['generation', `Generation, ${generationTokens} tokens`],
    ['generationAtDepth', `Generation after ${depth} tokens`],
  ] as const;
  const charts = tests.flatMap(([test, title]) => {
    const bars = rows.flatMap((row, index): Bar[] => {
      const rate = rateOf(row, test);
      if (rate === null || !isDrawable(rate.meanTps) || !(rate.stddevTps < rate.meanTps * 10)) return [];
      const { meanTps: value, stddevTps: error } = rate;
      const decimals = rateDecimals(value);
      return [
        {
          row: index,
          name: chartName(row, report),
          value,
          error,
          text: `${value.toFixed(decimals)} ± ${error.toFixed(decimals)}`,
          isRecommended: row.isRecommended,
        },
      ];
    });
    return bars.length === 0
      ? []
      : [
          chartFigure(
            title,
            barChart(`${title}: tokens a second; figures in the table below`, 'tokens/s', bars),
          ),
        ];
  });
  return {
    id: 'cost',
    title: 'Size and speed',
    content: html`${charts.length === 0 ? null : html`<p class="lead">Whiskers are the standard deviation of ${repetitions} ${repetitions === 1 ? 'run' : 'runs'}.</p>${machineKey(report)}<div class="triple">${charts}</div>`}
${variantTable('What each variant costs', report, rows, mainColumns(results).cost)}`,
  };
}

const MEMORY_COLORS = new Map<string, Color>([
  ['weights', 'weights'],
  ['KV cache', 'cache'],
  ['compute buffers', 'compute'],
]);

/** Memory by what it is for, with the budgets of phones as far as they are near. */
export function memorySection(report: Report): Section | null {
  const rows = rowsOf(report);
  const results = combined(report);
  const bars = rows.flatMap((row, index) => {
    const { memory } = row.variant;
    if (!isAvailable(memory)) return [];
    const { weightsBytes, kvBytes, computeBytes } = memory;
    const parts = [
      ['weights', weightsBytes],
      ['KV cache', kvBytes],
      ['compute buffers', computeBytes],
    ] as const;
    const known = parts.flatMap(([part, bytes]) =>
      isAvailable(bytes) ? [{ part, value: bytes / MEBI, text: `${mebibytes(bytes / MEBI)} MiB` }] : [],
    );
    if (known.length === 0) return [];
    const total = known.reduce((sum, { value }) => sum + value, 0);
    return [{ row: index, name: chartName(row, report), parts: known, total: mebibytes(total) }];
  });
  const columns = knownColumns(memoryColumns, results);
  if (columns.length === 0) return null;
  const most = Math.max(0, ...bars.map(({ parts }) => parts.reduce((sum, { value }) => sum + value, 0)));
  const budgets = budgetsOf(report);
  // A budget many times as large would squeeze the bars to nothing: it is in the phones' table.
  const near = budgets.filter(({ at }) => at <= most * 1.8).sort((a, b) => a.at - b.at);
  const contexts = [
    ...new Set(rows.flatMap(({ variant: { memory } }) => (isAvailable(memory) ? [memory.contextSize] : []))),
  ];
  const drawing =
    bars.length === 0
      ? null
      : chartFigure(
          'Weights, cache and buffers',
          stackedChart('Memory of each variant by use; figures in the table beside', bars, {
            unit: 'MiB',
            colors: MEMORY_COLORS,
            lines: near.map(({ at }) => at),
          }),
          legend([
            ...[...MEMORY_COLORS].map(([text, color]) => ({ text, color })),
            ...near.map(({ text }) => ({ text, color: 'limit', shape: 'dash' })),
          ]),
        );
  return {
    id: 'memory',
    title: 'Memory',
    content: html`<p class="lead">As allocated for a context of ${contexts.join(' or ')} tokens. The peak is that of the whole process, the measuring program included.${budgets.length > 0 && near.length === 0 ? ' Every budget of the phones below is far larger.' : ''}</p>
${machineKey(report)}<div class="beside">${drawing}<div>${variantTable('Memory by use', report, rows, columns)}</div></div>`,
  };
}

/** Each budget once, with the phones that give it. */
function budgetsOf({ fit }: Report): { at: number; text: string }[] {
  const byBudget = new Map<number, string>();
  for (const { name, variants } of fit?.devices ?? []) {
    const budget = variants[0]?.memory.budgetBytes;
    if (typeof budget === 'number' && !byBudget.has(budget)) byBudget.set(budget, printable(name));
  }
  return [...byBudget].map(([bytes, text]) => ({
    at: bytes / MEBI,
    text: `${text}, ${mebibytes(bytes / MEBI)}`,
  }));
}

function mebibytes(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}
