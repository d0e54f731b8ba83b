import { statSync } from 'node:fs';
import type { PlannedFile } from '../../hub/planned-file.ts';
import { type PulledFile, planPull, pull as pullFiles } from '../../hub/pull.ts';
import { type RefAccess, refAccess } from '../../model/access.ts';
import { locateRefs } from '../../model/locate.ts';
import type { PullReport } from '../../schema/hub.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { hostOf } from '../host.ts';
import { PULL_DEFAULTS, type PullRequest } from './request.ts';

/**
 * Downloads models into the Hugging Face cache, or the folder of files from plain addresses, and checks the SHA-256 of
 * every byte: the document of `quantscope pull --json`. What an interruption leaves is used next time.
 * @throws UsageError `ref/*`, `catalogue/*`; QuantscopeError `hub/*`, `url/*`; what `confirm` throws
 */
export async function pull(refs: readonly string[], request: PullRequest = {}): Promise<PullReport> {
  const { dryRun = false, files, connections, timeout } = { ...PULL_DEFAULTS, ...request };
  const { signal, notice, confirm, progress } = hostOf(request);
  const access = await refAccess({ signal, notice, idleTimeoutMs: timeout * 1000 });
  const located = await locateRefs(refs, access);
  const plan = await planPull(located, access.hub);
  for (const line of licenceLines(refs, access)) notice(line);
  let pulled: readonly PulledFile[] = [];
  if (!dryRun) {
    if (plan.missingBytes > 0) await confirm(plan);
    progress({ kind: 'download', plan });
    pulled = await pullFiles(
      plan,
      {
        files,
        connections,
        onProgress: (file, { doneBytes }) => progress({ kind: 'download-bytes', file, doneBytes }),
        onFileEnd: (file) => progress({ kind: 'download-end', file }),
      },
      access.hub,
    );
  }
  progress({ kind: 'idle' });
  const rows = located.flatMap((model) =>
    model.origin.kind === 'local'
      ? localRow(model)
      : plan.files.filter(({ ref }) => ref === model.ref).map((file) => rowOf(file, pulled)),
  );
  return {
    schema: SCHEMA_IDS.pull,
    dryRun,
    totalBytes: plan.totalBytes,
    missingBytes: plan.missingBytes,
    files: [...new Map(rows.map((row) => [row.path, row])).values()],
  };
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
