import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { boundedText } from '../util/bounded-text.ts';
import { fileSize } from './disk.ts';
import type { UrlAddress } from './url-address.ts';
import type { UrlFacts } from './url-probe.ts';

/**
 * What is remembered of a file from a plain address, beside it:
 *
 *     urls/<32 hex digits of the address>/m-Q4_K_M.gguf
 *                                         m-Q4_K_M.gguf.json               this record
 *                                         m-Q4_K_M.gguf.quantscope.incomplete
 */
export interface UrlRecord {
  readonly version: 1;
  /** Without its query. */
  readonly address: string;
  readonly sizeBytes: number;
  readonly etag: string | null;
  readonly lastModified: string | null;
  /** Of what came. */
  readonly sha256: string;
  /** Whether someone had said beforehand what the SHA-256 would be. */
  readonly verified: boolean;
  readonly fetchedAt: string;
}

export function urlRecordPath(place: string): string {
  return `${place}.json`;
}

export function urlPartialPath(place: string): string {
  return `${place}.quantscope.incomplete`;
}

/** What names a version of a file before its digest is known: what an earlier attempt left is used for the same only. */
export function versionId({ href, sha256 }: UrlAddress, facts: UrlFacts): string {
  const { sizeBytes, etag, lastModified } = facts;
  return createHash('sha256')
    .update(JSON.stringify([href, sizeBytes, etag, lastModified, sha256 ?? facts.sha256]))
    .digest('hex');
}

/** Whether nothing tells one version of a file from another, so that what an earlier attempt left may be of any. */
export function isUnversioned(address: UrlAddress, { etag, lastModified, sha256 }: UrlFacts): boolean {
  return etag === null && lastModified === null && sha256 === null && address.sha256 === null;
}

/** The record of a file that is here whole. */
export async function recordOf(place: string): Promise<UrlRecord | undefined> {
  let parsed: Partial<UrlRecord> | null;
  try {
    parsed = JSON.parse(await boundedText(urlRecordPath(place)));
  } catch {
    // None, or one that a crash has spoilt: the file is fetched again.
    return undefined;
  }
  const { version, address, sizeBytes, etag = null, lastModified = null, sha256 } = parsed ?? {};
  const { verified = false, fetchedAt = '' } = parsed ?? {};
  if (version !== 1 || typeof address !== 'string' || typeof sha256 !== 'string') return undefined;
  if (sizeBytes === undefined || (await fileSize(place)) !== sizeBytes) return undefined;
  return { version, address, sizeBytes, etag, lastModified, sha256, verified, fetchedAt };
}

/** Whether a file that is here is still the one that the server has. */
export function isCurrent(record: UrlRecord, facts: UrlFacts, wanted: string | null): boolean {
  if (record.sizeBytes !== facts.sizeBytes) return false;
  const sha256 = wanted ?? facts.sha256;
  if (sha256 !== null) return record.sha256 === sha256;
  // The same weak ETag means the same content for all that a reader cares for.
  if (record.etag !== null && facts.etag !== null) return record.etag === facts.etag;
  return record.lastModified === facts.lastModified;
}

/** A file from a plain address, as `cache` shows it. */
export interface UrlCacheEntry extends UrlRecord {
  readonly place: string;
}

/** What was fetched from plain addresses, and the bytes of what was not finished. */
export async function listUrlFiles(
  folder: string,
): Promise<{ readonly files: UrlCacheEntry[]; readonly partials: string[]; readonly partialBytes: number }> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files: UrlCacheEntry[] = [];
  const partials: string[] = [];
  let partialBytes = 0;
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const place = join(entry.parentPath, entry.name);
    if (entry.name.endsWith('.incomplete')) {
      partials.push(place);
      partialBytes += (await fileSize(place)) ?? 0;
    }
    const record = /\.gguf$/i.test(entry.name) ? await recordOf(place) : undefined;
    if (record !== undefined) files.push({ ...record, place });
  }
  files.sort((a, b) => (a.address < b.address ? -1 : 1));
  return { files, partials, partialBytes };
}

export async function removeUrlFile(place: string): Promise<void> {
  await rm(place, { force: true });
  await rm(urlRecordPath(place), { force: true });
  const left = await readdir(dirname(place)).catch(() => ['unreadable']);
  if (left.length === 0) await rm(dirname(place), { recursive: true, force: true });
}
