import { isAvailable, type Unavailable } from '../../schema/availability.ts';
import type { BenchRow } from '../../schema/bench.ts';
import { formatRatio } from '../../util/units.ts';
import { rateDecimals } from '../numbers.ts';
import { describeThreads } from '../provenance.ts';
import { type MachineBench, type Report, rowsOf } from '../report.ts';
import { printable } from '../text-width.ts';
import { isDrawable } from './axes.ts';
import { type Bar, barChart } from './bar-charts.ts';
import type { Section } from './cost-sections.ts';
import { html, type Markup } from './markup.ts';
import { figure, type SortableColumn, sortableTable } from './tables.ts';

const MEBI = 1024 ** 2;

/** A test of bench and the machine that ran it. */
interface TestRow {
  readonly machine: string;
  readonly row: BenchRow;
}

/** Speeds that bench measured, every machine's beside the others'. */
export function benchSection(report: Report): Section | null {
  const { benches } = report;
  if (benches.length === 0) return null;
  const rows = benches.flatMap(({ label, results }) =>
    results.rows.map((row): TestRow => ({ machine: printable(label), row })),
  );
  const firstRow = rowsOf(report).length;
  const failed = rows.filter(({ row }) => row.failure !== null);
  return {
    id: 'bench',
    title: 'Speed by bench',
    content: html`<p class="lead">pp: prompt tokens read a second; tg: tokens generated a second; @d: after so many tokens in the cache. Whiskers and ± are the standard deviation of ${repetitionsOf(benches)}.</p>
${charts(rows, firstRow)}${sortableTable('Tests of bench', columnsOf(rows), firstRow)}${failed.length === 0 ? null : html`<ul class="notes">${failed.map(({ machine, row }) => html`<li class="warning">${row.model.label} ${row.test.name} on ${machine} failed: ${row.failure?.message ?? ''}</li>`)}</ul>`}`,
  };
}

function repetitionsOf(benches: readonly MachineBench[]): string {
  const counts = [...new Set(benches.map(({ results }) => results.repetitions))];
  return `${counts.join(' or ')} ${counts.join() === '1' ? 'run' : 'runs'}`;
}

/** A chart a test that several bars can be compared in. */
function charts(rows: readonly TestRow[], firstRow: number): Markup | null {
  const nameOf = namesIn(rows);
  const tests = [...new Set(rows.map(({ row }) => row.test.name))];
  const drawn = tests.flatMap((test) => {
    const bars = rows.flatMap(({ row, machine }, index): Bar[] => {
      const { speed } = row;
      if (row.test.name !== test || !isAvailable(speed) || !isDrawable(speed.meanTps)) return [];
      const { meanTps: value, stddevTps: error } = speed;
      const name = nameOf({ row, machine });
      return [{ row: firstRow + index, name, value, error, text: rateText(speed), isRecommended: false }];
    });
    if (bars.length < 2) return [];
    return [figure(test, barChart(`${test}: tokens a second; figures in the table below`, 'tokens/s', bars))];
  });
  return drawn.length === 0 ? null : html`${machineNumbers(rows)}<div class="pair">${drawn}</div>`;
}

/** What tells a bar from the others of its test: the model, its setup as far as that varies, and the machine's number. */
function namesIn(rows: readonly TestRow[]): (row: TestRow) => string {
  const facts: readonly ((row: BenchRow) => string)[] = [
    ({ model }) => model.label,
    ...SETUP.map(({ read }) => read),
  ];
  const telling = facts.filter((read) => new Set(rows.map(({ row }) => read(row))).size > 1);
  const machines = machinesOf(rows);
  return ({ row, machine }) => {
    const parts = (telling.length === 0 ? facts.slice(0, 1) : telling).map((read) => printable(read(row)));
    const number = machines.length > 1 ? ` · ${machines.indexOf(machine) + 1}` : '';
    return parts.join(', ') + number;
  };
}

function machineNumbers(rows: readonly TestRow[]): Markup | null {
  const machines = machinesOf(rows);
  if (machines.length < 2) return null;
  return html`<p class="note">In the charts: ${machines.map((machine, index) => `${index + 1} ${machine}`).join('; ')}.</p>`;
}

function machinesOf(rows: readonly TestRow[]): string[] {
  return [...new Set(rows.map(({ machine }) => machine))];
}

interface Setup {
  readonly title: string;
  readonly read: (row: BenchRow) => string;
  readonly cell?: (row: BenchRow) => string;
}

/** What a grid varies; a column each where it does. `read` tells a bar, `cell` stands under the column's title. */
const SETUP: readonly Setup[] = [
  { title: 'backend', read: ({ backend, config }) => (isAvailable(backend) ? backend : config.gpu) },
  {
    title: 'threads',
    read: ({ config: { threads, promptThreads } }) =>
      threads === null ? '' : describeThreads(threads, promptThreads ?? threads),
    cell: ({ config: { threads, promptThreads } }) =>
      threads === promptThreads ? String(threads ?? '') : `${promptThreads} prompt, ${threads} gen.`,
  },
  {
    title: 'GPU layers',
    read: ({ config }) => `${config.gpuLayers} GPU layers`,
    cell: ({ config }) => String(config.gpuLayers),
  },
  {
    title: 'batch',
    read: ({ config }) => `batch ${config.batchSize}`,
    cell: ({ config }) => String(config.batchSize),
  },
  { title: 'cache', read: ({ config: { keyType, valueType } }) => `${keyType}/${valueType}` },
  {
    title: 'flash attention',
    read: ({ config }) => `fa ${config.flashAttention}`,
    cell: ({ config }) => config.flashAttention,
  },
];
const ALWAYS_SHOWN = 2;

interface Figure {
  readonly title: string;
  readonly unit: string;
  readonly read: (row: BenchRow) => number | Unavailable;
  readonly write: (value: number, row: BenchRow) => string;
}

const FIGURES: readonly Figure[] = [
  {
    title: 'speed',
    unit: 't/s',
    read: ({ speed }) => (isAvailable(speed) ? speed.meanTps : speed),
    write: (_, { speed }) => (isAvailable(speed) ? rateText(speed) : ''),
  },
  {
    title: 'median',
    unit: 't/s',
    read: ({ speed }) => (isAvailable(speed) ? speed.medianTps : speed),
    write: (value) => value.toFixed(rateDecimals(value)),
  },
  {
    title: 'bandwidth',
    unit: 'GB/s',
    read: ({ effectiveBandwidthBytesPerSecond: rate }) => (isAvailable(rate) ? rate / 1e9 : rate),
    write: (value) => value.toFixed(2),
  },
  {
    title: 'of copy',
    unit: '%',
    read: ({ shareOfCopyBandwidth: share }) => (isAvailable(share) ? share * 100 : share),
    write: (value) => value.toFixed(0),
  },
  { title: 'load', unit: 'ms', read: ({ loadMs }) => loadMs, write: (value) => value.toFixed(1) },
  {
    title: 'peak memory',
    unit: 'MiB',
    read: ({ memory }) =>
      isAvailable(memory)
        ? isAvailable(memory.peakRssBytes)
          ? memory.peakRssBytes / MEBI
          : memory.peakRssBytes
        : memory,
    write: (value) => value.toFixed(1),
  },
  { title: 'speed-up', unit: '× CPU', read: ({ speedUp }) => speedUp, write: (value) => formatRatio(value) },
];

function columnsOf(rows: readonly TestRow[]): SortableColumn[] {
  const text = (title: string, read: (row: TestRow) => string): SortableColumn => {
    const cells = rows.map((row) => ({ text: printable(read(row)), value: null }));
    return { title, unit: '', isText: true, cells };
  };
  const setup = SETUP.filter(
    ({ read }, index) => index < ALWAYS_SHOWN || new Set(rows.map(({ row }) => read(row))).size > 1,
  );
  return [
    text('model', ({ row }) => row.model.label),
    text('machine', ({ machine }) => machine),
    ...setup.map(({ title, read, cell = read }) => text(title, ({ row }) => cell(row))),
    text('test', ({ row }) => row.test.name),
    ...FIGURES.flatMap(({ title, unit, read, write }) => {
      const cells = rows.map(({ row }) => {
        const value = read(row);
        return isAvailable(value) ? { text: write(value, row), value } : { text: '', value: null };
      });
      return cells.every(({ text: shown }) => shown === '') ? [] : [{ title, unit, isText: false, cells }];
    }),
  ];
}

function rateText({ meanTps, stddevTps }: { readonly meanTps: number; readonly stddevTps: number }): string {
  const decimals = rateDecimals(meanTps);
  return `${meanTps.toFixed(decimals)} ± ${stddevTps.toFixed(decimals)}`;
}
