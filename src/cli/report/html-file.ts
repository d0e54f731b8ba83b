import { comparisonPage } from '../../api/report/report.ts';
import type { Results } from '../../schema/results.ts';
import { writeOutput } from '../../util/output-file.ts';

/** Writes the page of one comparison. @throws UsageError `output/unwritable` */
export async function writeComparisonPage(
  path: string,
  results: Results,
  signal: AbortSignal,
): Promise<void> {
  const hint = 'Free some space, or name another file with --html.';
  await writeOutput(path, await comparisonPage(results, signal), hint);
}
