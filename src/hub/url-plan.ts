import { QuantscopeError, UsageError } from '../util/errors.ts';
import type { HubContext } from './context.ts';
import type { LocatedModel } from './locate.ts';
import { partialBytes } from './partial.ts';
import type { PlannedFile } from './pull.ts';
import { addressesOf, type UrlAddress } from './url-address.ts';
import { isCurrent, isUnversioned, recordOf, urlPartialPath, versionId } from './url-cache.ts';
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
  const { place, shown: name, sha256 } = address;
  const record = await recordOf(place);
  const usable = record !== undefined && (sha256 === null || record.sha256 === sha256) ? record : undefined;
  const facts = await factsOf(address, usable !== undefined, context);
  if (usable !== undefined && (facts === undefined || isCurrent(usable, facts, sha256))) {
    if (facts !== undefined && isUnversioned(address, facts)) {
      context.notice(
        `${name}: the server gives nothing to tell versions by; using what was fetched at ${usable.fetchedAt}`,
      );
    }
    const { sizeBytes } = usable;
    const origin = { kind: 'kept', record: usable } as const;
    return { ref, name, sizeBytes, origin, state: 'cached', partialBytes: 0, place };
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

/** What the server says; undefined where it is not asked, or cannot be while there is something to use instead. */
async function factsOf(
  address: UrlAddress,
  isHere: boolean,
  context: HubContext,
): Promise<UrlFacts | undefined> {
  if (context.settings.offline) return undefined;
  try {
    return await probeUrl(address, context);
  } catch (thrown) {
    context.signal.throwIfAborted();
    const isUnreachable = thrown instanceof QuantscopeError && thrown.code === 'hub/unreachable';
    if (!isUnreachable || !isHere) throw thrown;
    context.notice(`${address.shown}: its server cannot be reached; using what was fetched before`);
    return undefined;
  }
}

function filesOf({ ref, url }: UrlModel, { urlFolder }: HubContext): UrlAddress[] {
  if (urlFolder !== undefined) return addressesOf(url, urlFolder);
  throw new UsageError('ref/unsupported', `"${ref}" is not on this machine`, {
    hint: `Download it first: quantscope pull ${ref}`,
  });
}
