import { parseShardName } from '../gguf/shards.ts';
import type { HubContext } from '../hub/context.ts';
import { cachedListing, type HubFile, hubListing, type KnownListing, knownListing } from '../hub/listing.ts';
import { resolveUrl } from '../hub/location.ts';
import { openRemote, type RemoteFile } from '../hub/open-remote.ts';
import { RepoCache } from '../hub/repo-cache.ts';
import { addressesOf, type UrlAddress } from '../hub/url-address.ts';
import { recordOf } from '../hub/url-cache.ts';
import { stateOfAddress } from '../hub/url-file.ts';
import { QuantscopeError, UsageError } from '../util/errors.ts';
import { isCommit, shownAddress } from '../util/safe-names.ts';
import { formatBytes } from '../util/units.ts';
import { localFile, type Model, type ModelFile, modelOf } from './model.ts';
import { defaultModel, type GatheredModel, gatherModels, modelsOfTag } from './names.ts';
import { formatHubRef, type HubRef } from './ref.ts';

/** A model of a repository, by its listing alone. */
export type RepoModel = GatheredModel<HubFile>;

/**
 * The models that refs of the Hub mean, each read from the cache where it is there and from the Hub otherwise.
 * @param listings those that are known; each repository is asked for one once
 * @throws what {@link knownListing} and {@link chooseModel} throw
 */
export async function hubModels(
  refs: readonly HubRef[],
  hub: HubContext,
  listings: Map<string, Promise<KnownListing>>,
): Promise<Model[]> {
  const models: Model[] = [];
  for (const ref of refs) {
    const { listing, model, notice } = await findInListing(ref, hub, listings);
    const { path, files } = model;
    if (notice !== null) hub.notice(notice);
    // A ref that names a later shard means that one; for what loads it, its model is the whole set.
    const isLater = ref.file !== null && (parseShardName(ref.file)?.number ?? 1) > 1;
    const named = isLater ? files.filter((file) => file.path === ref.file) : files;
    const found = () => Promise.all(named.map((file) => hubFile(file, listing, hub)));
    models.push(modelOf({ ref: formatHubRef(ref), origin: { kind: 'hub', listing, files }, path }, found));
  }
  return models;
}

interface Found extends Choice {
  readonly listing: KnownListing;
}

async function findInListing(
  ref: HubRef,
  hub: HubContext,
  listings: Map<string, Promise<KnownListing>>,
): Promise<Found> {
  const pinned = await pinnedInCache(ref, hub);
  if (pinned !== undefined) return pinned;
  const key = `${ref.repo}@${ref.revision ?? 'main'}`;
  const pending = listings.get(key) ?? knownListing(ref.repo, ref.revision, hub);
  listings.set(key, pending);
  const listing = await pending;
  try {
    return { listing, ...chooseModel(ref, listing) };
  } catch (thrown) {
    if (listing.source === 'hub' || hub.settings.offline) throw thrown;
    // What the cache lacks the Hub may have, if it is waited for; if not, why it does not say is what matters.
    const waited = hubListing(ref.repo, ref.revision, hub);
    listings.set(key, waited);
    return { listing: await waited, ...chooseModel(ref, await waited) };
  }
}

/** A commit does not change: of what is here whole and is named by its label or file, nobody is asked. */
async function pinnedInCache(ref: HubRef, hub: HubContext): Promise<Found | undefined> {
  if (ref.revision === null || !isCommit(ref.revision)) return undefined;
  const listing = await cachedListing(ref.repo, ref.revision, hub);
  if (listing === undefined) return undefined;
  try {
    const choice = chooseModel(ref, listing);
    // Which other models there are, the cache cannot know.
    const isNamed = ref.file !== null || choice.model.label === ref.quantization?.toUpperCase();
    return isNamed ? { listing, ...choice } : undefined;
  } catch {
    return undefined;
  }
}

/** A file of a repository: in the cache, or where the Hub has it. */
export async function hubFile(
  file: HubFile,
  { repo, commit, source }: KnownListing,
  hub: HubContext,
): Promise<ModelFile> {
  const { cacheFolder, endpoint } = hub.settings;
  const cache = new RepoCache(cacheFolder, repo);
  const from = { name: `hf:${repo}/${file.path}`, hub: { repo, commit, file } };
  const state = source === 'cache' ? 'cached' : await cache.stateOf({ ...file, repo, commit });
  if (state === 'cached') return localFile(cache.snapshotPath(commit, file.path), from);
  const url = resolveUrl(repo, commit, file.path, endpoint);
  return { ...remoteFile({ url, name: from.name, repo }, hub), hub: from.hub };
}

/**
 * All models of a repository, by its listing alone.
 * @throws what {@link knownListing} throws
 */
export async function modelsOfRepo(
  { repo, revision }: Pick<HubRef, 'repo' | 'revision'>,
  context: HubContext,
): Promise<RepoModel[]> {
  return gatherModels((await knownListing(repo, revision, context)).files);
}

/** What a ref was taken for. */
export interface Choice {
  readonly model: RepoModel;
  /** Said to the user where the ref does not name exactly that; null where it does. */
  readonly notice: string | null;
}

/**
 * The one model that a ref means.
 * @throws UsageError `ref/not-found`, `ref/ambiguous`, `ref/incomplete`: each lists what there is
 */
export function chooseModel(ref: HubRef, listing: KnownListing): Choice {
  const models = gatherModels(listing.files);
  const shown = formatHubRef(ref);
  const exact = (model: RepoModel): Choice => ({ model: complete(model, shown), notice: null });
  if (ref.file !== null) {
    const { file } = ref;
    const ofShards = models.find(
      ({ path, files }) => path === file || files.some((each) => each.path === file),
    );
    if (ofShards !== undefined) return exact(ofShards);
    const other = listing.files.find(({ path }) => path === file);
    if (other === undefined) throw notFound(ref, models, listing);
    const { path, sizeBytes } = other;
    return exact({ path, label: undefined, files: [other], sizeBytes, missing: [] });
  }
  if (ref.quantization === null) {
    const [only, another] = models;
    if (only !== undefined && another === undefined) return exact(only);
    const model = defaultModel(models);
    if (model === undefined) throw notFound(ref, models, listing);
    const notice = `${shown} names none of ${models.length} models: taking ${model.path}, as llama.cpp does`;
    return { model: complete(model, shown), notice };
  }
  const found = modelsOfTag(models, ref.quantization);
  const [model, another] = found.models;
  if (model === undefined) throw notFound(ref, models, listing);
  if (another !== undefined) {
    throw new UsageError(
      'ref/ambiguous',
      `${shown} may mean several models${whereOf(listing)}: ${describeModels(found.models, ref)}`,
      {
        hint: `Name one of them: hf:${ref.repo}:${model.label ?? 'QUANT'} or hf:${ref.repo}/${model.path}`,
      },
    );
  }
  const notice = found.isExact ? null : `${shown}: no model is named so; taking ${model.path}`;
  return { model: complete(model, shown), notice };
}

function notFound(ref: HubRef, models: readonly RepoModel[], listing: KnownListing): UsageError {
  const where = whereOf(listing);
  const message = `${formatHubRef(ref)}: no such model${where}; ${describeModels(models, ref)}`;
  return new UsageError('ref/not-found', message, {
    hint: 'Name one of them, by its quantization behind ":" or its file behind "/".',
  });
}

function whereOf({ source }: KnownListing): string {
  return source === 'cache' ? ' in the cache' : '';
}

function complete(model: RepoModel, shown: string): RepoModel {
  if (model.missing.length === 0) return model;
  throw new UsageError(
    'ref/incomplete',
    `${shown}: ${model.missing.length} of ${model.missing.length + model.files.length} shards are missing: ${model.missing.join(', ')}`,
    { hint: 'The upload is incomplete; choose another quantization or repository.' },
  );
}

function describeModels(models: readonly RepoModel[], { repo }: HubRef): string {
  if (models.length === 0) return `hf:${repo} has no GGUF model`;
  const labels = models.map(({ label }) => label);
  const each = models.map(({ label, path, sizeBytes }) => {
    const isUnique = label !== undefined && labels.indexOf(label) === labels.lastIndexOf(label);
    return `${isUnique ? label : path} (${formatBytes(sizeBytes)})`;
  });
  return `it has ${each.join(', ')}`;
}

/** The model behind an address. What was pulled from there before is used where it is still what the server has. */
export function urlModel(url: string, hub: HubContext): Model {
  // Shown without its query, which may hold a signature.
  return modelOf({ ref: shownAddress(url), origin: { kind: 'url', url }, path: url }, async () => {
    const all = addressesOf(url, hub.urlFolder ?? '');
    const isLater = (parseShardName(new URL(url).pathname)?.number ?? 1) > 1;
    const addresses = isLater ? all.filter(({ href }) => href === url.replace(/#.*$/, '')) : all;
    const kept = hub.urlFolder === undefined ? undefined : await keptFiles(addresses, hub);
    if (kept !== undefined) return kept;
    return addresses.map(({ href, shown }) => remoteFile({ url: href, name: shown, repo: undefined }, hub));
  });
}

function remoteFile(file: RemoteFile, hub: HubContext): ModelFile {
  return {
    name: file.name,
    isRemote: true,
    location: file.url,
    hub: null,
    kept: null,
    open: (options) => openRemote(file, hub, options),
  };
}

/** The files behind addresses, where all of them were fetched before; a part of a model is no model. */
async function keptFiles(
  addresses: readonly UrlAddress[],
  hub: HubContext,
): Promise<ModelFile[] | undefined> {
  // No server is asked about files that are not here.
  for (const { place } of addresses) if ((await recordOf(place)) === undefined) return undefined;
  const files: ModelFile[] = [];
  for (const address of addresses) {
    const { kept } = await stateOfAddress(address, hub).catch(anotherAnswer);
    if (kept === undefined) return undefined;
    files.push(localFile(address.place, { name: address.shown, kept }));
  }
  return files;
}

/** What the server sends instead is judged when it is read. */
function anotherAnswer(thrown: unknown): { readonly kept: undefined } {
  if (thrown instanceof QuantscopeError && thrown.code.startsWith('url/')) return { kept: undefined };
  throw thrown;
}
