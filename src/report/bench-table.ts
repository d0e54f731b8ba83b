import { isAvailable, type Unavailable } from '../schema/availability.ts';
import type { BenchResults, BenchRow } from '../schema/bench.ts';
import { formatBytes, formatDuration, formatRatio } from '../util/units.ts';
import type { BenchWriter } from './bench-registry.ts';
import { describeEngine, describeMachine, describeThreads, plural } from './provenance.ts';
import { plainStyle, type Style } from './style.ts';
import { padLeft, padRight, printable, wrap } from './text-width.ts';

export interface BenchTableOptions {
  readonly width?: number;
  readonly style?: Style;
}

interface Column {
  readonly title: string;
  readonly width: number;
  readonly write: (row: BenchRow) => string;
}

const TEST_WIDTH = 14;
const ABSENT = '-';

const COLUMNS: readonly Column[] = [
  { title: 't/s', width: 20, write: ({ speed }) => figure(speed, rateText) },
  {
    title: 'median',
    width: 10,
    write: ({ speed }) => figure(speed, ({ medianTps }) => medianTps.toFixed(2)),
  },
  {
    title: 'bandwidth',
    width: 10,
    write: ({ effectiveBandwidthBytesPerSecond: bandwidth }) => figure(bandwidth, gigabytes),
  },
  { title: 'of copy', width: 8, write: ({ shareOfCopyBandwidth: share }) => figure(share, percent) },
  { title: 'load', width: 8, write: ({ loadMs }) => figure(loadMs, formatDuration) },
  {
    title: 'peak memory',
    width: 12,
    write: ({ memory }) => (isAvailable(memory) ? figure(memory.peakRssBytes, formatBytes) : ABSENT),
  },
  {
    title: 'speed-up',
    width: 11,
    write: ({ speedUp }) => figure(speedUp, (ratio) => `${formatRatio(ratio)} x`),
  },
];

/** For a terminal: a heading a model and configuration, its tests below it, a line as each test ends. */
export function benchTable({ width = 100, style = plainStyle }: BenchTableOptions = {}): BenchWriter {
  let heading = '';
  const wrapped = (text: string) => wrap(printable(text), width, '  ');
  return {
    head: ({ machine, tool, repetitions, seed }) => [
      ...wrapped(`${describeMachine(machine)}.`),
      ...wrapped(
        `${describeEngine(machine, tool.version)}; ${plural(repetitions, 'repetition')}, seed ${seed}.`,
      ),
    ],
    row: (row) => {
      const lines: string[] = [];
      const columns = COLUMNS.filter(({ title }) => title !== 'speed-up' || isAvailable(row.speedUp));
      const own = headingOf(row);
      if (own !== heading) {
        heading = own;
        const titles = columns.map(({ title, width: columnWidth }) => padLeft(title, columnWidth)).join('');
        lines.push('', ...wrapped(own).map(style.bold), style.dim(`  ${padRight('', TEST_WIDTH)}${titles}`));
      }
      const test = `  ${padRight(row.test.name, TEST_WIDTH)}`;
      if (row.failure !== null) {
        const [first = '', ...rest] = wrap(
          printable(`failed: ${row.failure.message}`),
          width - test.length - 1,
        );
        const indent = ' '.repeat(test.length + 1);
        lines.push(`${test} ${style.bad(first)}`, ...rest.map((line) => indent + style.bad(line)));
      } else {
        const cells = columns.map(({ width: columnWidth, write }) => padLeft(write(row), columnWidth));
        lines.push(test + cells.join(''));
      }
      return lines;
    },
    end: (results) => [
      ...section(searchLines(results).flatMap(wrapped)),
      ...section(
        results.warnings
          .flatMap(({ message, hint }) => wrapped(`Warning: ${message}. ${hint}`))
          .map((line) => style.warn(line)),
      ),
      ...section(legend(results).flatMap(wrapped).map(style.dim)),
    ],
  };
}

function headingOf({ model, config, backend }: BenchRow): string {
  const parameters = model.parameters === null ? [] : [`${millions(model.parameters)} parameters`];
  const on = isAvailable(backend) ? backend : config.gpu;
  const threads =
    config.threads === null ? [] : [describeThreads(config.threads, config.promptThreads ?? config.threads)];
  return [
    `${model.label}: ${formatBytes(model.sizeBytes)}`,
    ...parameters,
    on,
    ...(on === 'cpu' || on === 'off' ? [] : [`GPU layers ${config.gpuLayers}`]),
    ...threads,
    `batch ${config.batchSize}`,
    config.keyType === config.valueType
      ? `${config.keyType} cache`
      : `${config.keyType} keys, ${config.valueType} values`,
    `flash attention ${config.flashAttention}`,
  ].join(', ');
}

function searchLines({ threadSearches }: BenchResults): string[] {
  return threadSearches.map(({ ref, backend, promptThreads, generationThreads, tried }) => {
    const figures = tried.map(
      ({ threads, promptTps, generationTps }) =>
        `${threads}: ${promptTps.toFixed(0)} and ${generationTps.toFixed(0)} t/s`,
    );
    return (
      `Threads of ${ref} on ${backend}: ${promptThreads} for prompts, ${generationThreads} for generation ` +
      `(tried ${figures.join('; ')}).`
    );
  });
}

function legend({ rows, repetitions, machine }: BenchResults): string[] {
  if (!rows.some(({ status }) => status === 'ok')) return [];
  return [
    `pp: prompt tokens read a second; tg: tokens generated a second; @d: after so many tokens in the cache; ` +
      `±: standard deviation of ${plural(repetitions, 'run')}.`,
    ...(rows.some(({ effectiveBandwidthBytesPerSecond: bandwidth }) => isAvailable(bandwidth))
      ? [
          "bandwidth: bytes that generation must read, a second; of copy: of what the machine's memory copies a " +
            'second, above 100 % where weights stay in a CPU cache.',
        ]
      : []),
    ...gpuLines(rows, machine),
    'peak memory: of the process until the end of the test, tests of one configuration sharing one.',
  ];
}

/** The head names the engine of the first row, which beside a GPU is the CPU's. */
function gpuLines(rows: BenchResults['rows'], { engine }: BenchResults['machine']): string[] {
  if (!isAvailable(engine) || engine.backend === 'cpu') return [];
  const faster = rows.some(({ speedUp }) => isAvailable(speedUp))
    ? ["speed-up: tokens a second as a multiple of the CPU's."]
    : [];
  return [`${engine.backend}: ${engine.devices.join(', ')}.`, ...faster];
}

function section(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', ...lines];
}

function figure<Value>(
  value: Value | Unavailable,
  write: (value: Exclude<Value, Unavailable>) => string,
): string {
  return isAvailable(value) ? write(value) : ABSENT;
}

/** As llama-bench prints it. */
export function rateText({ meanTps, stddevTps }: { meanTps: number; stddevTps: number }): string {
  return `${meanTps.toFixed(2)} ± ${stddevTps.toFixed(2)}`;
}

function gigabytes(bytesPerSecond: number): string {
  return `${(bytesPerSecond / 1e9).toFixed(2)} GB/s`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

/** Parameters as llama-bench prints them: 4.20 M, 3.82 B. */
export function millions(count: number): string {
  return count >= 1e9 ? `${(count / 1e9).toFixed(2)} B` : `${(count / 1e6).toFixed(2)} M`;
}
