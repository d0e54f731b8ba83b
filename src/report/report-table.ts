import { renderBars } from './bars.ts';
import { benchText } from './bench.ts';
import { renderChanges } from './changes.ts';
import { renderComparison, type TableOptions } from './comparison.ts';
import { renderHistory } from './history.ts';
import { renderKitCheck } from './kit-check.ts';
import { otherTexts } from './other-texts.ts';
import type { Report } from './report.ts';
import { plainStyle } from './style.ts';
import { printable } from './text-width.ts';

export interface ReportTableOptions extends TableOptions {
  /** Bars below the tables: for a terminal. */
  readonly charts?: boolean;
}

/** The terminal form of a report: one comparison per machine, with what changed since its baseline; then benches and phones. */
export function renderReportTable(report: Report, options: ReportTableOptions = {}): string {
  const style = options.style ?? plainStyle;
  const others = otherTexts(report, options);
  const parts = report.machines.length + report.benches.length + report.phones.length + others.length;
  const changesOf = (label: string, of: Report['changes'][number]['of']) =>
    report.changes
      .filter((change) => change.machine === label && change.of === of)
      .map((change) => renderChanges(change, options));
  const blocks = report.machines.flatMap(({ label, results }) => [
    ...(parts > 1 ? [style.bold(`== ${printable(label)}`)] : []),
    renderComparison(results, options),
    ...(options.charts ? [renderBars(results, options)] : []),
    ...changesOf(label, 'comparison'),
  ]);
  const benches = report.benches.flatMap(({ label, results }) => [
    style.bold(`== ${printable(label)}, bench`),
    benchText('table', results, options),
    ...changesOf(label, 'bench'),
  ]);
  const phones = report.phones.flatMap(({ label, check }) => [
    style.bold(`== ${printable(label)}, kit check`),
    renderKitCheck(check, options),
  ]);
  const texts = others.flatMap(({ title, of, label, text }) => [
    ...(parts > 1 ? [style.bold(`== ${printable(title)}`)] : []),
    text,
    ...changesOf(label, of),
  ]);
  return [...blocks, ...benches, ...phones, ...texts, renderHistory(report.history)]
    .filter((block) => block !== '')
    .join('\n\n');
}
