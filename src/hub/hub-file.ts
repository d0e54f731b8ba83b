import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  blobPath,
  fileSize,
  findCached,
  linkSnapshot,
  lockPath,
  partialPath,
  prepareRepo,
  snapshotPath,
} from './cache-layout.ts';
import type { HubContext } from './context.ts';
import { syncFolder } from './disk.ts';
import type { Download, KeptFile } from './download.ts';
import type { HubFile, KnownListing } from './listing.ts';
import { locateFile } from './location.ts';
import { partialBytes, removePartial } from './partial.ts';
import type { PlannedFile } from './pull.ts';

/** A file of a repository at a commit. */
export interface PinnedFile extends HubFile {
  readonly repo: string;
  readonly commit: string;
}

/**
 * Whether a file is in the cache, by name and size: its snapshot entry, or its blob without one. What is in it is
 * checked by `cache verify`.
 */
export async function stateOf(file: PinnedFile, cacheFolder: string): Promise<'cached' | 'blob' | 'absent'> {
  const found = await findCached(cacheFolder, file.repo, file.commit, file.path);
  if (found?.sizeBytes === file.sizeBytes) return 'cached';
  const blob = await fileSize(blobPath(cacheFolder, file.repo, file.objectId));
  return blob === file.sizeBytes ? 'blob' : 'absent';
}

/** What bringing a file of a repository into the cache would take. */
export async function planHubFile(
  ref: string,
  { path, sizeBytes, objectId }: HubFile,
  { repo, commit, source }: KnownListing,
  context: HubContext,
): Promise<PlannedFile> {
  const { cacheFolder } = context.settings;
  const file: PinnedFile = { repo, commit, path, sizeBytes, objectId };
  const state = source === 'cache' ? 'cached' : await stateOf(file, cacheFolder);
  return {
    ref,
    name: `${repo}/${path}`,
    sizeBytes,
    hub: file,
    objectId: objectId || null,
    verified: true,
    state,
    partialBytes: state === 'absent' ? await partialBytes(partialPath(cacheFolder, repo, objectId), file) : 0,
    place: snapshotPath(cacheFolder, repo, commit, path),
    download: state === 'cached' ? null : hubDownload(file, context),
  };
}

function hubDownload(file: PinnedFile, context: HubContext): Download {
  const { cacheFolder, symlinks } = context.settings;
  const { repo, commit, path, objectId, sizeBytes } = file;
  const what = `hf:${repo}/${path}`;
  const target = partialPath(cacheFolder, repo, objectId);
  const kept = (state: KeptFile['state']): KeptFile => ({ state, objectId, verified: true });
  return {
    what,
    sizeBytes,
    objectId,
    partialPath: target,
    origin: { objectId, sizeBytes, repo, commit, path },
    lockPath: lockPath(cacheFolder, repo, objectId),
    locate: (signal) => locateFile({ repo, commit, path, what }, context, signal),
    prepare: () => prepareRepo(cacheFolder, repo),
    async find() {
      const state = await stateOf(file, cacheFolder);
      if (state === 'absent') return undefined;
      if (state === 'cached') return kept('cached');
      await linkSnapshot(cacheFolder, file, symlinks);
      return kept('linked');
    },
    async keep() {
      const blob = blobPath(cacheFolder, repo, objectId);
      await rename(target, blob);
      await removePartial(target);
      await syncFolder(dirname(blob));
      await linkSnapshot(cacheFolder, file, symlinks);
      return kept('downloaded');
    },
  };
}
