import type { HubContext } from '../hub/context.ts';
import type { PlannedFile } from '../hub/planned-file.ts';
import type { PulledFile, PullPlan } from '../hub/pull.ts';
import type { AccessOptions } from './access.ts';
import { accessFor, locateRefs } from './locate.ts';
import { localModel, type Model, onlyOne } from './model.ts';

/** What a download needs of its user; a terminal gives all of it, a program any. */
export interface DownloadOptions {
  /** Told before anything is downloaded; throws to stop it. */
  readonly confirm?: (plan: PullPlan) => Promise<void>;
  readonly progress?: DownloadProgress;
  /** Files at once. Default: 2. */
  readonly files?: number;
  /** Of each file. Default: `auto`. */
  readonly connections?: number | 'auto';
}

export interface DownloadProgress {
  readonly start: (plan: PullPlan) => void;
  readonly update: (file: PlannedFile, doneBytes: number) => void;
  readonly finishFile: (pulled: PulledFile) => void;
}

/**
 * The models that refs stand for, on this machine, in the order named, each once; what is on the Hub or behind an
 * address is downloaded first. A folder stands for all the models in it.
 * @param options with `oneEach`, each ref must stand for one model, and there is one for each
 * @throws UsageError `ref/*`, `catalogue/*`; QuantscopeError what locating and downloading throw; what `confirm` throws
 */
export async function localModels(
  refs: readonly string[],
  { oneEach = false, ...options }: AccessOptions & DownloadOptions & { readonly oneEach?: boolean },
): Promise<Model[]> {
  const access = { listings: new Map(), ...(await accessFor(refs, options)) };
  if (!oneEach) return distinct(await downloadModels(await locateRefs(refs, access), options, access.hub));
  const models: Model[] = [];
  for (const ref of refs) models.push(onlyOne(ref, await locateRefs([ref], access)));
  return downloadModels(models, options, access.hub);
}

/** Brings models to this machine. What they are then, in the same order. */
export async function downloadModels(
  models: readonly Model[],
  { confirm, progress, files = 2, connections = 'auto' }: DownloadOptions,
  hub: HubContext | undefined,
): Promise<Model[]> {
  if (hub === undefined || models.every(({ origin }) => origin.kind === 'local')) return [...models];
  const { planPull, pull } = await import('../hub/pull.ts');
  const plan = await planPull(models, hub);
  if (plan.missingBytes > 0) await confirm?.(plan);
  progress?.start(plan);
  await pull(
    plan,
    {
      files,
      connections,
      onProgress: (file, { doneBytes }) => progress?.update(file, doneBytes),
      onFileEnd: (pulled) => progress?.finishFile(pulled),
    },
    hub,
  );
  return models.map((model) => localModel(model.ref, plan.places.get(model) ?? model.path));
}

/** Models on this machine, each once: any shard's address stands for the whole model. */
export function distinct(models: readonly Model[]): Model[] {
  const paths = models.map(({ path }) => path);
  return models.filter(({ path }, index) => paths.indexOf(path) === index);
}
