import { mean, sampleStandardDeviation } from '../measure/statistics.ts';
import { isAvailable, type Unavailable } from '../schema/availability.ts';
import type { BenchResults, BenchRow } from '../schema/bench.ts';
import { formatBytes, formatDuration, formatRatio } from '../util/units.ts';
import type { BenchWriter } from './bench-registry.ts';
import { millions, rateText } from './bench-table.ts';
import { describeEngine, describeMachine } from './provenance.ts';
import { printable } from './text-width.ts';

type Field = readonly [name: string, write: (row: BenchRow, results: BenchResults) => string | number | null];

/** llama-bench's table with its column names, and ours after them. */
const MARKDOWN_FIELDS: readonly Field[] = [
  ['model', ({ model }) => model.label],
  ['size', ({ model }) => formatBytes(model.sizeBytes)],
  ['params', ({ model }) => (model.parameters === null ? null : millions(model.parameters))],
  ['backend', ({ backend }) => orNull(backend, (name) => name)],
  ['ngl', ({ config }) => config.gpuLayers],
  ['threads', (row) => threadsText(row)],
  ['n_batch', ({ config }) => config.batchSize],
  ['type_k', ({ config }) => config.keyType],
  ['type_v', ({ config }) => config.valueType],
  ['fa', ({ config }) => config.flashAttention],
  ['test', ({ test }) => test.name],
  [
    't/s',
    ({ speed, failure }) => (failure === null ? orNull(speed, rateText) : `failed: ${failure.message}`),
  ],
  ['median t/s', ({ speed }) => orNull(speed, ({ medianTps }) => medianTps.toFixed(2))],
  ['GB/s', ({ effectiveBandwidthBytesPerSecond: rate }) => orNull(rate, (value) => (value / 1e9).toFixed(2))],
  ['of copy', ({ shareOfCopyBandwidth: share }) => orNull(share, (value) => `${(100 * value).toFixed(0)} %`)],
  ['load', ({ loadMs }) => orNull(loadMs, formatDuration)],
  ['peak memory', ({ memory }) => orNull(memory, ({ peakRssBytes }) => orNull(peakRssBytes, formatBytes))],
  ['speed-up', ({ speedUp }) => orNull(speedUp, formatRatio)],
];

/** What llama-bench leaves out of its table while it is the default; the column is there when the grid has others. */
const MARKDOWN_DEFAULTS: Readonly<Record<string, string | number>> = {
  ngl: 'max',
  n_batch: 512,
  type_k: 'f16',
  type_v: 'f16',
  fa: 'auto',
};

/** llama-bench's names for what it has too, so that a script reads both; what only we measure comes after. */
const CSV_FIELDS: readonly Field[] = [
  ['build_number', (_, { machine }) => orNull(machine.engine, ({ llamaCpp }) => llamaCpp)],
  ['cpu_info', (_, { machine }) => machine.cpu],
  ['gpu_info', (_, { machine }) => orNull(machine.engine, ({ devices }) => devices.join(', '))],
  ['backends', ({ backend }) => orNull(backend, (name) => name)],
  ['model_filename', ({ ref }) => ref],
  ['model_type', ({ model }) => model.label],
  ['model_size', ({ model }) => model.sizeBytes],
  ['model_n_params', ({ model }) => model.parameters],
  ['n_batch', ({ config }) => config.batchSize],
  ['n_ubatch', ({ config }) => config.batchSize],
  ['n_threads', ({ config }) => config.threads],
  ['n_threads_prompt', ({ config }) => config.promptThreads],
  ['type_k', ({ config }) => config.keyType],
  ['type_v', ({ config }) => config.valueType],
  ['n_gpu_layers', ({ config }) => config.gpuLayers],
  ['flash_attn', ({ config }) => config.flashAttention],
  ['n_prompt', ({ test }) => test.promptTokens],
  ['n_gen', ({ test }) => test.generationTokens],
  ['n_depth', ({ test }) => test.depth],
  ['test', ({ test }) => test.name],
  ['test_time', (_, { createdAt }) => createdAt],
  ['avg_ns', ({ speed }) => orNull(speed, ({ samplesNs }) => Math.round(mean(samplesNs)))],
  [
    'stddev_ns',
    ({ speed }) => orNull(speed, ({ samplesNs }) => Math.round(sampleStandardDeviation(samplesNs))),
  ],
  ['avg_ts', ({ speed }) => orNull(speed, ({ meanTps }) => meanTps)],
  ['stddev_ts', ({ speed }) => orNull(speed, ({ stddevTps }) => stddevTps)],
  ['median_ts', ({ speed }) => orNull(speed, ({ medianTps }) => medianTps)],
  ['load_ms', ({ loadMs }) => orNull(loadMs, (ms) => ms)],
  [
    'bandwidth_bytes_per_second',
    ({ effectiveBandwidthBytesPerSecond: rate }) => orNull(rate, (value) => value),
  ],
  ['share_of_copy_bandwidth', ({ shareOfCopyBandwidth: share }) => orNull(share, (value) => value)],
  [
    'peak_rss_bytes',
    ({ memory }) => orNull(memory, ({ peakRssBytes }) => orNull(peakRssBytes, (value) => value)),
  ],
  ['speed_up', ({ speedUp }) => orNull(speedUp, (ratio) => ratio)],
  ['status', ({ status }) => status],
  ['failure', ({ failure }) => failure?.message ?? null],
];

/** A GitHub table; the machine stands above it and what to beware of below. */
export function benchMarkdown({ shown }: { readonly shown: readonly string[] }): BenchWriter {
  const fields = MARKDOWN_FIELDS.filter(
    ([name]) => !(name in MARKDOWN_DEFAULTS) || shown.includes(name),
  ).filter(([name]) => name !== 'speed-up' || shown.includes(name));
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const left = new Set(['model', 'backend', 'test']);
  return {
    head: ({ machine, tool }) => [
      `${escaped(describeMachine(machine))}; ${escaped(describeEngine(machine, tool.version))}`,
      '',
      line(fields.map(([name]) => name)),
      line(fields.map(([name]) => (left.has(name) ? ':--' : '--:'))),
    ],
    row: (row, results) => [line(fields.map(([, write]) => escaped(String(write(row, results) ?? ''))))],
    end: ({ warnings }) =>
      warnings.length === 0
        ? []
        : ['', ...warnings.map(({ message, hint }) => `- Warning: ${escaped(`${message}. ${hint}`)}`)],
  };
}

/** The columns of the Markdown table that are not left out: those where some point differs from the default. */
export function shownColumns(values: Readonly<Record<string, readonly (string | number)[]>>): string[] {
  return Object.entries(values)
    .filter(([name, own]) => own.some((value) => value !== MARKDOWN_DEFAULTS[name]))
    .map(([name]) => name);
}

/** RFC 4180 with a header line. Warnings are in the results file and on stderr. */
export function benchCsv(): BenchWriter {
  return {
    head: () => [CSV_FIELDS.map(([name]) => name).join(',')],
    row: (row, results) => [CSV_FIELDS.map(([, write]) => quoted(write(row, results))).join(',')],
    end: () => [],
  };
}

function threadsText({ config: { threads, promptThreads } }: BenchRow): string | number | null {
  if (threads === null || promptThreads === null || threads === promptThreads) return threads;
  return `${promptThreads} pp, ${threads} tg`;
}

function orNull<Value, Written>(
  value: Value | Unavailable,
  write: (value: Exclude<Value, Unavailable>) => Written,
): Written | null {
  return isAvailable(value) ? write(value) : null;
}

function escaped(text: string): string {
  return printable(text).replaceAll('|', '\\|');
}

function quoted(value: string | number | null): string {
  const text = String(value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
