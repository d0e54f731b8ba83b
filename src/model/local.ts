import { resolve as absolute, basename, dirname, join } from 'node:path';
import { parseShardName, shardNames } from '../gguf/shards.ts';
import { namesIn, statPath } from '../io/callback-fs.ts';
import { UsageError } from '../util/errors.ts';
import { nearest } from '../util/nearest.ts';
import { withoutCompanions } from './companions.ts';
import { isModelPath } from './names.ts';

/** Where a model on this machine lies. Nothing here knows of the network, so that it is opened without loading that. */
export interface LocalPlace {
  readonly ref: string;
  /** Absolute; of the first shard, where the model has several files. */
  readonly path: string;
}

/**
 * The models of the embedded family that `nano` or `nano:QUANT` stands for.
 * @throws UsageError `ref/not-found`
 */
export async function locateNano(folder: string, quantization: string | null): Promise<LocalPlace[]> {
  const all = (await modelsIn(folder)).map((model) => ({ ...model, ref: `nano:${nanoLabel(model.path)}` }));
  if (quantization === null) return all;
  const wanted = quantization.toLowerCase();
  const chosen = all.filter(({ path }) => nanoLabel(path).toLowerCase() === wanted);
  if (chosen.length === 0) {
    const names = all.map(({ path }) => nanoLabel(path));
    throw new UsageError('ref/not-found', `nano has no ${quantization}: it has ${names.join(', ')}`, {
      hint: `Write nano:${nearest(quantization, names) ?? names.at(-1) ?? 'QUANT'}, or nano for the whole family.`,
    });
  }
  return chosen;
}

/** `Q4_K_M` of `nano-phi3-Q4_K_M.gguf`. */
function nanoLabel(path: string): string {
  return /-([^-]+)\.gguf$/.exec(path)?.[1] ?? basename(path);
}

/**
 * The models that a path stands for: the file, or all models in the folder.
 * @param catalogueNames what a bare word may have been meant for
 * @throws UsageError `ref/not-found`, `ref/empty-folder`
 */
export async function locateLocal(
  path: string,
  catalogueNames: readonly string[] = [],
): Promise<LocalPlace[]> {
  const kind = await statPath(path).catch(async (cause: NodeJS.ErrnoException) => {
    if (isAbsent(cause)) {
      const meant = await nearRef(path, catalogueNames);
      const repo = /^\w[\w.-]*\/[\w.-]+$/.test(path)
        ? `A repository of the Hub is written hf:${path}.`
        : undefined;
      const hint = meant === undefined ? (repo ?? MISSING_HINT) : `Did you mean ${meant}?`;
      throw new UsageError('ref/not-found', `${path}: no such file or folder`, { cause, hint });
    }
    throw unreadablePath(path, cause);
  });
  return kind.isDirectory() ? modelsIn(path) : [{ ref: path, path: absolute(path) }];
}

/** Whether nothing is at a path, by what `stat` throws. */
export function isAbsent({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** The error for a path at which something is that cannot be looked at. */
export function unreadablePath(path: string, cause: NodeJS.ErrnoException): UsageError {
  if (cause.code === 'ELOOP') {
    return new UsageError('ref/not-found', `${path}: its symbolic links lead in a circle`, {
      cause,
      hint: 'Name the file itself.',
    });
  }
  return new UsageError('ref/not-found', `${path} cannot be read (${cause.code})`, {
    cause,
    hint: 'Check its permissions.',
  });
}

const MISSING_HINT =
  'Give a .gguf file, a folder of them, hf:owner/repo:QUANT, a name of the catalogue (phi3, llama-3.2-1b, gemma-2b) or nano.';

/**
 * The ref that was probably meant by one that names nothing: a model file or folder beside it, a name of the
 * catalogue with the same `:QUANT`, or nano.
 */
export async function nearRef(ref: string, catalogueNames: readonly string[]): Promise<string | undefined> {
  const folder = dirname(ref);
  const entries = await namesIn(folder, { withFileTypes: true }).catch(() => []);
  const here = entries
    .filter((entry) => entry.isDirectory() || isModelPath(entry.name))
    .map(({ name }) => name)
    // A link that leads nowhere has the very name.
    .filter((name) => name !== basename(ref));
  const file = nearest(basename(ref), here);
  if (file !== undefined) return ref.includes('/') || ref.includes('\\') ? join(folder, file) : file;
  const [, name, quantization = ''] = /^([^/\\:]+)(:[\w.-]+)?$/.exec(ref) ?? [];
  const known = name === undefined ? undefined : nearest(name, [...catalogueNames, 'nano']);
  return known === undefined ? undefined : `${known}${quantization}`;
}

async function modelsIn(folder: string): Promise<LocalPlace[]> {
  const names = (await namesIn(folder)).filter(isFirstOfModel).sort();
  if (names.length === 0) {
    throw new UsageError('ref/empty-folder', `${folder} has no .gguf file`, {
      hint: 'Name the folder that holds the models, or the files themselves.',
    });
  }
  const models = await withoutCompanions(names.map((name) => join(folder, name)));
  return models.map((path) => ({ ref: path, path: absolute(path) }));
}

/** Later shards are read with the first. */
function isFirstOfModel(name: string): boolean {
  return isModelPath(name) && (parseShardName(name)?.number ?? 1) === 1;
}

/**
 * The files of a model on this machine, in order: all shards of a first shard, any other file alone.
 * @throws UsageError `ref/incomplete`
 */
export async function localFiles(path: string): Promise<string[]> {
  if (parseShardName(path)?.number !== 1) return [path];
  const paths = shardNames(path);
  const isThere = await Promise.all(paths.map((each) => statPath(each).then(Boolean, () => false)));
  const missing = paths.filter((_, index) => isThere[index] !== true).map((each) => basename(each));
  if (missing.length === 0) return paths;
  const more = missing.length - MOST_NAMED;
  const named = [...missing.slice(0, MOST_NAMED), ...(more > 0 ? [`${more} more`] : [])].join(', ');
  const verb = missing.length === 1 ? 'is' : 'are';
  throw new UsageError(
    'ref/incomplete',
    `${basename(path)}: ${missing.length} of ${paths.length} shards ${verb} missing: ${named}`,
    { hint: 'Download them into the same folder; quantscope pull takes all shards of a model.' },
  );
}

const MOST_NAMED = 5;
