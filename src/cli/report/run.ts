import { readConditions } from '../../api/gates/gates.ts';
import { requireJudgeableOn } from '../../api/gates/judge.ts';
import { mergedDocument, pageOf, readReport, reportDocument } from '../../api/report/report.ts';
import { renderCsv } from '../../report/csv.ts';
import { renderMarkdown } from '../../report/markdown.ts';
import { renderBenchmark, renderOpenMetrics } from '../../report/metrics.ts';
import { askedQuestions } from '../../report/replies.ts';
import { renderReplies } from '../../report/replies-text.ts';
import type { Report } from '../../report/report.ts';
import { renderReportTable } from '../../report/report-table.ts';
import type { ReplyFilter } from '../../schema/terms.ts';
import { writeOutput } from '../../util/output-file.ts';
import type { ExitCode } from '../exit.ts';
import type { GateOptions } from '../gate-options.ts';
import { reportGates } from '../gates.ts';
import { noticeUnless } from '../output.ts';
import { terminalStyle } from '../style.ts';

export interface ReportOptions extends GateOptions {
  format?: 'table' | 'md' | 'csv' | 'json' | 'openmetrics' | 'benchmark-bigger' | 'benchmark-smaller';
  html?: string;
  out?: string;
  fit?: string;
  history?: string;
  only?: 'speed' | 'accuracy';
  details?: boolean;
  tasks?: ReplyFilter;
  quiet?: boolean;
}

/** Writes and prints a report, and says by its exit code whether the gates hold. */
export async function runReport(
  paths: readonly string[],
  options: ReportOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { out, html, only, baseline, fit, history } = options;
  const gates = await readConditions(options, ['variant', 'bench', 'context', 'phone']);
  const report = await readReport(paths, { only, baseline, fit, history, signal });
  requireJudgeableOn(report, gates.gates);
  const notice = noticeUnless(options.quiet);
  const hint = 'Free some space, or name another file with';
  if (out !== undefined) {
    await writeOutput(out, `${JSON.stringify(mergedDocument(report), null, 2)}\n`, `${hint} --out.`);
    notice(`The results are in ${out}`);
  }
  if (html !== undefined) {
    await writeOutput(html, await pageOf(report, signal), `${hint} --html.`);
    notice(`The page is in ${html}`);
  }
  const format = options.format ?? (html === undefined && out === undefined ? 'table' : null);
  if (format !== null) process.stdout.write(`${rendered(format, report, options)}\n`);
  return reportGates(gates, report, options);
}

function rendered(
  format: NonNullable<ReportOptions['format']>,
  report: Report,
  { details = false, tasks }: ReportOptions,
): string {
  const layout = {
    style: terminalStyle(process.stdout),
    width: Math.min(100, process.stdout.columns || 100),
  };
  switch (format) {
    case 'md':
      return renderMarkdown(report);
    case 'csv':
      return renderCsv(report);
    case 'json':
      return JSON.stringify(reportDocument(report), null, 2);
    case 'openmetrics':
      return renderOpenMetrics(report);
    case 'benchmark-bigger':
      return renderBenchmark(report, 'higher');
    case 'benchmark-smaller':
      return renderBenchmark(report, 'lower');
    case 'table':
      if (tasks !== undefined) {
        return report.machines
          .map(({ results }) => renderReplies(askedQuestions(results, tasks), layout))
          .join('\n\n');
      }
      return renderReportTable(report, {
        ...layout,
        charts: process.stdout.isTTY === true,
        details,
      });
  }
}
