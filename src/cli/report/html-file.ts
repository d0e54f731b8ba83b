import writeFileAtomic from 'write-file-atomic';
import { layerGridsOf } from '../../api/report/layer-grids.ts';
import { renderHtml } from '../../report/registry.ts';
import { type Report, reportOf } from '../../report/report.ts';
import type { Results } from '../../schema/results.ts';
import { messageOf, UsageError } from '../../util/errors.ts';

/** Writes the page of one comparison. @throws UsageError `output/unwritable` */
export async function writeComparisonPage(
  path: string,
  results: Results,
  signal: AbortSignal,
): Promise<void> {
  const layers = await layerGridsOf(results.variants, signal);
  await writeHtml(path, { ...reportOf(results), layers });
}

/** Writes a report's page, as a whole or not at all. @throws UsageError `output/unwritable` */
export async function writeHtml(path: string, report: Report): Promise<void> {
  const page = await renderHtml(report);
  try {
    await writeFileAtomic(path, page);
  } catch (cause) {
    throw new UsageError('output/unwritable', `${path} cannot be written: ${messageOf(cause)}`, {
      cause,
      hint: 'Free some space, or name another file with --html.',
    });
  }
}
