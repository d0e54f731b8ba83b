import type { GgufHeader, ParsedHeader } from '../gguf/header.ts';
import { readHeader } from '../gguf/read.ts';
import { mergeShards } from '../gguf/shards.ts';
import type { HubContext } from '../hub/context.ts';
import { type KnownListing, knownListing } from '../hub/listing.ts';
import { RepoCache } from '../hub/repo-cache.ts';
import type { ErrorCode } from '../util/error-codes.ts';
import { messageOf, QuantscopeError } from '../util/errors.ts';
import { inOrder } from '../util/in-order.ts';
import { gatherModels } from './names.ts';
import { hubFile, type RepoModel } from './remote-model.ts';

/** One quantization that a repository offers. */
export interface OfferedVariant {
  readonly model: RepoModel;
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
  onRead: (path: string, done: number, total: number) => void = () => {},
): Promise<OfferedVariants> {
  const listing = await knownListing(repo, revision, context);
  const models = gatherModels(listing.files).sort((a, b) => a.sizeBytes - b.sizeBytes);
  // Once one file is refused because the repository is gated, so are the others: not asked for one by one.
  let gated: QuantscopeError | undefined;
  const read = async (model: RepoModel): Promise<OfferedVariant> => {
    const cached = await isCached(model, listing, context);
    const header = gated !== undefined && !cached ? gated : await readModel(model, listing, context);
    if (header instanceof QuantscopeError && header.code === 'hub/gated') gated = header;
    return { model, cached, header };
  };
  const variants: OfferedVariant[] = [];
  for await (const variant of inOrder(models, READ_AT_ONCE, read)) {
    variants.push(variant);
    onRead(variant.model.path, variants.length, models.length);
  }
  return { listing, variants };
}

async function isCached(
  { files, missing }: RepoModel,
  { repo, commit, source }: KnownListing,
  { settings }: HubContext,
): Promise<boolean> {
  if (missing.length > 0) return false;
  if (source === 'cache') return true;
  const cache = new RepoCache(settings.cacheFolder, repo);
  for (const file of files) {
    if ((await cache.stateOf({ ...file, repo, commit })) === 'absent') return false;
  }
  return true;
}

async function readModel(
  { files, missing, path }: RepoModel,
  listing: KnownListing,
  context: HubContext,
): Promise<GgufHeader | QuantscopeError> {
  const fault = (code: ErrorCode, why: string): QuantscopeError =>
    new QuantscopeError(code, `hf:${listing.repo}/${path}: ${why}`);
  if (missing.length > 0) return fault('ref/incomplete', `missing ${missing.join(', ')}`);
  if (files.length > MOST_SHARDS_READ)
    return fault('variants/shards', `${files.length} shards are too many to read`);
  try {
    const headers: ParsedHeader[] = [];
    for (const file of files) {
      await using source = await (await hubFile(file, listing, context)).open();
      headers.push(await readHeader(source, { signal: context.signal }));
    }
    const [first] = headers;
    return headers.length === 1 && first !== undefined ? first : mergeShards(headers);
  } catch (thrown) {
    context.signal.throwIfAborted();
    return thrown instanceof QuantscopeError ? thrown : fault('variants/unreadable', messageOf(thrown));
  }
}
