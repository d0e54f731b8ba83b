import { randomBytes } from 'node:crypto';
import {
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { isCommit, isSafePath } from '../util/safe-names.ts';
import { diskError } from './disk.ts';

/**
 * The cache of huggingface_hub 1.x, so that what one program fetched the others find:
 *
 *     CACHEDIR.TAG
 *     models--OWNER--NAME/blobs/<etag>              the bytes, named by their hash
 *                         refs/<revision>           40 hex digits, no newline
 *                         snapshots/<commit>/<path> -> ../../blobs/<etag>
 */
export interface CachedFile {
  readonly path: string;
  readonly sizeBytes: number;
}

/** https://bford.info/cachedir: backup programs leave such folders out. */
const CACHEDIR_TAG =
  'Signature: 8a477f597d28d172789f06886806bc55\n' +
  '# This file is a cache directory tag created by quantscope, in the layout of huggingface_hub.\n' +
  '# For information about cache directory tags, see https://bford.info/cachedir/\n';

export function repoFolder(cacheFolder: string, repo: string): string {
  return join(cacheFolder, `models--${repo.replaceAll('/', '--')}`);
}

/** The repository of a folder's name; undefined where it is none. */
export function repoOfFolder(name: string): string | undefined {
  const parts = name.split('--');
  return parts[0] === 'models' && parts.length >= 2 ? parts.slice(1).join('/') : undefined;
}

export function blobPath(cacheFolder: string, repo: string, objectId: string): string {
  return join(repoFolder(cacheFolder, repo), 'blobs', objectId);
}

export function partialPath(cacheFolder: string, repo: string, objectId: string): string {
  return `${blobPath(cacheFolder, repo, objectId)}.quantscope.incomplete`;
}

export function lockPath(cacheFolder: string, repo: string, objectId: string): string {
  // Beside huggingface_hub's own `<etag>.lock`, which is a flock that Node cannot take.
  return join(cacheFolder, '.locks', `models--${repo.replaceAll('/', '--')}`, `${objectId}.quantscope.lock`);
}

export function snapshotPath(cacheFolder: string, repo: string, commit: string, path: string): string {
  return join(repoFolder(cacheFolder, repo), 'snapshots', commit, ...path.split('/'));
}

/** A file of a snapshot, where its link leads to one. */
export async function findCached(
  cacheFolder: string,
  repo: string,
  commit: string,
  path: string,
): Promise<CachedFile | undefined> {
  const place = snapshotPath(cacheFolder, repo, commit, path);
  const sizeBytes = await fileSize(place);
  return sizeBytes === undefined ? undefined : { path: place, sizeBytes };
}

/** The length of a file, through links; undefined where there is none. */
export async function fileSize(path: string): Promise<number | undefined> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isFile() === true ? stats.size : undefined;
}

/** The commit that a revision meant when it was last fetched. */
export async function cachedCommit(
  cacheFolder: string,
  repo: string,
  revision: string,
): Promise<string | undefined> {
  if (isCommit(revision)) return revision;
  const path = join(repoFolder(cacheFolder, repo), 'refs', ...revision.split('/'));
  const text = await readFile(path, 'utf8').catch(() => '');
  const commit = text.trim();
  return isCommit(commit) ? commit : undefined;
}

/** The files of a snapshot that are there, with paths as in the repository. */
export async function snapshotFiles(
  cacheFolder: string,
  repo: string,
  commit: string,
): Promise<CachedFile[]> {
  const root = join(repoFolder(cacheFolder, repo), 'snapshots', commit);
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  const files: CachedFile[] = [];
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const place = join(entry.parentPath, entry.name);
    const sizeBytes = await fileSize(place);
    const path = relative(root, place).replaceAll('\\', '/');
    if (sizeBytes !== undefined && isSafePath(path)) files.push({ path, sizeBytes });
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Makes the folders of a repository, and marks the cache as one. */
export async function prepareRepo(cacheFolder: string, repo: string): Promise<void> {
  await mkdir(join(repoFolder(cacheFolder, repo), 'blobs'), { recursive: true });
  await mkdir(dirname(lockPath(cacheFolder, repo, 'x')), { recursive: true });
  await writeFile(join(cacheFolder, 'CACHEDIR.TAG'), CACHEDIR_TAG, { flag: 'wx' }).catch(
    async (thrown: NodeJS.ErrnoException) => {
      // It may be there already, from another program; on a full disk an empty one must not stay.
      if (thrown.code !== 'EEXIST') await rm(join(cacheFolder, 'CACHEDIR.TAG'), { force: true });
    },
  );
}

/**
 * Makes a snapshot's entry for a blob: a relative link, so that the cache can be moved. Where links cannot be made
 * the file itself is put there, as huggingface_hub does.
 */
export async function linkSnapshot(
  cacheFolder: string,
  file: { readonly repo: string; readonly commit: string; readonly path: string; readonly objectId: string },
  symlinks: boolean,
): Promise<string> {
  const place = snapshotPath(cacheFolder, file.repo, file.commit, file.path);
  const blob = blobPath(cacheFolder, file.repo, file.objectId);
  const target = relative(dirname(place), blob);
  await mkdir(dirname(place), { recursive: true });
  if ((await readlink(place).catch(() => undefined)) === target) return place;
  const scratch = `${place}.${randomBytes(4).toString('hex')}.link`;
  const isLinked = symlinks && (await symlink(target, scratch).then(() => true, isUnsupported));
  if (isLinked) {
    try {
      await rename(scratch, place);
    } catch (thrown) {
      await rm(scratch, { force: true });
      throw thrown;
    }
  } else await rename(blob, place);
  return place;
}

/** Says which commit a revision is: the last step, when all files of the commit are in place. */
export async function writeRef(
  cacheFolder: string,
  repo: string,
  revision: string,
  commit: string,
): Promise<void> {
  if (isCommit(revision)) return;
  const path = join(repoFolder(cacheFolder, repo), 'refs', ...revision.split('/'));
  if ((await readFile(path, 'utf8').catch(() => '')) === commit) return;
  await mkdir(dirname(path), { recursive: true });
  const scratch = `${path}.${randomBytes(4).toString('hex')}`;
  try {
    await writeFile(scratch, commit);
    await rename(scratch, path);
  } catch (thrown) {
    await rm(scratch, { force: true });
    throw diskError(`hf:${repo}`, path, thrown);
  }
}

const STALE_MS = 7 * 24 * 60 * 60 * 1000;

/** Removes our partial files that nobody has written to for a week, and those whose blob is complete. */
export async function sweepPartials(cacheFolder: string, repo: string, wallClockMs: number): Promise<void> {
  const folder = join(repoFolder(cacheFolder, repo), 'blobs');
  for (const name of await readdir(folder).catch(() => [])) {
    const [, objectId] = /^([0-9a-f]+)\.quantscope\..*incomplete$/.exec(name) ?? [];
    if (objectId === undefined) continue;
    const path = join(folder, name);
    const stats = await lstat(path).catch(() => undefined);
    if (stats !== undefined && wallClockMs - stats.mtimeMs > STALE_MS) await rm(path, { force: true });
  }
}

function isUnsupported(thrown: NodeJS.ErrnoException): false {
  if (
    thrown.code === 'EPERM' ||
    thrown.code === 'ENOSYS' ||
    thrown.code === 'ENOTSUP' ||
    thrown.code === 'EOPNOTSUPP'
  ) {
    return false;
  }
  throw thrown;
}
