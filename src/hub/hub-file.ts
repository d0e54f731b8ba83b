import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { HubContext } from './context.ts';
import { syncFolder } from './disk.ts';
import type { HubFile, KnownListing } from './listing.ts';
import { locateFile } from './location.ts';
import { partialBytes, removePartial } from './partial.ts';
import type { Download, KeptFile, PlannedFile } from './planned-file.ts';
import { type PinnedFile, RepoCache } from './repo-cache.ts';

/** What bringing a file of a repository into the cache would take. */
export async function planHubFile(
  ref: string,
  { path, sizeBytes, objectId }: HubFile,
  { repo, commit, source }: KnownListing,
  context: HubContext,
): Promise<PlannedFile> {
  const file: PinnedFile = { repo, commit, path, sizeBytes, objectId };
  const cache = new RepoCache(context.settings.cacheFolder, repo);
  const state = source === 'cache' ? 'cached' : await cache.stateOf(file);
  return {
    ref,
    name: `${repo}/${path}`,
    sizeBytes,
    hub: file,
    objectId: objectId || null,
    verified: true,
    state,
    partialBytes: state === 'absent' ? await partialBytes(cache.partialPath(objectId), file) : 0,
    place: cache.snapshotPath(commit, path),
    download: state === 'cached' ? null : hubDownload(file, cache, context),
  };
}

function hubDownload(file: PinnedFile, cache: RepoCache, context: HubContext): Download {
  const { symlinks } = context.settings;
  const { repo, commit, path, objectId, sizeBytes } = file;
  const what = `hf:${repo}/${path}`;
  const partialPath = cache.partialPath(objectId);
  const kept = (state: KeptFile['state']): KeptFile => ({ state, objectId, verified: true });
  return {
    what,
    sizeBytes,
    objectId,
    partialPath,
    origin: { objectId, sizeBytes, repo, commit, path },
    lockPath: cache.lockPath(objectId),
    locate: (signal) => locateFile({ repo, commit, path, what }, context, signal),
    prepare: () => cache.prepare(),
    async find() {
      const state = await cache.stateOf(file);
      if (state === 'absent') return undefined;
      if (state === 'cached') return kept('cached');
      await cache.linkSnapshot(file, symlinks);
      return kept('linked');
    },
    async keep() {
      const blob = cache.blobPath(objectId);
      await rename(partialPath, blob);
      await removePartial(partialPath);
      await syncFolder(dirname(blob));
      await cache.linkSnapshot(file, symlinks);
      return kept('downloaded');
    },
  };
}
