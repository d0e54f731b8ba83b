import { QuantscopeError, UsageError } from '../util/errors.ts';
import type { HubContext } from './context.ts';
import type { LocatedModel } from './locate.ts';
import { partialBytes } from './partial.ts';
import type { PlannedFile } from './pull.ts';
import { addressesOf, type UrlAddress } from './url-address.ts';
import {
  isCurrent,
  isUnversioned,
  recordOf,
  type UrlRecord,
  urlPartialPath,
  versionId,
} from './url-cache.ts';
import { probeUrl, type UrlFacts } from './url-probe.ts';

type UrlModel = Extract<LocatedModel, { kind: 'url' }>;

/** Where the files of a model from a plain address are, or will be. */
export function placesOf(model: UrlModel, context: HubContext): string[] {
  return filesOf(model, context).map(({ place }) => place);
}

/**
 * What fetching a model from a plain address would take. Its server is asked whether what is here is still what it
 * has; offline, or where it cannot be reached, what is here is used.
 * @throws UsageError `hub/offline`, `ref/unsupported`; QuantscopeError what {@link probeUrl} throws
 */
export async function planUrl(model: UrlModel, context: HubContext): Promise<PlannedFile[]> {
  const planned: PlannedFile[] = [];
  for (const address of filesOf(model, context)) planned.push(await planAddress(address, model, context));
  return planned;
}

async function planAddress(
  address: UrlAddress,
  { ref }: UrlModel,
  context: HubContext,
): Promise<PlannedFile> {
  const { place, shown: name } = address;
  const { kept, facts } = await stateOfAddress(address, context);
  if (kept !== undefined) {
    const { sizeBytes } = kept;
    return {
      ref,
      name,
      sizeBytes,
      origin: { kind: 'kept', record: kept },
      state: 'cached',
      partialBytes: 0,
      place,
    };
  }
  if (facts === undefined) {
    throw new UsageError('hub/offline', `${name} has not been downloaded, and HF_HUB_OFFLINE is set`, {
      hint: 'Unset HF_HUB_OFFLINE to download it.',
    });
  }
  const { sizeBytes } = facts;
  const wanted = { objectId: versionId(address, facts), sizeBytes };
  return {
    ref,
    name,
    sizeBytes,
    origin: { kind: 'url', address, facts },
    state: 'absent',
    partialBytes: isUnversioned(address, facts) ? 0 : await partialBytes(urlPartialPath(place), wanted),
    place,
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

/** With something to use instead, nobody waits for long. */
function brisk(context: HubContext): HubContext {
  return {
    ...context,
    attempts: Math.min(context.attempts, 2),
    idleTimeoutMs: Math.min(context.idleTimeoutMs, 10_000),
  };
}

function filesOf({ ref, url }: UrlModel, { urlFolder }: HubContext): UrlAddress[] {
  if (urlFolder !== undefined) return addressesOf(url, urlFolder);
  throw new UsageError('ref/unsupported', `"${ref}" is not on this machine`, {
    hint: `Download it first: quantscope pull ${ref}`,
  });
}
