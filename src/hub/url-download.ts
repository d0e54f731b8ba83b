import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { QuantscopeError } from '../util/errors.ts';
import type { HubContext } from './context.ts';
import { diskError, syncFolder } from './disk.ts';
import { fetchWhole } from './fetch-whole.ts';
import type { FileLocation } from './location.ts';
import { takeLock } from './lock.ts';
import { removePartial } from './partial.ts';
import type { TransferOptions } from './transfer.ts';
import type { UrlAddress } from './url-address.ts';
import {
  isCurrent,
  isUnversioned,
  recordOf,
  type UrlRecord,
  urlPartialPath,
  urlRecordPath,
  versionId,
} from './url-cache.ts';
import { probeUrl, type UrlFacts } from './url-probe.ts';

/** A file behind a plain address, and what its server said of it. */
export interface UrlFile {
  readonly address: UrlAddress;
  readonly facts: UrlFacts;
}

/**
 * Fetches a file from a plain address: the same transport as for the Hub's. Its bytes are compared with a SHA-256 where
 * the user or the server gives one; otherwise the size is all there is to check, and the record says so.
 * @throws QuantscopeError what the transfer throws, `url/changed`; the signal's reason
 */
export async function downloadUrl(
  { address, facts }: UrlFile,
  options: TransferOptions,
  context: HubContext,
): Promise<UrlRecord> {
  const { place, shown: what } = address;
  const { sizeBytes, etag, lastModified } = facts;
  const expected = address.sha256 ?? facts.sha256;
  const target = urlPartialPath(place);
  const objectId = versionId(address, facts);
  const locate = async (signal: AbortSignal): Promise<FileLocation> => {
    const now = await probeUrl(address, context, signal);
    if (versionId(address, now) !== objectId) {
      throw new QuantscopeError(
        'url/changed',
        `${what}: the file changed on the server while it was fetched`,
        {
          hint: 'Run the command again.',
        },
      );
    }
    return { url: now.finalUrl, objectId: undefined, sizeBytes: now.sizeBytes };
  };
  try {
    await mkdir(dirname(place), { recursive: true });
    await using lock = await takeLock(`${place}.lock`, context, () => {
      context.notice(`${what}: another process is downloading it; waiting`);
    });
    // Another process may have finished it while this one waited.
    const found = await recordOf(place);
    if (found !== undefined && isCurrent(found, facts, address.sha256)) return found;
    if (isUnversioned(address, facts)) await removePartial(target);
    const sha256 = await fetchWhole(
      {
        ...options,
        what,
        sizeBytes,
        objectId: expected,
        locate,
        target,
        origin: { objectId, sizeBytes, repo: new URL(address.href).host, commit: '', path: what },
        // If-Range takes a date where there is no strong ETag (RFC 9110, 13.1.5).
        validator: etag?.startsWith('W/') === false ? etag : (lastModified ?? etag),
      },
      context,
    );
    await lock.requireHeld();
    const record: UrlRecord = {
      version: 1,
      address: what,
      sizeBytes,
      etag,
      lastModified,
      sha256,
      verified: expected !== null,
      fetchedAt: new Date().toISOString(),
    };
    // The old record first: it must not speak of the new bytes.
    await rm(urlRecordPath(place), { force: true });
    await rename(target, place);
    await removePartial(target);
    await writeFile(urlRecordPath(place), `${JSON.stringify(record, null, 2)}\n`);
    await syncFolder(dirname(place));
    return record;
  } catch (thrown) {
    context.signal.throwIfAborted();
    if (thrown instanceof QuantscopeError) throw thrown;
    throw diskError(what, target, thrown);
  }
}
