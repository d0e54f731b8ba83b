import { isAvailable } from '../schema/availability.ts';
import type { BenchResults, BenchRow } from '../schema/bench.ts';
import { counted, formatRatio, MEBI } from '../util/units.ts';
import { SUSTAINED_COLUMNS } from './sustained.ts';
import { type Column, given } from './table.ts';

/** The columns of bench: what a grid varies, and what is measured of each row. */

/** What a grid varies, by llama-bench's names for it, which its Markdown table has too. */
export const BENCH_SETTINGS = {
  backend: {
    title: 'backend',
    align: 'left',
    read: ({ backend, config, onCpu }) =>
      isAvailable(backend) ? `${backend}${onCpu.length > 0 ? ' and CPU' : ''}` : config.gpu,
  },
  ngl: { title: 'GPU layers', read: ({ config }) => config.gpuLayers },
  threads: {
    title: 'threads',
    read: ({ config: { threads, promptThreads } }) =>
      threads === null || promptThreads === null || threads === promptThreads
        ? threads
        : `${promptThreads} pp, ${threads} tg`,
  },
  n_batch: { title: 'batch', read: ({ config }) => config.batchSize },
  type_k: { title: 'key cache', read: ({ config }) => config.keyType },
  type_v: { title: 'value cache', read: ({ config }) => config.valueType },
  fa: { title: 'flash attention', read: ({ config }) => config.flashAttention },
} as const satisfies Record<string, Column<BenchRow>>;

/** What llama-bench leaves out of its table while it is the default; the column is there when the grid has others. */
export const MARKDOWN_DEFAULTS: Readonly<Record<string, string | number>> = {
  ngl: 'max',
  n_batch: 512,
  type_k: 'f16',
  type_v: 'f16',
  fa: 'auto',
};
export const SPEED_UP = 'speed-up';

/** What was measured. Rows are written as they come, so the columns have their widths from the start. */
export const BENCH_METRICS: readonly Column<BenchRow>[] = [
  {
    ...metric('', 't/s', 18, 2, ({ speed }) =>
      given(speed, ({ meanTps, stddevTps }) => ({ value: meanTps, error: stddevTps })),
    ),
    heading: 'speed',
  },
  metric('median', 't/s', 8, 2, ({ speed }) => given(speed, ({ medianTps }) => medianTps)),
  metric('bandwidth', 'GB/s', 9, 2, ({ effectiveBandwidthBytesPerSecond: rate }) =>
    given(rate, (bytesPerSecond) => bytesPerSecond / 1e9),
  ),
  metric('of copy', '%', 7, 0, ({ shareOfCopyBandwidth }) =>
    given(shareOfCopyBandwidth, (fraction) => fraction * 100),
  ),
  metric('load', 'ms', 8, 1, ({ loadMs }) => loadMs),
  metric('peak memory', 'MiB', 11, 1, ({ memory }) =>
    given(memory, ({ peakRssBytes }) => given(peakRssBytes, (bytes) => bytes / MEBI)),
  ),
  { ...metric(SPEED_UP, '× CPU', 8, 2, ({ speedUp }) => speedUp), write: formatRatio, optional: true },
];

const MINUTES_METRICS: readonly Column<BenchRow>[] = [
  ...SUSTAINED_COLUMNS,
  ...BENCH_METRICS.filter(({ title }) => title === 'peak memory'),
];

/** Of rows of minutes what their curve says, of others their speed. */
export function metricsOf({ minutes }: Pick<BenchResults, 'minutes'>): readonly Column<BenchRow>[] {
  return minutes === undefined ? BENCH_METRICS : MINUTES_METRICS;
}

/** How often each test was run, or how long. */
export function repetitionText({ repetitions, minutes }: BenchResults): string {
  return minutes === undefined ? counted(repetitions, 'repetition') : `${minutes} min each`;
}

function metric(
  title: string,
  unit: string,
  least: number,
  decimals: number,
  read: Column<BenchRow>['read'],
): Column<BenchRow> {
  return { title, unit, least, read, precision: { significant: Number.POSITIVE_INFINITY, most: decimals } };
}

/** The columns of the Markdown table that are not left out: those where some point differs from the default. */
export function shownColumns(values: Readonly<Record<string, readonly (string | number)[]>>): string[] {
  return Object.entries(values)
    .filter(([name, own]) => own.some((value) => value !== MARKDOWN_DEFAULTS[name]))
    .map(([name]) => name);
}
