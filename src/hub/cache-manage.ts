import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile, readlink, realpath, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../util/errors.ts';
import { isCommit, isObjectId } from '../util/safe-names.ts';
import { startDigest } from './digest.ts';
import { fileSize } from './disk.ts';
import { RepoCache, repoOfFolder } from './repo-cache.ts';

/** A file that a snapshot leads to. */
export interface CacheEntry {
  readonly repo: string;
  readonly commit: string;
  readonly path: string;
  /** In the snapshot. */
  readonly place: string;
  readonly sizeBytes: number;
  /** The name of its blob; null where the file itself stands in the snapshot. */
  readonly objectId: string | null;
}

export interface CachedRepo {
  readonly repo: string;
  readonly folder: string;
  readonly revisions: readonly { readonly commit: string; readonly names: readonly string[] }[];
  readonly entries: readonly CacheEntry[];
  /** Bytes of blobs, each once. */
  readonly sizeBytes: number;
  /** Bytes of unfinished downloads, of whatever program. */
  readonly partialBytes: number;
}

/** The models in a cache, by whatever program they came there. */
export async function listCache(cacheFolder: string): Promise<CachedRepo[]> {
  const names = (await readdir(cacheFolder).catch(() => [])).sort();
  const repos: CachedRepo[] = [];
  for (const name of names) {
    const repo = repoOfFolder(name);
    if (repo !== undefined) repos.push(await describeRepo(new RepoCache(cacheFolder, repo)));
  }
  return repos;
}

async function describeRepo(cache: RepoCache): Promise<CachedRepo> {
  const { repo, folder } = cache;
  const commits = (await readdir(join(folder, 'snapshots')).catch(() => [])).filter(isCommit).sort();
  const refs = await refNames(join(folder, 'refs'));
  const entries: CacheEntry[] = [];
  for (const commit of commits) {
    for (const { path, sizeBytes } of await cache.snapshotFiles(commit)) {
      const place = cache.snapshotPath(commit, path);
      const objectId = await blobName(place, folder);
      entries.push({ repo, commit, path, place, sizeBytes, objectId });
    }
  }
  let [sizeBytes, partialBytes] = [0, 0];
  for (const name of await readdir(join(folder, 'blobs')).catch(() => [])) {
    const path = join(folder, 'blobs', name);
    if (/\.(?:incomplete|downloadInProgress)$/.test(name)) partialBytes += await diskBytes(path);
    else sizeBytes += (await fileSize(path)) ?? 0;
  }
  for (const { objectId, sizeBytes: own } of entries) if (objectId === null) sizeBytes += own;
  return {
    repo,
    folder,
    revisions: commits.map((commit) => ({
      commit,
      names: refs.filter((each) => each.commit === commit).map(({ name }) => name),
    })),
    entries,
    sizeBytes,
    partialBytes,
  };
}

export type Verdict =
  | { readonly kind: 'intact' }
  /** The bytes are not those of its name. */
  | { readonly kind: 'damaged'; readonly got: string }
  /** There is no name to check it by. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** Reads a file whole and compares its digest with the one it should have. */
export async function verifyFile(
  { objectId, sizeBytes, place }: Pick<CacheEntry, 'objectId' | 'sizeBytes' | 'place'>,
  signal: AbortSignal,
): Promise<Verdict> {
  if (objectId === null) return { kind: 'unknown' };
  const digest = startDigest(objectId, sizeBytes);
  try {
    await pipeline(
      createReadStream(place, { highWaterMark: 2 ** 20 }),
      async (pieces: AsyncIterable<Uint8Array>) => {
        for await (const piece of pieces) digest.update(piece);
      },
      { signal },
    );
  } catch (thrown) {
    signal.throwIfAborted();
    return { kind: 'unreadable', reason: messageOf(thrown) };
  }
  const got = digest.digest('hex');
  return got === objectId ? { kind: 'intact' } : { kind: 'damaged', got };
}

/**
 * Removes files from their snapshots, and the blobs that nothing leads to any more.
 * @param isWhole whether the repository itself goes, with unfinished downloads and all
 */
export async function removeEntries(
  repo: CachedRepo,
  entries: readonly CacheEntry[],
  isWhole: boolean,
): Promise<void> {
  const goes = new Set(entries.map(({ place }) => place));
  const stays = new Set(repo.entries.filter(({ place }) => !goes.has(place)).map(({ objectId }) => objectId));
  if (isWhole || (goes.size === repo.entries.length && repo.partialBytes === 0)) {
    await rm(repo.folder, { recursive: true, force: true });
    return;
  }
  for (const { place, objectId } of entries) {
    // The link first: a link that leads nowhere would be taken for a file that is missing.
    await rm(place, { force: true });
    if (objectId !== null && !stays.has(objectId))
      await rm(join(repo.folder, 'blobs', objectId), { force: true });
  }
}

/** Removes unfinished downloads. */
export async function removePartials(repo: CachedRepo): Promise<void> {
  const folder = join(repo.folder, 'blobs');
  for (const name of await readdir(folder).catch(() => [])) {
    if (/\.(?:incomplete|downloadInProgress)$/.test(name)) await rm(join(folder, name), { force: true });
  }
}

async function blobName(place: string, folder: string): Promise<string | null> {
  const link = await lstat(place).catch(() => undefined);
  if (link?.isSymbolicLink() !== true) return null;
  // A blob may itself be a link, into a store that repositories share: its own name in `blobs/` is the digest.
  const name = basename(await readlink(place));
  const isOwn =
    isObjectId(name) && (await stat(join(folder, 'blobs', name)).catch(() => undefined)) !== undefined;
  if (isOwn) return name;
  const real = basename(await realpath(place));
  return isObjectId(real) ? real : null;
}

async function refNames(folder: string): Promise<{ readonly name: string; readonly commit: string }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const refs: { name: string; commit: string }[] = [];
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const commit = (await readFile(path, 'utf8')).trim();
    refs.push({ name: path.slice(folder.length + 1).replaceAll('\\', '/'), commit });
  }
  return refs;
}

async function diskBytes(path: string): Promise<number> {
  const stats = await lstat(path).catch(() => undefined);
  return stats?.size ?? 0;
}
