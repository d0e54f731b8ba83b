import { renderBars } from './bars.ts';
import { benchText } from './bench.ts';
import { renderChanges } from './changes.ts';
import { renderComparison, type TableOptions } from './comparison.ts';
import { renderKitCheck } from './kit-check.ts';
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
  const isOneOfSeveral = report.machines.length + report.benches.length + report.phones.length > 1;
  const blocks = report.machines.flatMap(({ label, results }) => {
    const changes = report.changes.filter(({ machine }) => machine === label);
    return [
      ...(isOneOfSeveral ? [style.bold(`== ${printable(label)}`)] : []),
      renderComparison(results, options),
      ...(options.charts ? [renderBars(results, options)] : []),
      ...changes.map((change) => renderChanges(change, options)),
    ];
  });
  const benches = report.benches.flatMap(({ label, results }) => [
    style.bold(`== ${printable(label)}, bench`),
    benchText('table', results, options),
  ]);
  const phones = report.phones.flatMap(({ label, check }) => [
    style.bold(`== ${printable(label)}, kit check`),
    renderKitCheck(check, options),
  ]);
  return [...blocks, ...benches, ...phones].filter((block) => block !== '').join('\n\n');
}
