import { type GgufHeader, mergeShards, type ParsedHeader, readHeader } from '../gguf/index.ts';
import { messageOf, QuantscopeError } from '../util/errors.ts';
import type { HubContext } from './context.ts';
import { type PinnedFile, stateOf } from './download.ts';
import { gatherModels } from './gguf-names.ts';
import { resolveUrl } from './location.ts';
import { type HubModel, type KnownListing, knownListing } from './models.ts';
import { openModel } from './open-ref.ts';

/** One quantization that a repository offers. */
interface OfferedVariant {
  readonly model: HubModel;
  /** Whether all its files are in the cache. */
  readonly cached: boolean;
  /** Of all its shards as one; the error where it cannot be read. */
  readonly header: GgufHeader | QuantscopeError;
}

export interface OfferedVariants {
  readonly listing: KnownListing;
  /** Smallest first. */
  readonly variants: readonly OfferedVariant[];
}

/** Headers read at once: enough to hide the way there, few enough not to be taken for a flood. */
const READ_AT_ONCE = 6;
/** A header of a large vocabulary takes some megabytes, so a model of more shards than this is judged by its names. */
const MOST_SHARDS_READ = 64;

/**
 * What a repository offers: one listing, then the headers by range requests.
 * @throws what {@link knownListing} throws; a header that cannot be read is in its row
 */
export async function offeredVariants(
  repo: string,
  revision: string | null,
  context: HubContext,
): Promise<OfferedVariants> {
  const listing = await knownListing(repo, revision, context);
  const models = gatherModels(listing.files).sort((a, b) => a.sizeBytes - b.sizeBytes);
  const variants: OfferedVariant[] = [];
  const queue = [...models.entries()];
  // Once one file is refused because the repository is gated, so are the others: not asked for one by one.
  let gated: QuantscopeError | undefined;
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, model] = next;
      const cached = await isCached(model, listing, context);
      const header = gated !== undefined && !cached ? gated : await readModel(model, listing, context);
      if (header instanceof QuantscopeError && header.code === 'hub/gated') gated = header;
      variants[index] = { model, cached, header };
    }
  };
  await Promise.all(Array.from({ length: READ_AT_ONCE }, worker));
  return { listing, variants };
}

async function isCached(
  model: HubModel,
  { repo, commit, source }: KnownListing,
  context: HubContext,
): Promise<boolean> {
  if (model.missing.length > 0) return false;
  if (source === 'cache') return true;
  for (const file of model.files) {
    const pinned: PinnedFile = { ...file, repo, commit };
    if ((await stateOf(pinned, context.settings.cacheFolder)) === 'absent') return false;
  }
  return true;
}

async function readModel(
  model: HubModel,
  listing: KnownListing,
  context: HubContext,
): Promise<GgufHeader | QuantscopeError> {
  const fault = (code: string, why: string): QuantscopeError =>
    new QuantscopeError(code, `hf:${listing.repo}/${model.path}: ${why}`);
  if (model.missing.length > 0) return fault('ref/incomplete', `missing ${model.missing.join(', ')}`);
  if (model.files.length > MOST_SHARDS_READ)
    return fault('variants/shards', `${model.files.length} shards are too many to read`);
  try {
    const headers: ParsedHeader[] = [];
    for (const file of model.files) {
      const part: HubModel = { ...model, files: [file] };
      const [source] = await openModel(
        { kind: 'hub', ref: file.path, listing, model: part },
        { hub: context },
      );
      if (source === undefined) continue;
      await using _ = source;
      headers.push(await readHeader(source, { signal: context.signal }));
    }
    const [first] = headers;
    return headers.length === 1 && first !== undefined ? first : mergeShards(headers);
  } catch (thrown) {
    context.signal.throwIfAborted();
    if (!(thrown instanceof QuantscopeError)) return fault('variants/unreadable', messageOf(thrown));
    // Readers call a source by its address, which is longer than a line and says no more.
    const { endpoint } = context.settings;
    const file = model.files.find(({ path }) =>
      thrown.message.includes(resolveUrl(listing.repo, listing.commit, path, endpoint)),
    );
    if (file === undefined) return thrown;
    const address = resolveUrl(listing.repo, listing.commit, file.path, endpoint);
    const message = thrown.message.replace(address, `hf:${listing.repo}/${file.path}`);
    const { code, cause, hint } = thrown;
    return new QuantscopeError(code, message, { cause, ...(hint === undefined ? {} : { hint }) });
  }
}
