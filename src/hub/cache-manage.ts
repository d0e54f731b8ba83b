import { lstat, readdir, readlink, realpath, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { boundedText, openRegular } from '../util/bounded-text.ts';
import { messageOf } from '../util/errors.ts';
import { isCommit, isObjectId } from '../util/safe-names.ts';
import { sum } from '../util/sum.ts';
import { fileSize } from './disk.ts';
import { startDigest } from './hasher.ts';
import { RepoCache, repoOfFolder } from './repo-cache.ts';
import { SharedStore } from './shared-store.ts';

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
  /** Bytes of blobs, each once; what several repositories share counts for each. */
  readonly sizeBytes: number;
  /** Of them, what lies in the store that repositories share, by its path. */
  readonly shared: ReadonlyMap<string, number>;
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
    for (const { path, sizeBytes = 0 } of await cache.snapshotEntries(commit)) {
      const place = cache.snapshotPath(commit, path);
      const objectId = await blobName(place, folder);
      entries.push({ repo, commit, path, place, sizeBytes, objectId });
    }
  }
  let [sizeBytes, partialBytes] = [0, 0];
  const store = new SharedStore(dirname(folder));
  const shared = new Map<string, number>();
  for (const name of await readdir(join(folder, 'blobs')).catch(() => [])) {
    const path = join(folder, 'blobs', name);
    if (/\.(?:incomplete|downloadInProgress)$/.test(name)) partialBytes += await diskBytes(path);
    else sizeBytes += (await fileSize(path)) ?? 0;
    const payload = await store.payloadOf(path);
    if (payload !== undefined) shared.set(payload.path, payload.sizeBytes);
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
    shared,
    partialBytes,
  };
}

/** Bytes that repositories take together: what they share counts once. */
export function totalBytesOf(repos: readonly CachedRepo[]): number {
  const shared = new Map(repos.flatMap((repo) => [...repo.shared]));
  const own = repos.map(
    ({ sizeBytes, partialBytes, shared: of }) => sizeBytes + partialBytes - sum(of.values()),
  );
  return sum(own) + sum(shared.values());
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
      (await openRegular(place)).createReadStream({ highWaterMark: 2 ** 20 }),
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

/** Files of a repository that are to go. */
export interface Removal {
  readonly repo: CachedRepo;
  readonly entries: readonly CacheEntry[];
  /** Whether the repository itself goes, with unfinished downloads and all. */
  readonly isWhole: boolean;
}

/** What goes with some files: blobs that nothing else in their repository leads to. */
async function blobsOf({ repo, entries, isWhole }: Removal): Promise<{ blobs: string[]; isAll: boolean }> {
  const folder = join(repo.folder, 'blobs');
  const goes = new Set(entries.map(({ place }) => place));
  const isAll = isWhole || (goes.size === repo.entries.length && repo.partialBytes === 0);
  if (isAll) {
    const names = await readdir(folder).catch(() => []);
    return { isAll, blobs: names.map((name) => join(folder, name)) };
  }
  const stays = new Set(repo.entries.filter(({ place }) => !goes.has(place)).map(({ objectId }) => objectId));
  const ids = new Set(entries.map(({ objectId }) => objectId).filter((id) => id !== null && !stays.has(id)));
  return { isAll, blobs: [...ids].map((id) => join(folder, String(id))) };
}

/** Bytes that removing frees: not of blobs that something else leads to. */
export async function bytesFreedBy(removals: readonly Removal[]): Promise<number> {
  let bytes = 0;
  const blobs = new Set<string>();
  const payloads = new Map<string, { readonly store: SharedStore; readonly sizeBytes: number }>();
  for (const removal of removals) {
    const store = new SharedStore(dirname(removal.repo.folder));
    for (const blob of (await blobsOf(removal)).blobs) {
      blobs.add(blob);
      const payload = await store.payloadOf(blob);
      if (payload !== undefined) payloads.set(payload.path, { store, sizeBytes: payload.sizeBytes });
      else if ((await lstat(blob).catch(() => undefined))?.isFile() === true) bytes += await diskBytes(blob);
    }
    for (const { objectId, sizeBytes } of removal.entries) if (objectId === null) bytes += sizeBytes;
  }
  for (const [path, { store, sizeBytes }] of payloads) {
    const references = await store.references(path);
    if (references !== undefined && [...references].every((blob) => blobs.has(blob))) bytes += sizeBytes;
  }
  return bytes;
}

/** Removes files from their snapshots, and the blobs and shared bytes that nothing leads to any more. */
export async function removeEntries(removal: Removal): Promise<void> {
  const { repo, entries } = removal;
  const { blobs, isAll } = await blobsOf(removal);
  const store = new SharedStore(dirname(repo.folder));
  const payloads = (await Promise.all(blobs.map((blob) => store.payloadOf(blob)))).flatMap(
    (each) => each ?? [],
  );
  if (isAll) await rm(repo.folder, { recursive: true, force: true });
  // The link first: a link that leads nowhere would be taken for a file that is missing.
  else for (const path of [...entries.map(({ place }) => place), ...blobs]) await rm(path, { force: true });
  for (const { path } of payloads) await store.sweep(path);
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
  // A link that leads nowhere still says what it should lead to.
  const real = basename(await realpath(place).catch(() => name));
  return isObjectId(real) ? real : null;
}

async function refNames(folder: string): Promise<{ readonly name: string; readonly commit: string }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const refs: { name: string; commit: string }[] = [];
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const commit = (await boundedText(path)).trim();
    refs.push({ name: path.slice(folder.length + 1).replaceAll('\\', '/'), commit });
  }
  return refs;
}

async function diskBytes(path: string): Promise<number> {
  const stats = await lstat(path).catch(() => undefined);
  return stats?.size ?? 0;
}
