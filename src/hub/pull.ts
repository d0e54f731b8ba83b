import { partialPath, snapshotPath, sweepPartials, writeRef } from './cache-layout.ts';
import type { HubContext } from './context.ts';
import { downloadFile, type FileState, type PinnedFile, stateOf } from './download.ts';
import type { LocatedModel } from './locate.ts';
import { partialBytes } from './partial.ts';
import type { TransferProgress } from './transfer.ts';

/** One file that a pull is about. */
export interface PlannedFile extends PinnedFile {
  readonly ref: string;
  /** `blob`: the bytes are there under another revision and only need a link. */
  readonly state: 'cached' | 'blob' | 'absent';
  /** Bytes that an earlier attempt left. */
  readonly partialBytes: number;
  /** Where it will be. */
  readonly place: string;
}

export interface PullPlan {
  readonly files: readonly PlannedFile[];
  readonly totalBytes: number;
  /** What is still to be downloaded. */
  readonly missingBytes: number;
  /** Revisions to be written once their files are in place. */
  readonly refs: readonly { readonly repo: string; readonly revision: string; readonly commit: string }[];
}

export interface PulledFile {
  readonly file: PlannedFile;
  readonly path: string;
  readonly state: FileState;
}

export interface PullOptions {
  /** Files at once. */
  readonly files: number;
  readonly connections: number | 'auto';
  readonly onProgress?: (file: PlannedFile, progress: TransferProgress) => void;
  readonly onFileEnd?: (file: PlannedFile, state: FileState) => void;
}

type HubLocated = Extract<LocatedModel, { kind: 'hub' }>;

/** What pulling these models would take. Asks nobody. */
export async function planPull(models: readonly HubLocated[], context: HubContext): Promise<PullPlan> {
  const { cacheFolder } = context.settings;
  const files: PlannedFile[] = [];
  const refs = new Map<string, PullPlan['refs'][number]>();
  for (const { ref, listing, model } of models) {
    const { repo, revision, commit, source } = listing;
    if (source === 'hub') refs.set(`${repo}@${revision}`, { repo, revision, commit });
    for (const { path, sizeBytes, objectId } of model.files) {
      if (files.some((other) => other.repo === repo && other.commit === commit && other.path === path))
        continue;
      const file: PinnedFile = { repo, commit, path, sizeBytes, objectId };
      const state = source === 'cache' ? 'cached' : await stateOf(file, cacheFolder);
      files.push({
        ...file,
        ref,
        state,
        partialBytes:
          state === 'absent' ? await partialBytes(partialPath(cacheFolder, repo, objectId), file) : 0,
        place: snapshotPath(cacheFolder, repo, commit, path),
      });
    }
  }
  return {
    files,
    totalBytes: sum(files.map(({ sizeBytes }) => sizeBytes)),
    missingBytes: sum(
      files.map(({ state, sizeBytes, partialBytes: have }) => (state === 'absent' ? sizeBytes - have : 0)),
    ),
    refs: [...refs.values()],
  };
}

/**
 * Downloads what a plan lacks, several files at once. The first failure stops the others, whose partial files stay.
 * @throws QuantscopeError what {@link downloadFile} throws; the signal's reason
 */
export async function pull(plan: PullPlan, options: PullOptions, context: HubContext): Promise<PulledFile[]> {
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const own: HubContext = { ...context, signal };
  const pulled = new Map<PlannedFile, PulledFile>();
  const queue = [...plan.files];
  let failure: { readonly thrown: unknown } | undefined;
  const worker = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined && !signal.aborted; file = queue.shift()) {
      const current = file;
      try {
        const result =
          current.state === 'cached'
            ? { path: current.place, state: 'cached' as const }
            : await downloadFile(
                current,
                {
                  connections: options.connections,
                  onProgress: (progress) => options.onProgress?.(current, progress),
                },
                own,
              );
        pulled.set(current, { file: current, ...result });
        options.onFileEnd?.(current, result.state);
      } catch (thrown) {
        failure ??= { thrown };
        stop.abort(thrown);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, options.files) }, worker));
  context.signal.throwIfAborted();
  if (failure !== undefined) throw failure.thrown;
  const { cacheFolder } = context.settings;
  for (const { repo, revision, commit } of plan.refs) {
    await writeRef(cacheFolder, repo, revision, commit);
    await sweepPartials(cacheFolder, repo, Date.now());
  }
  return plan.files.flatMap((file) => pulled.get(file) ?? []);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
