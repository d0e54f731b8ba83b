import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { QuantscopeError } from '../util/errors.ts';
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
import { diskError, syncFolder } from './disk.ts';
import { fetchWhole } from './fetch-whole.ts';
import type { HubFile } from './listing.ts';
import { locateFile } from './location.ts';
import { takeLock } from './lock.ts';
import { removePartial } from './partial.ts';
import type { TransferOptions } from './transfer.ts';

/** A file of a repository at a commit. */
export interface PinnedFile extends HubFile {
  readonly repo: string;
  readonly commit: string;
}

export type FileState = 'cached' | 'linked' | 'downloaded';

/** What a person calls a file. */
function fileName({ repo, path }: Pick<PinnedFile, 'repo' | 'path'>): string {
  return `hf:${repo}/${path}`;
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

/**
 * Puts a file into the cache: under its name only when its digest has been checked.
 * @throws QuantscopeError what the transfer throws, `hub/no-space`, `hub/lock-lost`; the signal's reason
 */
export async function downloadFile(
  file: PinnedFile,
  options: TransferOptions,
  context: HubContext,
): Promise<{ readonly path: string; readonly state: FileState }> {
  const { cacheFolder, symlinks } = context.settings;
  const { repo, commit, path, objectId, sizeBytes } = file;
  const what = fileName(file);
  const place = snapshotPath(cacheFolder, repo, commit, path);
  if ((await stateOf(file, cacheFolder)) === 'cached') return { path: place, state: 'cached' };
  const target = partialPath(cacheFolder, repo, objectId);
  try {
    await prepareRepo(cacheFolder, repo);
    await using lock = await takeLock(lockPath(cacheFolder, repo, objectId), context, () => {
      context.notice(`${what}: another process is downloading it; waiting`);
    });
    // Another process may have finished it while this one waited.
    const state = await stateOf(file, cacheFolder);
    if (state === 'cached') return { path: place, state };
    if (state === 'blob') return { path: await linkSnapshot(cacheFolder, file, symlinks), state: 'linked' };
    const locate = (signal: AbortSignal) => locateFile({ repo, commit, path, what }, context, signal);
    const origin = { objectId, sizeBytes, repo, commit, path };
    await fetchWhole({ ...options, what, sizeBytes, objectId, locate, target, origin }, context);
    await lock.requireHeld();
    const blob = blobPath(cacheFolder, repo, objectId);
    await rename(target, blob);
    await removePartial(target);
    await syncFolder(dirname(blob));
    return { path: await linkSnapshot(cacheFolder, file, symlinks), state: 'downloaded' };
  } catch (thrown) {
    context.signal.throwIfAborted();
    if (thrown instanceof QuantscopeError) throw thrown;
    throw diskError(what, target, thrown);
  }
}
