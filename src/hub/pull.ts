import { sum } from '../util/sum.ts';
import { BufferPool } from './buffer-pool.ts';
import type { HubContext } from './context.ts';
import { requireSpace } from './disk.ts';
import { downloadFile } from './download.ts';
import { planHubFile } from './hub-file.ts';
import type { HubFile, KnownListing } from './listing.ts';
import type { KeptFile, PlannedFile } from './planned-file.ts';
import { RepoCache } from './repo-cache.ts';
import type { TransferProgress } from './transfer-round.ts';
import { planUrlFiles } from './url-file.ts';

/** Where the files of a model are. */
export type ModelOrigin =
  | { readonly kind: 'local' }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'hub'; readonly listing: KnownListing; readonly files: readonly HubFile[] };

/** What a pull needs to know of a model. */
export interface PullableModel {
  readonly ref: string;
  readonly origin: ModelOrigin;
}

export interface PullPlan {
  readonly files: readonly PlannedFile[];
  readonly totalBytes: number;
  /** What is still to be downloaded. */
  readonly missingBytes: number;
  /** Where the (first) file of each model will be. */
  readonly places: ReadonlyMap<PullableModel, string>;
  /** Revisions to be written once their files are in place. */
  readonly refs: readonly Pick<KnownListing, 'repo' | 'revision' | 'commit'>[];
}

export interface PulledFile extends KeptFile {
  readonly file: PlannedFile;
  readonly path: string;
}

export interface PullOptions {
  /** Files at once. */
  readonly files: number;
  readonly connections: number | 'auto';
  readonly onProgress?: (file: PlannedFile, progress: TransferProgress) => void;
  readonly onFileEnd?: (pulled: PulledFile) => void;
}

/**
 * What pulling these models would take; those on this machine take nothing. Only the servers of plain addresses are
 * asked.
 * @throws QuantscopeError what {@link planUrlFiles} throws
 */
export async function planPull(models: readonly PullableModel[], context: HubContext): Promise<PullPlan> {
  const byPlace = new Map<string, PlannedFile>();
  const places = new Map<PullableModel, string>();
  const refs = new Map<string, PullPlan['refs'][number]>();
  for (const model of models) {
    const planned = await planModel(model, context);
    for (const file of planned) if (!byPlace.has(file.place)) byPlace.set(file.place, file);
    if (planned[0] !== undefined) places.set(model, planned[0].place);
    if (model.origin.kind !== 'hub' || model.origin.listing.source === 'cache') continue;
    const { repo, revision, commit } = model.origin.listing;
    refs.set(`${repo}@${revision}`, { repo, revision, commit });
  }
  const files = [...byPlace.values()];
  return {
    files,
    totalBytes: sum(files.map(({ sizeBytes }) => sizeBytes)),
    missingBytes: sum(files.map(missingOf)),
    places,
    refs: [...refs.values()],
  };
}

async function planModel({ ref, origin }: PullableModel, context: HubContext): Promise<PlannedFile[]> {
  if (origin.kind === 'local') return [];
  if (origin.kind === 'url') return planUrlFiles(ref, origin.url, context);
  const files: PlannedFile[] = [];
  for (const file of origin.files) files.push(await planHubFile(ref, file, origin.listing, context));
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
  const pool = new BufferPool();
  await requirePlanSpace(plan, context);
  const pulled = new Map<PlannedFile, PulledFile>();
  const queue = [...plan.files];
  let failure: { readonly thrown: unknown } | undefined;
  const worker = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined && !signal.aborted; file = queue.shift()) {
      const current = file;
      const { download, place: path, objectId, verified } = file;
      try {
        const onProgress = (progress: TransferProgress) => options.onProgress?.(current, progress);
        const kept: KeptFile =
          download === null
            ? { state: 'cached', objectId, verified }
            : await downloadFile(download, { connections: options.connections, pool, onProgress }, own);
        const result = { file, path, ...kept };
        pulled.set(file, result);
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
  for (const { repo, revision, commit } of plan.refs) {
    const cache = new RepoCache(context.settings.cacheFolder, repo);
    await cache.writeRef(revision, commit);
    await cache.sweepPartials(Date.now());
  }
  return plan.files.flatMap((file) => pulled.get(file) ?? []);
}

/** Each file is checked again when its turn comes; this is for several that fit one by one and not together. */
async function requirePlanSpace({ files }: PullPlan, { settings }: HubContext): Promise<void> {
  const missing = files.filter(({ hub, state }) => hub !== null && state === 'absent');
  if (missing.length < 2) return;
  await requireSpace(settings.cacheFolder, sum(missing.map(missingOf)), `${missing.length} files`);
}

function missingOf({ state, sizeBytes, partialBytes }: PlannedFile): number {
  return state === 'absent' ? sizeBytes - partialBytes : 0;
}
