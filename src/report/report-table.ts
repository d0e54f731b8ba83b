import { renderBars } from './bars.ts';
import { renderChanges } from './baseline-table.ts';
import { renderComparisonTable, type TableOptions } from './comparison-table.ts';
import { renderKitCheck } from './kit-check.ts';
import type { Report } from './report.ts';
import { plainStyle } from './style.ts';
import { printable } from './text-width.ts';

export interface ReportTableOptions extends TableOptions {
  /** Bars below the tables: for a terminal. */
  readonly charts?: boolean;
}

/** The terminal form of a report: a comparison a machine, each with what changed since its baseline. */
export function renderReportTable(report: Report, options: ReportTableOptions = {}): string {
  const style = options.style ?? plainStyle;
  const blocks = report.machines.flatMap(({ label, results }) => {
    const changes = report.changes.filter(({ machine }) => machine === label);
    return [
      ...(report.machines.length > 1 ? [style.bold(`== ${printable(label)}`)] : []),
      renderComparisonTable(results, options),
      ...(options.charts ? [renderBars(results, options)] : []),
      ...changes.map((change) => renderChanges(change, options)),
    ];
  });
  const kits = report.kits.map((kit) => renderKitCheck(kit, options));
  return [...blocks, ...kits].filter((block) => block !== '').join('\n\n');
}
