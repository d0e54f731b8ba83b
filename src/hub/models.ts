import { QuantscopeError, UsageError } from '../util/errors.ts';
import { formatBytes } from '../util/units.ts';
import { cachedCommit, snapshotFiles } from './cache-layout.ts';
import type { HubContext } from './context.ts';
import { gatherModels, type ModelFiles, modelsOfQuantization } from './gguf-names.ts';
import { type HubFile, listRepo, type RepoListing } from './listing.ts';
import { formatHubRef, type HubRef } from './ref.ts';

/** A listing, and whether it is the Hub's or what the cache remembers. */
export interface KnownListing extends RepoListing {
  readonly source: 'hub' | 'cache';
}

export type HubModel = ModelFiles<HubFile>;

/**
 * What is in a repository: by the Hub, or by the cache when offline or when the Hub cannot be reached.
 * @throws QuantscopeError what {@link listRepo} throws; `hub/offline`
 */
export async function knownListing(
  repo: string,
  revision: string | null,
  context: HubContext,
): Promise<KnownListing> {
  const wanted = revision ?? 'main';
  if (context.settings.offline) {
    const cached = await cachedListing(repo, wanted, context);
    if (cached !== undefined) return cached;
    throw new UsageError(
      'hub/offline',
      `hf:${repo} is not in the cache at ${wanted}, and HF_HUB_OFFLINE is set`,
      {
        hint: `The cache is ${context.settings.cacheFolder}. Unset HF_HUB_OFFLINE to download it.`,
      },
    );
  }
  try {
    return { ...(await listRepo(repo, wanted, context)), source: 'hub' };
  } catch (thrown) {
    context.signal.throwIfAborted();
    const isUnreachable = thrown instanceof QuantscopeError && thrown.code === 'hub/unreachable';
    const cached = isUnreachable ? await cachedListing(repo, wanted, context) : undefined;
    if (cached === undefined) throw thrown;
    context.notice(
      `hf:${repo}: the Hub cannot be reached; using what the cache has of commit ${cached.commit.slice(0, 8)}`,
    );
    return cached;
  }
}

async function cachedListing(
  repo: string,
  revision: string,
  context: HubContext,
): Promise<KnownListing | undefined> {
  const { cacheFolder } = context.settings;
  const commit = await cachedCommit(cacheFolder, repo, revision);
  if (commit === undefined) return undefined;
  const files = await snapshotFiles(cacheFolder, repo, commit);
  if (files.length === 0) return undefined;
  return {
    repo,
    revision,
    commit,
    gated: false,
    files: files.map((file) => ({ ...file, objectId: '' })),
    source: 'cache',
  };
}

/**
 * All models of a repository, by its listing alone.
 * @throws what {@link knownListing} throws
 */
export async function modelsOfRepo(
  { repo, revision }: Pick<HubRef, 'repo' | 'revision'>,
  context: HubContext,
): Promise<HubModel[]> {
  return gatherModels((await knownListing(repo, revision, context)).files);
}

/**
 * The one model that a ref means.
 * @throws UsageError `ref/not-found`, `ref/ambiguous`, `ref/incomplete`: each lists what there is
 */
export function chooseModel(ref: HubRef, listing: KnownListing): HubModel {
  const models = gatherModels(listing.files);
  const shown = formatHubRef(ref);
  const where = listing.source === 'cache' ? ' in the cache' : '';
  const inventory = describeModels(models, ref);
  const one = (found: readonly HubModel[]): HubModel => {
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

function complete(model: HubModel, shown: string): HubModel {
  if (model.missing.length === 0) return model;
  throw new UsageError(
    'ref/incomplete',
    `${shown}: ${model.missing.length} of ${model.missing.length + model.files.length} shards are missing: ${model.missing.join(', ')}`,
    { hint: 'The upload is incomplete; choose another quantization or repository.' },
  );
}

function describeModels(models: readonly HubModel[], { repo }: HubRef): string {
  if (models.length === 0) return `hf:${repo} has no GGUF model`;
  const labels = models.map(({ label }) => label);
  const each = models.map(({ label, path, sizeBytes }) => {
    const isUnique = label !== undefined && labels.indexOf(label) === labels.lastIndexOf(label);
    return `${isUnique ? label : path} (${formatBytes(sizeBytes)})`;
  });
  return `it has ${each.join(', ')}`;
}
