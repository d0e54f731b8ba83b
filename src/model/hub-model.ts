import { parseShardName } from '../gguf/shards.ts';
import { snapshotPath } from '../hub/cache-layout.ts';
import type { HubContext } from '../hub/context.ts';
import { stateOf } from '../hub/hub-file.ts';
import { type HubFile, type KnownListing, knownListing } from '../hub/listing.ts';
import { resolveUrl } from '../hub/location.ts';
import { openRemote } from '../hub/open-remote.ts';
import { UsageError } from '../util/errors.ts';
import { formatBytes } from '../util/units.ts';
import { localFile, type Model, type ModelFile, modelOf } from './model.ts';
import { type GatheredModel, gatherModels, modelsOfQuantization } from './names.ts';
import { formatHubRef, type HubRef } from './ref.ts';

export { knownListing } from '../hub/listing.ts';

/** A model of a repository, by its listing alone. */
export type RepoModel = GatheredModel<HubFile>;

/**
 * The one model that a ref means, read from the cache where it is there and from the Hub otherwise.
 * @throws what {@link chooseModel} throws
 */
export function hubModel(ref: HubRef, listing: KnownListing, hub: HubContext): Model {
  const { path, files } = chooseModel(ref, listing);
  // A ref that names a later shard means that one; for what loads it, its model is the whole set.
  const isLater = ref.file !== null && (parseShardName(ref.file)?.number ?? 1) > 1;
  const named = isLater ? files.filter((file) => file.path === ref.file) : files;
  return modelOf({ ref: formatHubRef(ref), origin: { kind: 'hub', listing, files }, path }, () =>
    Promise.all(named.map((file) => hubFile(file, listing, hub))),
  );
}

/** A file of a repository: in the cache, or where the Hub has it. */
export async function hubFile(
  file: HubFile,
  { repo, commit, source }: KnownListing,
  hub: HubContext,
): Promise<ModelFile> {
  const { cacheFolder, endpoint } = hub.settings;
  const from = { name: `hf:${repo}/${file.path}`, hub: { repo, commit, file } };
  const state = source === 'cache' ? 'cached' : await stateOf({ ...file, repo, commit }, cacheFolder);
  if (state === 'cached') return localFile(snapshotPath(cacheFolder, repo, commit, file.path), from);
  const url = resolveUrl(repo, commit, file.path, endpoint);
  return {
    ...from,
    isRemote: true,
    location: url,
    kept: null,
    open: (options) => openRemote({ url, name: from.name, repo }, hub, options),
  };
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

/**
 * The one model that a ref means.
 * @throws UsageError `ref/not-found`, `ref/ambiguous`, `ref/incomplete`: each lists what there is
 */
export function chooseModel(ref: HubRef, listing: KnownListing): RepoModel {
  const models = gatherModels(listing.files);
  const shown = formatHubRef(ref);
  const where = listing.source === 'cache' ? ' in the cache' : '';
  const inventory = describeModels(models, ref);
  const one = (found: readonly RepoModel[]): RepoModel => {
    const [model, other] = found;
    if (model !== undefined && other === undefined) return complete(model, shown);
    if (model === undefined) {
      throw new UsageError('ref/not-found', `${shown}: no such model${where}; ${inventory}`, {
        hint: 'Name one of them, by its quantization behind ":" or its file behind "/".',
      });
    }
    throw new UsageError(
      'ref/ambiguous',
      `${shown} may mean several models${where}: ${describeModels(found, ref)}`,
      {
        hint: `Name one of them: hf:${ref.repo}:${model.label ?? 'QUANT'} or hf:${ref.repo}/${model.path}`,
      },
    );
  };
  if (ref.quantization !== null) return one(modelsOfQuantization(models, ref.quantization));
  if (ref.file === null) return one(models);
  const { file } = ref;
  const ofShards = models.find(
    ({ path, files }) => path === file || files.some((each) => each.path === file),
  );
  if (ofShards !== undefined) return complete(ofShards, shown);
  const other = listing.files.find(({ path }) => path === file);
  if (other === undefined) return one([]);
  return { path: other.path, label: undefined, files: [other], sizeBytes: other.sizeBytes, missing: [] };
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
