import { isAvailable } from '../schema/availability.ts';
import type { BenchResults, BenchRow } from '../schema/bench.ts';
import { counted, formatBytes } from '../util/units.ts';
import { BENCH_SETTINGS, MARKDOWN_DEFAULTS, metricsOf, repetitionText, SPEED_UP } from './bench-columns.ts';
import { benchCsvHead, benchCsvRow } from './bench-csv.ts';
import { describeEngine, describeMachine, describeThreads } from './provenance.ts';
import { plainStyle, type Style } from './style.ts';
import { curveLines, SUSTAINED_LEGEND } from './sustained.ts';
import { type Column, type FilledColumn, fillColumns } from './table.ts';
import { escaped, tableMarkdown } from './table-markdown.ts';
import { headerLines, rowLines } from './table-text.ts';
import { printable, wrap } from './text-width.ts';

/** Writes a run as it goes: lines before the first row, with each row and after the last. */
export interface BenchWriter {
  readonly head: (results: BenchResults) => readonly string[];
  readonly row: (row: BenchRow, results: BenchResults) => readonly string[];
  readonly end: (results: BenchResults) => readonly string[];
}

export interface BenchWriterOptions {
  readonly width?: number;
  readonly style?: Style;
  /** Names of settings and metrics that the Markdown table has besides its usual ones. */
  readonly shown?: readonly string[];
}

const nothing = () => [];

const writers = {
  table: terminalWriter,
  md: markdownWriter,
  csv: () => ({
    head: () => [benchCsvHead()],
    row: (row, results) => [benchCsvRow(row, results)],
    end: nothing,
  }),
  json: () => ({ head: nothing, row: nothing, end: (results) => [JSON.stringify(results, null, 2)] }),
  jsonl: () => ({ head: nothing, row: (row) => [JSON.stringify(row)], end: nothing }),
} as const satisfies Record<string, (options: BenchWriterOptions) => BenchWriter>;

export type BenchFormat = keyof typeof writers;

export function benchWriter(format: BenchFormat, options: BenchWriterOptions = {}): BenchWriter {
  const make: (options: BenchWriterOptions) => BenchWriter = writers[format];
  return make(options);
}

/** A run that is over, as one text. */
export function benchText(
  format: Extract<BenchFormat, 'table' | 'md'>,
  results: BenchResults,
  options: BenchWriterOptions = {},
): string {
  const writer = benchWriter(format, options);
  const rows = results.rows.flatMap((row) => writer.row(row, results));
  return [...writer.head(results), ...rows, ...writer.end(results)].join('\n');
}

const NAME_WIDTH = 16;
/** With the minutes in it. */
const WIDE_NAME_WIDTH = 22;

/** For a terminal: a heading for each model and configuration, its tests below it, a line as each test ends. */
function terminalWriter({ width = 100, style = plainStyle }: BenchWriterOptions): BenchWriter {
  let heading = '';
  const layoutOf = ({ minutes }: BenchResults) => ({
    width,
    style,
    nameWidth: minutes === undefined ? NAME_WIDTH : WIDE_NAME_WIDTH,
  });
  const wrapped = (text: string) => wrap(printable(text), width, '  ');
  return {
    head: (results) => [
      ...wrapped(`${describeMachine(results.machine)}.`),
      ...wrapped(
        `${describeEngine(results.machine, results.tool.version)}; ${repetitionText(results)}, seed ${results.seed}.`,
      ),
    ],
    row: (row, results) => {
      const metrics = metricsOf(results).filter(({ optional }) => !optional || isAvailable(row.speedUp));
      const columns = fillColumns(metrics, [row]);
      const own = headingOf(row);
      const head =
        own === heading
          ? []
          : ['', ...wrapped(own).map(style.bold), ...headerLines('', columns, layoutOf(results))];
      heading = own;
      const shown: readonly FilledColumn[] =
        row.failure === null
          ? columns
          : fillColumns<string>(
              [{ title: '', overflow: 'wrap', read: (text) => ({ text, tone: 'bad' }) }],
              [printable(`failed: ${row.failure.message}`)],
            );
      return [
        ...head,
        ...rowLines({ title: '', heads: [{ name: row.test.name }], columns: shown }, layoutOf(results)),
        ...curveLines(row).flatMap((line) => wrap(line, width - 2, '  ').map((part) => `  ${part}`)),
      ];
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

function section(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', ...lines];
}

function headingOf({ model, config, backend, onCpu }: BenchRow): string {
  const parameters = model.parameters === null ? [] : [`${millions(model.parameters)} parameters`];
  const on = isAvailable(backend) ? backend : config.gpu;
  const threads =
    config.threads === null ? [] : [describeThreads(config.threads, config.promptThreads ?? config.threads)];
  return [
    `${model.label}: ${formatBytes(model.sizeBytes)}`,
    ...parameters,
    on,
    ...onCpu.map((what) => `${what} on the CPU`),
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
    const rates = tried.map(
      ({ threads, promptTps, generationTps }) =>
        `${threads}: ${promptTps.toFixed(0)} and ${generationTps.toFixed(0)} t/s`,
    );
    return (
      `Threads of ${ref} on ${backend}: ${promptThreads} for prompts, ${generationThreads} for generation ` +
      `(tried ${rates.join('; ')}).`
    );
  });
}

function legend({ rows, repetitions, machine, minutes }: BenchResults): string[] {
  if (!rows.some(({ status }) => status === 'ok')) return [];
  if (minutes !== undefined) return [SUSTAINED_LEGEND, ...gpuLines(rows, machine)];
  return [
    `pp: prompt tokens read a second; tg: tokens generated a second; @d: after so many tokens in the cache; ` +
      `±: standard deviation of ${counted(repetitions, 'run')}.`,
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

/** A GitHub table with llama-bench's names of the settings; the machine stands above it and what to beware of below. */
function markdownWriter({ shown = [] }: BenchWriterOptions): BenchWriter {
  const settings = Object.entries<Column<BenchRow>>(BENCH_SETTINGS)
    .filter(([name]) => !(name in MARKDOWN_DEFAULTS) || shown.includes(name))
    .map(([title, column]): Column<BenchRow> => ({ ...column, title }));
  const columnsOf = (results: BenchResults): Column<BenchRow>[] => [
    { title: 'model', align: 'left', read: ({ model }) => model.label },
    { title: 'size', read: ({ model }) => formatBytes(model.sizeBytes) },
    {
      title: 'params',
      read: ({ model }) => (model.parameters === null ? null : millions(model.parameters)),
    },
    ...settings,
    { title: 'test', align: 'left', read: ({ test }) => test.name },
    ...metricsOf(results)
      .filter(({ title }) => title !== SPEED_UP || shown.includes(title))
      .map(withFailure),
  ];
  const lines = (rows: readonly BenchRow[], results: BenchResults) =>
    tableMarkdown({ title: '', columns: fillColumns(columnsOf(results), rows) }).split('\n');
  return {
    head: (results) => [
      `${escaped(describeMachine(results.machine))}; ${escaped(describeEngine(results.machine, results.tool.version))}`,
      '',
      ...lines([], results),
    ],
    row: (row, results) => lines([row], results).slice(2),
    end: ({ rows, warnings }) => {
      const curves = rows.filter(({ sustained }) => sustained !== undefined);
      const notes = [
        ...curves.map((row) => [`${row.model.label} ${row.test.name}`, ...curveLines(row)].join('; ')),
        ...warnings.map(({ message, hint }) => `Warning: ${message}. ${hint}`),
      ];
      return notes.length === 0 ? [] : ['', ...notes.map((note) => `- ${escaped(note)}`)];
    },
  };
}

/** A row that failed says why where its speed would stand, which is headed as llama-bench heads it: `t/s`. */
function withFailure(column: Column<BenchRow>, index: number): Column<BenchRow> {
  const read: Column<BenchRow>['read'] = (row) =>
    row.failure === null ? column.read(row, 0) : `failed: ${row.failure.message}`;
  return { ...column, heading: column.title, ...(index === 0 ? { read } : {}) };
}

/** Parameters as llama-bench prints them: 4.20 M, 3.82 B. */
function millions(count: number): string {
  return count >= 1e9 ? `${(count / 1e9).toFixed(2)} B` : `${(count / 1e6).toFixed(2)} M`;
}
