import { randomBytes } from 'node:crypto';
import { lstat, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { boundedText } from '../util/bounded-text.ts';
import { makeFolder } from '../util/make-folder.ts';
import { isCommit, isSafePath } from '../util/safe-names.ts';
import { diskError, fileSize } from './disk.ts';

/** A file of a repository in the cache, with its path as in the repository. */
export interface CachedFile {
  readonly path: string;
  readonly sizeBytes: number;
}

/** A file of a repository at a commit. */
export interface PinnedFile extends CachedFile {
  readonly repo: string;
  readonly commit: string;
  /** The SHA-256 of an LFS object; the git SHA-1 of a file that git itself keeps. The blob's name in the cache. */
  readonly objectId: string;
}

/** https://bford.info/cachedir: backup programs leave such folders out. */
const CACHEDIR_TAG =
  'Signature: 8a477f597d28d172789f06886806bc55\n' +
  '# This file is a cache directory tag created by quantscope, in the layout of huggingface_hub.\n' +
  '# For information about cache directory tags, see https://bford.info/cachedir/\n';

const STALE_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * One repository in the cache of huggingface_hub 1.x, so that what one program fetched the others find:
 *
 *     CACHEDIR.TAG
 *     models--OWNER--NAME/blobs/<etag>              the bytes, named by their hash
 *                         refs/<revision>           40 hex digits, no newline
 *                         snapshots/<commit>/<path> -> ../../blobs/<etag>
 */
export class RepoCache {
  readonly repo: string;
  readonly folder: string;
  readonly #cacheFolder: string;

  constructor(cacheFolder: string, repo: string) {
    this.repo = repo;
    this.folder = join(cacheFolder, `models--${repo.replaceAll('/', '--')}`);
    this.#cacheFolder = cacheFolder;
  }

  blobPath(objectId: string): string {
    return join(this.folder, 'blobs', objectId);
  }

  partialPath(objectId: string): string {
    return `${this.blobPath(objectId)}.quantscope.incomplete`;
  }

  lockPath(objectId: string): string {
    // Beside huggingface_hub's own `<etag>.lock`, which is a flock that Node cannot take.
    const name = relative(this.#cacheFolder, this.folder);
    return join(this.#cacheFolder, '.locks', name, `${objectId}.quantscope.lock`);
  }

  snapshotPath(commit: string, path: string): string {
    return join(this.folder, 'snapshots', commit, ...path.split('/'));
  }

  /**
   * Whether a file is here, by name and size: its snapshot entry, or its blob without one. What is in it is checked by
   * `cache verify`.
   */
  async stateOf({ commit, path, objectId, sizeBytes }: PinnedFile): Promise<'cached' | 'blob' | 'absent'> {
    if ((await fileSize(this.snapshotPath(commit, path))) === sizeBytes) return 'cached';
    return (await fileSize(this.blobPath(objectId))) === sizeBytes ? 'blob' : 'absent';
  }

  /** The commit that a revision meant when it was last fetched. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const commit = (await boundedText(this.#refPath(revision)).catch(() => '')).trim();
    return isCommit(commit) ? commit : undefined;
  }

  /** The files of a snapshot that are here. */
  async snapshotFiles(commit: string): Promise<CachedFile[]> {
    const entries = await this.snapshotEntries(commit);
    return entries.flatMap(({ path, sizeBytes }) => (sizeBytes === undefined ? [] : { path, sizeBytes }));
  }

  /** All that a snapshot names; a size is missing where a link leads nowhere. */
  async snapshotEntries(
    commit: string,
  ): Promise<{ readonly path: string; readonly sizeBytes: number | undefined }[]> {
    const root = join(this.folder, 'snapshots', commit);
    const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
    const files: { path: string; sizeBytes: number | undefined }[] = [];
    for (const entry of entries) {
      if (entry.isDirectory()) continue;
      const place = join(entry.parentPath, entry.name);
      const path = relative(root, place).replaceAll('\\', '/');
      if (isSafePath(path)) files.push({ path, sizeBytes: await fileSize(place) });
    }
    return files.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Makes the folders of the repository, and marks the cache as one. */
  async prepare(): Promise<void> {
    await makeFolder(join(this.folder, 'blobs'));
    // Without it huggingface_hub calls the repository corrupted until the first file is there.
    await makeFolder(join(this.folder, 'snapshots'));
    await makeFolder(dirname(this.lockPath('x')));
    const tag = join(this.#cacheFolder, 'CACHEDIR.TAG');
    await writeFile(tag, CACHEDIR_TAG, { flag: 'wx' }).catch(async (thrown: NodeJS.ErrnoException) => {
      // It may be there already, from another program; on a full disk an empty one must not stay.
      if (thrown.code !== 'EEXIST') await rm(tag, { force: true });
    });
  }

  /**
   * Makes a snapshot's entry for a blob: a relative link, so that the cache can be moved. Where links cannot be made
   * the file itself is put there, as huggingface_hub does.
   */
  async linkSnapshot({ commit, path, objectId }: PinnedFile, symlinks: boolean): Promise<void> {
    const place = this.snapshotPath(commit, path);
    const blob = this.blobPath(objectId);
    const target = relative(dirname(place), blob);
    await makeFolder(dirname(place));
    if ((await readlink(place).catch(() => undefined)) === target) return;
    const scratch = scratchPath(place, '.link');
    const isLinked = symlinks && (await symlink(target, scratch).then(() => true, isUnsupported));
    if (isLinked) await renameOrRemove(scratch, place);
    else await rename(blob, place);
  }

  /** Says which commit a revision is: the last step, when all files of the commit are in place. */
  async writeRef(revision: string, commit: string): Promise<void> {
    if (isCommit(revision)) return;
    const path = this.#refPath(revision);
    if ((await boundedText(path).catch(() => '')) === commit) return;
    const scratch = scratchPath(path);
    try {
      await makeFolder(dirname(path));
      await writeFile(scratch, commit);
      await renameOrRemove(scratch, path);
    } catch (thrown) {
      await rm(scratch, { force: true }).catch(() => {});
      // Files that are in a cache which cannot be written are there all the same, as huggingface_hub has it.
      if (isReadOnly(thrown)) return;
      throw diskError(`hf:${this.repo}`, path, thrown);
    }
  }

  /** Removes our partial files that were not written to for a week. */
  async sweepPartials(wallClockMs: number): Promise<void> {
    for (const name of await readdir(join(this.folder, 'blobs')).catch(() => [])) {
      if (!/^[0-9a-f]+\.quantscope\..*incomplete$/.test(name)) continue;
      const path = this.blobPath(name);
      const stats = await lstat(path).catch(() => undefined);
      const isStale = stats !== undefined && wallClockMs - stats.mtimeMs > STALE_MS;
      if (isStale) await rm(path, { force: true }).catch(() => {});
    }
  }

  #refPath(revision: string): string {
    return join(this.folder, 'refs', ...revision.split('/'));
  }
}

/** The repository of a folder's name; undefined where it is none. */
export function repoOfFolder(name: string): string | undefined {
  const parts = name.split('--');
  return parts[0] === 'models' && parts.length >= 2 ? parts.slice(1).join('/') : undefined;
}

function scratchPath(path: string, ending = ''): string {
  return `${path}.${randomBytes(4).toString('hex')}${ending}`;
}

async function renameOrRemove(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (thrown) {
    await rm(from, { force: true });
    throw thrown;
  }
}

function isReadOnly(thrown: unknown): boolean {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  return ['EACCES', 'EPERM', 'EROFS'].includes(code);
}

function isUnsupported(thrown: NodeJS.ErrnoException): false {
  if (['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes(thrown.code ?? '')) return false;
  throw thrown;
}
