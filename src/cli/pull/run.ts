import { locateRefs, type PlannedFile, planPull, pull } from '../../hub/index.ts';
import { printable } from '../../report/text-width.ts';
import { formatBytes } from '../../util/units.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { confirmDownload } from '../model-files.ts';
import { refAccess } from '../ref-access.ts';
import { terminalStyle } from '../style.ts';
import type { PullCommandOptions } from './command.ts';
import { pullProgress } from './progress.ts';

/** What `pull --json` prints. */
interface PullReport {
  readonly schema: 'quantscope/pull@1';
  readonly dryRun: boolean;
  readonly totalBytes: number;
  /** Downloaded by this run; in a dry run, what would be. */
  readonly missingBytes: number;
  readonly files: readonly {
    readonly ref: string;
    readonly repo: string;
    readonly commit: string;
    readonly file: string;
    readonly bytes: number;
    /** SHA-256, or git's SHA-1 for a file that git keeps; null where only the cache was asked. */
    readonly objectId: string | null;
    readonly state: 'cached' | 'linked' | 'downloaded' | 'absent' | 'partial';
    readonly path: string;
  }[];
}

/** The pull command's work: refs to a plan, a question, the download, and where the files are. */
export async function runPull(
  refs: readonly string[],
  options: PullCommandOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { dryRun = false, yes = false, json = false, quiet = false, files, connections, timeout } = options;
  const progress = pullProgress({
    stream: process.stderr,
    quiet,
    now: () => performance.now(),
    style: terminalStyle(process.stderr),
  });
  try {
    const access = await refAccess({ signal, notice: progress.say, idleTimeoutMs: timeout * 1000 });
    const located = await locateRefs(refs, access);
    const plan = await planPull(
      located.filter((model) => model.kind === 'hub'),
      access.hub,
    );
    for (const model of located) {
      if (model.kind === 'local') progress.say(`${model.ref} is on this machine already`);
      if (model.kind === 'url') progress.say(`${model.ref} is no file of the Hub: pull has no place for it`);
    }
    const states = new Map<PlannedFile, PullReport['files'][number]['state']>(
      plan.files.map((file) => [file, plannedState(file)]),
    );
    if (!dryRun) {
      if (plan.missingBytes > 0) await confirmDownload(plan, { yes, signal });
      progress.start(plan);
      const pulled = await pull(
        plan,
        {
          files,
          connections,
          onProgress: (file, { doneBytes }) => progress.update(file, doneBytes),
          onFileEnd: progress.finishFile,
        },
        access.hub,
      );
      for (const { file, state } of pulled) states.set(file, state);
    }
    progress.stop();
    const report: PullReport = {
      schema: 'quantscope/pull@1',
      dryRun,
      totalBytes: plan.totalBytes,
      missingBytes: plan.missingBytes,
      files: plan.files.map((file) => ({
        ref: file.ref,
        repo: file.repo,
        commit: file.commit,
        file: file.path,
        bytes: file.sizeBytes,
        objectId: file.objectId || null,
        state: states.get(file) ?? 'absent',
        path: file.place,
      })),
    };
    process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : describe(report, located));
    return located.some(({ kind }) => kind === 'url') ? EXIT.usage : EXIT.done;
  } finally {
    progress.stop();
  }
}

function plannedState(file: PlannedFile): 'cached' | 'linked' | 'absent' | 'partial' {
  if (file.state === 'cached') return 'cached';
  if (file.state === 'blob') return 'linked';
  return file.partialBytes > 0 ? 'partial' : 'absent';
}

/** Paths alone, for scripts; in a dry run what would happen to each file. */
function describe(
  report: PullReport,
  located: readonly { readonly kind: string; readonly ref: string; readonly path?: string }[],
): string {
  const local = located.flatMap(({ kind, path }) => (kind === 'local' && path !== undefined ? [path] : []));
  if (!report.dryRun)
    return [...local, ...report.files.map(({ path }) => path)].map((path) => `${path}\n`).join('');
  const lines = report.files.map(({ repo, file, bytes, state }) => {
    return `${state.padEnd(8)} ${formatBytes(bytes).padStart(10)}  ${printable(`${repo}/${file}`)}`;
  });
  const total = `would download ${formatBytes(report.missingBytes)} of ${formatBytes(report.totalBytes)}`;
  return `${[...lines, total].join('\n')}\n`;
}
