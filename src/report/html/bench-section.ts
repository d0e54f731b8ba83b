import { isAvailable } from '../../schema/availability.ts';
import type { BenchRow } from '../../schema/bench.ts';
import { BENCH_METRICS, BENCH_SETTINGS } from '../bench-columns.ts';
import { type MachineBench, type Report, rowsOf } from '../report.ts';
import { type Column, fillColumns, type Table } from '../table.ts';
import { printable } from '../text-width.ts';
import { isDrawable } from './axes.ts';
import { type Bar, barChart } from './bar-charts.ts';
import { html, type Markup } from './markup.ts';
import type { Section } from './page-frame.ts';
import { chartFigure, htmlTable } from './tables.ts';

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
    // Minutes of use have a section of their own.
    results.rows
      .filter(({ sustained }) => sustained === undefined)
      .map((row): TestRow => ({ machine: printable(label), row })),
  );
  if (rows.length === 0) return null;
  const firstRow = rowsOf(report).length;
  const failed = rows.filter(({ row }) => row.failure !== null);
  return {
    id: 'bench',
    title: 'Speed by bench',
    content: html`<p class="lead">pp: prompt tokens read a second; tg: tokens generated a second; @d: after so many tokens in the cache. Whiskers and ± are the standard deviation of ${repetitionsOf(benches)}.</p>
${charts(rows, firstRow)}${htmlTable('Tests of bench', tableOf(rows), { firstRow })}${failed.length === 0 ? null : html`<ul class="notes">${failed.map(({ machine, row }) => html`<li class="warning">${row.model.label} ${row.test.name} on ${machine} failed: ${row.failure?.message ?? ''}</li>`)}</ul>`}`,
  };
}

function repetitionsOf(benches: readonly MachineBench[]): string {
  const timed = benches.filter(({ results }) => results.minutes === undefined);
  const counts = [...new Set(timed.map(({ results }) => results.repetitions))];
  return `${counts.join(' or ')} ${counts.join() === '1' ? 'run' : 'runs'}`;
}

/** One chart per test that several bars can be compared in. */
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
    return [
      chartFigure(test, barChart(`${test}: tokens a second; figures in the table below`, 'tokens/s', bars)),
    ];
  });
  return drawn.length === 0 ? null : html`${machineNumbers(rows)}<div class="pair">${drawn}</div>`;
}

/** What tells a bar from the others of its test: the model, its settings as far as they vary, and the machine's number. */
function namesIn(rows: readonly TestRow[]): (row: TestRow) => string {
  const facts: readonly ((row: BenchRow) => string)[] = [
    ({ model }) => model.label,
    ...SETTINGS.map((column) => (row: BenchRow) => {
      const text = settingText(column, row);
      return column === BENCH_SETTINGS.backend ? text : `${column.title} ${text}`;
    }),
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

const SETTINGS: readonly Column<BenchRow>[] = Object.values(BENCH_SETTINGS);
/** Shown even where they are the same in all rows. */
const ALWAYS_SHOWN: readonly Column<BenchRow>[] = [BENCH_SETTINGS.backend, BENCH_SETTINGS.threads];

function settingText(column: Column<BenchRow>, row: BenchRow): string {
  return fillColumns([column], [row])[0]?.cells[0]?.text ?? '';
}

function tableOf(rows: readonly TestRow[]): Table {
  const settings = SETTINGS.filter(
    (column) =>
      ALWAYS_SHOWN.includes(column) || new Set(rows.map(({ row }) => settingText(column, row))).size > 1,
  );
  const text = (title: string, read: (row: TestRow) => string): Column<TestRow> => ({
    title,
    align: 'left',
    read,
  });
  const columns = fillColumns<TestRow>(
    [
      text('machine', ({ machine }) => machine),
      ...settings.map((column) => text(column.title, ({ row }) => printable(settingText(column, row)))),
      text('test', ({ row }) => row.test.name),
      ...BENCH_METRICS.map(
        (column): Column<TestRow> => ({ ...column, read: ({ row }, index) => column.read(row, index) }),
      ),
    ],
    rows,
  );
  return {
    title: 'model',
    heads: rows.map(({ row }) => ({ name: printable(row.model.label) })),
    columns: columns.filter(({ cells }) => cells.some(({ text: shown }) => shown !== null && shown !== '')),
  };
}

/** As the table below has it. */
function rateText({ meanTps, stddevTps }: { readonly meanTps: number; readonly stddevTps: number }): string {
  return `${meanTps.toFixed(2)} ± ${stddevTps.toFixed(2)}`;
}
