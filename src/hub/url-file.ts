import { rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { QuantscopeError, UsageError } from '../util/errors.ts';
import { makeFolder } from '../util/make-folder.ts';
import type { HubContext } from './context.ts';
import { syncFolder } from './disk.ts';
import { partialBytes, removePartial } from './partial.ts';
import type { Download, PlannedFile } from './planned-file.ts';
import { addressesOf, type UrlAddress } from './url-address.ts';
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

/**
 * What fetching the model behind a plain address would take. Its server is asked whether what is here is still what it
 * has; offline, or where it cannot be reached, what is here is used.
 * @throws UsageError `hub/offline`, `ref/invalid`, `ref/unsupported`; QuantscopeError what {@link probeUrl} throws
 */
export async function planUrlFiles(ref: string, url: string, context: HubContext): Promise<PlannedFile[]> {
  const { urlFolder } = context;
  if (urlFolder === undefined) {
    throw new UsageError('ref/unsupported', `"${ref}" is not on this machine`, {
      hint: `Download it first: quantscope pull ${ref}`,
    });
  }
  const planned: PlannedFile[] = [];
  for (const address of addressesOf(url, urlFolder)) planned.push(await planAddress(ref, address, context));
  return planned;
}

async function planAddress(ref: string, address: UrlAddress, context: HubContext): Promise<PlannedFile> {
  const { place, shown: name } = address;
  const { kept, facts } = await stateOfAddress(address, context);
  const base = { ref, name, hub: null, place };
  if (kept !== undefined) {
    const { sizeBytes, sha256: objectId, verified } = kept;
    return { ...base, sizeBytes, objectId, verified, state: 'cached', partialBytes: 0, download: null };
  }
  if (facts === undefined) {
    throw new UsageError('hub/offline', `${name} has not been downloaded, and HF_HUB_OFFLINE is set`, {
      hint: 'Unset HF_HUB_OFFLINE to download it.',
    });
  }
  const { sizeBytes } = facts;
  const wanted = { objectId: versionId(address, facts), sizeBytes };
  return {
    ...base,
    sizeBytes,
    objectId: address.sha256,
    verified: false,
    state: 'absent',
    partialBytes: isUnversioned(address, facts) ? 0 : await partialBytes(urlPartialPath(place), wanted),
    download: urlDownload(address, facts, context),
  };
}

interface AddressState {
  /** What was fetched before, where it is still what is wanted as far as can be told. */
  readonly kept: UrlRecord | undefined;
  /** Undefined where the server was not asked or gave no answer, which is an error unless something is kept. */
  readonly facts: UrlFacts | undefined;
}

/**
 * Compares what was fetched from an address before with what its server has now, which takes one small request.
 * @throws QuantscopeError what {@link probeUrl} throws, where nothing is kept to use instead
 */
export async function stateOfAddress(address: UrlAddress, context: HubContext): Promise<AddressState> {
  const { place, shown, sha256 } = address;
  const record = await recordOf(place);
  const usable = record !== undefined && (sha256 === null || record.sha256 === sha256) ? record : undefined;
  if (usable === undefined) {
    const facts = context.settings.offline ? undefined : await probeUrl(address, context);
    return { kept: undefined, facts };
  }
  const using = `using what was fetched at ${usable.fetchedAt}`;
  if (context.settings.offline) {
    context.notice(`${shown}: HF_HUB_OFFLINE is set; ${using}`);
    return { kept: usable, facts: undefined };
  }
  let facts: UrlFacts;
  try {
    facts = await probeUrl(address, brisk(context));
  } catch (thrown) {
    context.signal.throwIfAborted();
    const reason = thrown instanceof QuantscopeError ? SILENT[thrown.code] : undefined;
    if (reason === undefined) throw thrown;
    context.notice(`${shown}: ${reason}; ${using}`);
    return { kept: usable, facts: undefined };
  }
  if (!isCurrent(usable, facts, sha256)) {
    context.notice(`${shown}: the file on the server is not the one that was fetched at ${usable.fetchedAt}`);
    return { kept: undefined, facts };
  }
  if (isUnversioned(address, facts)) {
    context.notice(`${shown}: the server gives nothing to tell versions by; ${using}`);
  }
  return { kept: usable, facts };
}

/** Failures that say nothing about the file: signed links expire, servers go. */
const SILENT: Readonly<Record<string, string>> = {
  'hub/unreachable': 'its server cannot be reached',
  'url/forbidden': 'its server denies access, as it does when a link has expired',
  'url/http-status': 'its server answers with an error',
};

/** With something to use instead, there is no long wait. */
function brisk(context: HubContext): HubContext {
  return {
    ...context,
    attempts: Math.min(context.attempts, 2),
    idleTimeoutMs: Math.min(context.idleTimeoutMs, 10_000),
  };
}

/**
 * How a file from a plain address is fetched. Its bytes are compared with a SHA-256 where the user or the server gives
 * one; otherwise the size is all there is to check, and the record says so.
 */
function urlDownload(address: UrlAddress, facts: UrlFacts, context: HubContext): Download {
  const { place, shown: what } = address;
  const { sizeBytes, etag, lastModified } = facts;
  const version = versionId(address, facts);
  const target = urlPartialPath(place);
  const objectId = address.sha256 ?? facts.sha256;
  return {
    what,
    sizeBytes,
    objectId,
    // If-Range takes a date where there is no strong ETag (RFC 9110, 13.1.5).
    validator: etag?.startsWith('W/') === false ? etag : (lastModified ?? etag),
    partialPath: target,
    origin: { objectId: version, sizeBytes, repo: new URL(address.href).host, commit: '', path: what },
    lockPath: `${place}.lock`,
    async locate(signal) {
      const now = await probeUrl(address, context, signal);
      if (versionId(address, now) === version) {
        return { url: now.finalUrl, objectId: undefined, sizeBytes: now.sizeBytes };
      }
      const message = `${what}: the file changed on the server while it was fetched`;
      throw new QuantscopeError('url/changed', message, { hint: 'Run the command again.' });
    },
    prepare: async () => void (await makeFolder(dirname(place))),
    async find() {
      const found = await recordOf(place);
      if (found !== undefined && isCurrent(found, facts, address.sha256)) {
        return { state: 'cached', objectId: found.sha256, verified: found.verified };
      }
      if (isUnversioned(address, facts)) await removePartial(target);
      return undefined;
    },
    async keep(sha256) {
      const verified = objectId !== null;
      const fetchedAt = new Date().toISOString();
      const record: UrlRecord = {
        version: 1,
        address: what,
        sizeBytes,
        etag,
        lastModified,
        sha256,
        verified,
        fetchedAt,
      };
      // The old record first: it must not speak of the new bytes.
      await rm(urlRecordPath(place), { force: true });
      await rename(target, place);
      await removePartial(target);
      await writeFile(urlRecordPath(place), `${JSON.stringify(record, null, 2)}\n`);
      await syncFolder(dirname(place));
      return { state: 'downloaded', objectId: sha256, verified };
    },
  };
}
