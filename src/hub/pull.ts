import { partialPath, snapshotPath, sweepPartials, writeRef } from './cache-layout.ts';
import type { HubContext } from './context.ts';
import { requireSpace } from './disk.ts';
import { downloadFile, type FileState, type PinnedFile, stateOf } from './download.ts';
import type { LocatedModel } from './locate.ts';
import { partialBytes } from './partial.ts';
import { SlabPool } from './slab-pool.ts';
import type { TransferOptions, TransferProgress } from './transfer.ts';
import type { UrlRecord } from './url-cache.ts';
import { downloadUrl, type UrlFile } from './url-download.ts';
import { planUrl } from './url-plan.ts';

/** One file that a pull is about. */
export interface PlannedFile {
  readonly ref: string;
  /** What a person calls it: `owner/repo/path`, or its address. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly origin:
    | ({ readonly kind: 'hub' } & PinnedFile)
    | ({ readonly kind: 'url' } & UrlFile)
    /** Fetched from an address before, and still what is wanted as far as can be told. */
    | { readonly kind: 'kept'; readonly record: UrlRecord };
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
  /** SHA-256, or git's SHA-1 for a file that git keeps; null where only the cache was asked. */
  readonly objectId: string | null;
  /** false: nobody said what the digest would be, so the size is all that was checked. */
  readonly verified: boolean;
}

export interface PullOptions {
  /** Files at once. */
  readonly files: number;
  readonly connections: number | 'auto';
  readonly onProgress?: (file: PlannedFile, progress: TransferProgress) => void;
  readonly onFileEnd?: (pulled: PulledFile) => void;
}

type RemoteModel = Exclude<LocatedModel, { kind: 'local' }>;

/**
 * What pulling these models would take. Only the servers of plain addresses are asked.
 * @throws QuantscopeError what {@link planUrl} throws
 */
export async function planPull(models: readonly RemoteModel[], context: HubContext): Promise<PullPlan> {
  const files = new Map<string, PlannedFile>();
  const refs = new Map<string, PullPlan['refs'][number]>();
  for (const model of models) {
    const planned = model.kind === 'url' ? await planUrl(model, context) : await planHub(model, context);
    for (const file of planned) if (!files.has(file.place)) files.set(file.place, file);
    if (model.kind === 'url' || model.listing.source === 'cache') continue;
    const { repo, revision, commit } = model.listing;
    refs.set(`${repo}@${revision}`, { repo, revision, commit });
  }
  const all = [...files.values()];
  return {
    files: all,
    totalBytes: sum(all.map(({ sizeBytes }) => sizeBytes)),
    missingBytes: sum(
      all.map(({ state, sizeBytes, partialBytes: have }) => (state === 'absent' ? sizeBytes - have : 0)),
    ),
    refs: [...refs.values()],
  };
}

async function planHub(
  { ref, listing, model }: Extract<LocatedModel, { kind: 'hub' }>,
  { settings: { cacheFolder } }: HubContext,
): Promise<PlannedFile[]> {
  const { repo, commit, source } = listing;
  const files: PlannedFile[] = [];
  for (const { path, sizeBytes, objectId } of model.files) {
    const file: PinnedFile = { repo, commit, path, sizeBytes, objectId };
    const state = source === 'cache' ? 'cached' : await stateOf(file, cacheFolder);
    files.push({
      ref,
      name: `${repo}/${path}`,
      sizeBytes,
      origin: { kind: 'hub', ...file },
      state,
      partialBytes:
        state === 'absent' ? await partialBytes(partialPath(cacheFolder, repo, objectId), file) : 0,
      place: snapshotPath(cacheFolder, repo, commit, path),
    });
  }
  return files;
}

/**
 * Downloads what a plan lacks, several files at once. The first failure stops the others, whose partial files stay.
 * @throws QuantscopeError what {@link downloadFile} throws; the signal's reason
 */
export async function pull(plan: PullPlan, options: PullOptions, context: HubContext): Promise<PulledFile[]> {
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const own: HubContext = { ...context, signal };
  const slabs = new SlabPool();
  await requirePlanSpace(plan, context);
  const pulled = new Map<PlannedFile, PulledFile>();
  const queue = [...plan.files];
  let failure: { readonly thrown: unknown } | undefined;
  const worker = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined && !signal.aborted; file = queue.shift()) {
      const current = file;
      try {
        const onProgress = (progress: TransferProgress) => options.onProgress?.(current, progress);
        const transferOptions = { connections: options.connections, slabs, onProgress };
        const result = await fetchPlanned(current, transferOptions, own);
        pulled.set(current, result);
        options.onFileEnd?.(result);
      } catch (thrown) {
        failure ??= { thrown };
        stop.abort(thrown);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, options.files) }, worker));
  if (context.signal.aborted && pulled.size < plan.files.length) {
    context.notice('interrupted: what was received is kept, and the same command goes on from there');
  }
  context.signal.throwIfAborted();
  if (failure !== undefined) throw failure.thrown;
  const { cacheFolder } = context.settings;
  for (const { repo, revision, commit } of plan.refs) {
    await writeRef(cacheFolder, repo, revision, commit);
    await sweepPartials(cacheFolder, repo, Date.now());
  }
  return plan.files.flatMap((file) => pulled.get(file) ?? []);
}

/** Each file is checked again when its turn comes; this is for several that fit one by one and not together. */
async function requirePlanSpace({ files }: PullPlan, { settings }: HubContext): Promise<void> {
  const missing = files.filter(({ origin, state }) => origin.kind === 'hub' && state === 'absent');
  if (missing.length < 2) return;
  const bytes = sum(missing.map(({ sizeBytes, partialBytes: have }) => sizeBytes - have));
  await requireSpace(settings.cacheFolder, bytes, `${missing.length} files`);
}

async function fetchPlanned(
  file: PlannedFile,
  options: TransferOptions,
  context: HubContext,
): Promise<PulledFile> {
  const { origin, place: path } = file;
  switch (origin.kind) {
    case 'kept':
      return {
        file,
        path,
        state: 'cached',
        objectId: origin.record.sha256,
        verified: origin.record.verified,
      };
    case 'url': {
      const { sha256, verified } = await downloadUrl(origin, options, context);
      return { file, path, state: 'downloaded', objectId: sha256, verified };
    }
    case 'hub': {
      const objectId = origin.objectId || null;
      if (file.state === 'cached') return { file, path, state: 'cached', objectId, verified: true };
      return { file, ...(await downloadFile(origin, options, context)), objectId, verified: true };
    }
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
