import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import {
  bytesFreedBy,
  removeEntries,
  removePartials,
  totalBytesOf,
  verifyFile,
} from '../../hub/cache-manage.ts';
import { SharedStore } from '../../hub/shared-store.ts';
import { removeUrlFile } from '../../hub/url-cache.ts';
import { listStores } from '../../model/stores.ts';
import type { CacheList, CacheRemoval, CacheVerification } from '../../schema/cache.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { UsageError } from '../../util/errors.ts';
import { sum } from '../../util/sum.ts';
import type { Host } from '../host.ts';
import { type MadeFile, removeMade } from '../made-files.ts';
import { chooseCached, readCache } from './choose.ts';

export type CacheRequest = Pick<Host, 'signal'>;
export type VerifiedFile = CacheVerification['files'][number];

export interface CacheVerifyRequest extends CacheRequest {
  /** Told of each file as soon as it has been read. */
  readonly onFile?: (file: VerifiedFile) => void;
}

/** What is about to be removed. */
export interface PlannedRemoval {
  /** Files by their names, `owner/name/file` or an address; null for unfinished downloads. */
  readonly names: readonly string[] | null;
  readonly bytes: number;
}

export interface CacheRemoveRequest extends CacheRequest {
  /** Unfinished downloads, and shared bytes that nothing leads to, instead of files; of all repositories where none is named. Default: false. */
  readonly partials?: boolean;
  /** Asked before anything is removed; throws to refuse. */
  readonly confirm?: (removal: PlannedRemoval) => Promise<void>;
}

/** What lies on this machine, of the Hub, of plain addresses and of what was made: the document of `quantscope cache list --json`. */
export async function listCached({
  signal = new AbortController().signal,
}: CacheRequest = {}): Promise<CacheList> {
  const { urlPartials: _, made, repos, ...content } = await readCache(signal);
  return {
    schema: SCHEMA_IDS.cache,
    ...content,
    repos: repos.map(({ shared, ...repo }) => ({ ...repo, sharedBytes: sum(shared.values()) })),
    totalBytes: totalBytesOf(repos),
    madeFolder: made.folder,
    made: made.files,
    madeLeftoverBytes: made.leftoverBytes,
    stores: (await listStores()).map(({ name, folder, models }) => ({
      name,
      folder,
      models: models.map(({ ref, path: place, sizeBytes }) => ({ ref, place, sizeBytes })),
    })),
  };
}

/**
 * Reads files whole and compares each with the hash in its blob's name, or with the one that came from its address.
 * @param refs `owner/name`, hub refs, addresses or names of the catalogue; all files without any
 * @throws UsageError `cache/not-found`, `ref/invalid`; the signal's reason
 */
export async function verifyCached(
  refs: readonly string[],
  request: CacheVerifyRequest = {},
): Promise<CacheVerification> {
  const { signal = new AbortController().signal } = request;
  const chosen = await chooseCached(refs, await readCache(signal), signal);
  const files = [
    ...chosen.repos.flatMap(({ entries }) => entries.map((entry) => ({ ...entry, file: entry.path }))),
    ...chosen.made.map((made) => ({
      ...made,
      repo: null,
      file: madeName(made),
      objectId: made.sha256,
    })),
    ...chosen.urls.map((url) => ({ ...url, repo: null, file: url.address, objectId: url.sha256 })),
  ];
  const verified: VerifiedFile[] = [];
  const seen = new Map<string, Awaited<ReturnType<typeof verifyFile>>>();
  for (const file of files) {
    const { repo, place, sizeBytes: bytes, objectId: expected } = file;
    // Revisions share blobs: each is read once.
    const key = expected === null || repo === null ? place : `${repo} ${expected}`;
    const verdict = seen.get(key) ?? (await verifyFile(file, signal));
    seen.set(key, verdict);
    const got =
      verdict.kind === 'damaged' ? verdict.got : verdict.kind === 'unreadable' ? verdict.reason : null;
    const found = { repo, file: file.file, bytes, verdict: verdict.kind, expected, got };
    verified.push(found);
    request.onFile?.(found);
  }
  return { schema: SCHEMA_IDS.cacheVerify, files: verified };
}

/**
 * Removes the files that refs name, or unfinished downloads.
 * @param refs as of {@link verifyCached}; some are needed unless `partials` is set
 * @throws UsageError `cache/nothing-named`, `cache/not-found`, `ref/invalid`; what `confirm` throws
 */
export async function removeCached(
  refs: readonly string[],
  request: CacheRemoveRequest = {},
): Promise<CacheRemoval> {
  const { partials = false, confirm, signal = new AbortController().signal } = request;
  if (refs.length === 0 && !partials) {
    throw new UsageError('cache/nothing-named', 'nothing was named to be removed', {
      hint: 'Name a repository, or remove unfinished downloads with --partials.',
    });
  }
  const content = await readCache(signal);
  const { repos, urls, made } = await chooseCached(refs, content, signal);
  if (partials) {
    const isAll = refs.length === 0;
    const { leftovers, leftoverBytes } = content.made;
    const bytes =
      sum(repos.map(({ repo }) => repo.partialBytes)) +
      (isAll ? content.urlPartialBytes + leftoverBytes + sum(content.orphans.map(sizeOf)) : 0);
    await confirm?.({ names: null, bytes });
    for (const { repo } of repos) await removePartials(repo);
    for (const path of isAll ? content.urlPartials : []) await rm(path, { force: true });
    for (const path of isAll ? leftovers : []) await removeMade(path);
    const store = new SharedStore(content.folder);
    for (const { path } of isAll ? content.orphans : []) await store.sweep(path);
    return { schema: SCHEMA_IDS.cacheRemove, bytes, files: [] };
  }
  const entries = repos.flatMap((chosen) => chosen.entries);
  const files = [...entries, ...urls, ...made];
  const bytes = (await bytesFreedBy(repos)) + sum([...urls, ...made].map(sizeOf));
  const names = [
    ...entries.map(({ repo, path }) => `${repo}/${path}`),
    ...urls.map(({ address }) => address),
    ...made.map(madeName),
  ];
  await confirm?.({ names, bytes });
  for (const removal of repos) await removeEntries(removal);
  for (const { place } of urls) await removeUrlFile(place);
  for (const { place } of made) await removeMade(place);
  return { schema: SCHEMA_IDS.cacheRemove, bytes, files: files.map(({ place }) => place) };
}

/** What a ref names it by. */
function madeName({ place }: Pick<MadeFile, 'place'>): string {
  return `made:${basename(place)}`;
}

function sizeOf({ sizeBytes }: { readonly sizeBytes: number }): number {
  return sizeBytes;
}
