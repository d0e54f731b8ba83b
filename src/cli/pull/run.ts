import { statSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { type PlannedFile, type PulledFile, planPull, pull } from '../../hub/pull.ts';
import { type RefAccess, refAccess } from '../../model/access.ts';
import { locateRefs } from '../../model/locate.ts';
import { printable } from '../../report/text-width.ts';
import type { PullReport } from '../../schema/hub.ts';
import { formatBytes } from '../../util/units.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { terminalStyle } from '../style.ts';
import { confirmDownload } from '../terminal.ts';
import type { PullCommandOptions } from './command.ts';
import { pullProgress } from './progress.ts';

/**
 * The only WebAssembly of a download is what parses HTTP in Node's own fetch, which lists the files and does not bring
 * them: V8's optimizing compiler takes 28 MiB for it, more than the download of a file of any size does besides.
 */
const PLAIN_WEBASSEMBLY = '--liftoff-only';

/** The pull command's work: refs to a plan, a question, the download, and where the files are. */
export async function runPull(
  refs: readonly string[],
  options: PullCommandOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { dryRun = false, yes = false, json = false, quiet = false, files, connections, timeout } = options;
  setFlagsFromString(PLAIN_WEBASSEMBLY);
  const progress = pullProgress({
    stream: process.stderr,
    quiet,
    now: () => performance.now(),
    style: terminalStyle(process.stderr),
  });
  try {
    const access = await refAccess({ signal, notice: progress.say, idleTimeoutMs: timeout * 1000 });
    const located = await locateRefs(refs, access);
    const plan = await planPull(located, access.hub);
    for (const line of licenceLines(refs, access)) progress.say(line);
    let pulled: readonly PulledFile[] = [];
    if (!dryRun) {
      if (plan.missingBytes > 0) await confirmDownload(plan, { yes, signal });
      progress.start(plan);
      pulled = await pull(
        plan,
        {
          files,
          connections,
          onProgress: (file, { doneBytes }) => progress.update(file, doneBytes),
          onFileEnd: progress.finishFile,
        },
        access.hub,
      );
    }
    progress.stop();
    const rows = located.flatMap((model) =>
      model.origin.kind === 'local'
        ? localRow(model)
        : plan.files.filter(({ ref }) => ref === model.ref).map((file) => rowOf(file, pulled)),
    );
    const report: PullReport = {
      schema: 'quantscope/pull@1',
      dryRun,
      totalBytes: plan.totalBytes,
      missingBytes: plan.missingBytes,
      files: [...new Map(rows.map((row) => [row.path, row])).values()],
    };
    process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : describe(report));
    return EXIT.done;
  } finally {
    progress.stop();
  }
}

type Row = PullReport['files'][number];

function rowOf(file: PlannedFile, pulled: readonly PulledFile[]): Row {
  const { ref, hub, name, sizeBytes: bytes, place: path } = file;
  const result = pulled.find((each) => each.file === file);
  return {
    ref,
    source: hub === null ? 'url' : 'hub',
    repo: hub?.repo ?? null,
    commit: hub?.commit ?? null,
    file: hub?.path ?? name,
    bytes,
    objectId: result?.objectId ?? file.objectId,
    verified: result?.state === 'downloaded' ? result.verified : null,
    state: result?.state ?? plannedState(file),
    path,
  };
}

function localRow({ ref, path }: { readonly ref: string; readonly path: string }): Row {
  const none = { repo: null, commit: null, objectId: null, verified: null };
  return { ref, source: 'local', ...none, file: path, bytes: statSync(path).size, state: 'cached', path };
}

function plannedState(file: PlannedFile): 'cached' | 'linked' | 'absent' | 'partial' {
  if (file.state === 'cached') return 'cached';
  if (file.state === 'blob') return 'linked';
  return file.partialBytes > 0 ? 'partial' : 'absent';
}

/** What one should know before shipping what a name of the catalogue stands for. */
function licenceLines(refs: readonly string[], { catalogue }: RefAccess): string[] {
  const names = new Set(refs.map((ref) => ref.trim().replace(/:.*$/s, '').toLowerCase()));
  return [...names].flatMap((name) => {
    const entry = catalogue.get(name);
    return entry === undefined ? [] : [`${entry.title}: licence ${entry.licence}`];
  });
}

/** Paths alone, for scripts; in a dry run what would happen to each file. */
function describe({ dryRun, files, missingBytes, totalBytes }: PullReport): string {
  if (!dryRun) return files.map(({ path }) => `${path}\n`).join('');
  const lines = files.map(({ repo, file, bytes, state }) => {
    const name = repo === null ? file : `${repo}/${file}`;
    return `${state.padEnd(8)} ${formatBytes(bytes).padStart(10)}  ${printable(name)}`;
  });
  const total = `would download ${formatBytes(missingBytes)} of ${formatBytes(totalBytes)}`;
  return `${[...lines, total].join('\n')}\n`;
}
