import { UsageError } from '../util/errors.ts';
import { snapshotPath } from './cache-layout.ts';
import type { HubContext } from './context.ts';
import { type LocatedModel, type LocateOptions, locateRefs } from './locate.ts';
import { type PullOptions, type PullPlan, planPull, pull } from './pull.ts';
import { placesOf } from './url-plan.ts';

/** One model on this machine: a file, or the first of its shards. */
export interface ResolvedFile {
  /** As the user named it, the path inside the folder that was named, or the hub ref. */
  readonly ref: string;
  readonly path: string;
}

export interface ResolveOptions extends LocateOptions {
  readonly pull?: PullOptions;
  /** Told before anything is downloaded; throws to stop it. */
  readonly confirm?: (plan: PullPlan) => Promise<void>;
}

/**
 * The files that refs stand for, in the order named, each once; what is on the Hub or behind an address is downloaded
 * first. A folder stands for all the models in it.
 * @throws what {@link locateRefs} and {@link pull} throw
 */
export async function resolveRefs(refs: readonly string[], options: ResolveOptions): Promise<ResolvedFile[]> {
  const models = await locateRefs(refs, options);
  const remote = models.filter((model) => model.kind !== 'local');
  if (remote.length > 0 && options.hub !== undefined) await fetchModels(remote, options, options.hub);
  const files = models.map((model) => ({ ref: model.ref, path: pathOf(model, options.hub) }));
  // Any shard's address stands for the whole model.
  return files.filter(({ path }, index) => files.findIndex((other) => other.path === path) === index);
}

async function fetchModels(
  models: readonly Exclude<LocatedModel, { kind: 'local' }>[],
  { confirm, pull: options = { files: 2, connections: 'auto' } }: ResolveOptions,
  hub: HubContext,
): Promise<void> {
  const plan = await planPull(models, hub);
  if (plan.missingBytes > 0) await confirm?.(plan);
  await pull(plan, options, hub);
}

function pathOf(model: LocatedModel, hub: HubContext | undefined): string {
  if (model.kind === 'local') return model.path;
  if (hub === undefined) {
    throw new UsageError('ref/unsupported', `"${model.ref}" is not on this machine`, {
      hint: `Download it first: quantscope pull ${model.ref}`,
    });
  }
  if (model.kind === 'url') return placesOf(model, hub)[0] ?? '';
  const { listing, model: chosen } = model;
  return snapshotPath(hub.settings.cacheFolder, listing.repo, listing.commit, chosen.path);
}
