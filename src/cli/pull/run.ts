import type { Host } from '../../api/host.ts';
import { pull } from '../../api/pull/pull.ts';
import type { PullRequest } from '../../api/pull/request.ts';
import { type Column, fillColumns } from '../../report/table.ts';
import { tableText } from '../../report/table-text.ts';
import { printable } from '../../report/text-width.ts';
import type { PullReport } from '../../schema/hub.ts';
import { formatBytes } from '../../util/units.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { printDocument } from '../output.ts';
import { stdoutLayout } from '../style.ts';
import { type DocumentOptions, terminalHost } from '../terminal.ts';

export type PullOptions = Omit<PullRequest, keyof Host> & DocumentOptions;

export async function runPull(
  refs: readonly string[],
  { json, ...options }: PullOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  using terminal = terminalHost(options, signal);
  const report = await pull(refs, { ...options, ...terminal });
  if (json || report.files.length > 0) printDocument(report, json, () => describe(report));
  return EXIT.done;
}

/** Paths alone, for scripts; in a dry run what would happen to each file. */
function describe({ dryRun, files, missingBytes, totalBytes }: PullReport): string {
  if (!dryRun) return files.map(({ path }) => path).join('\n');
  const columns = fillColumns(FILE_COLUMNS, files);
  const total = `would download ${formatBytes(missingBytes)} of ${formatBytes(totalBytes)}`;
  return [...tableText({ title: '', columns }, stdoutLayout(Number.POSITIVE_INFINITY)), total].join('\n');
}

const FILE_COLUMNS: readonly Column<PullReport['files'][number]>[] = [
  { title: '', align: 'left', read: ({ state }) => state },
  { title: '', read: ({ bytes }) => formatBytes(bytes) },
  {
    title: '',
    overflow: 'wrap',
    read: ({ repo, file }) => printable(repo === null ? file : `${repo}/${file}`),
  },
];
