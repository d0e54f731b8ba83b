import { pageOf } from '../../api/report/report.ts';
import type { Report } from '../../report/report.ts';
import { writeOutput } from '../../util/output-file.ts';

/** Writes the page of one comparison. @throws UsageError `output/unwritable` */
export async function writeComparisonPage(path: string, report: Report, signal: AbortSignal): Promise<void> {
  const hint = 'Free some space, or name another file with --html.';
  await writeOutput(path, await pageOf(report, signal), hint);
}
