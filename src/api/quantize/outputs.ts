import { mkdtemp, readdir, realpath, rm, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { labelInFileName, parseShardName, shardNames } from '../../gguf/index.ts';
import type { Model } from '../../model/model.ts';
import type { Recipe } from '../../quantize/recipes.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import { makeFolder } from '../../util/make-folder.ts';
import { publishOutput } from '../../util/output-file.ts';
import { formatBytes } from '../../util/units.ts';
import type { QuantizeRequest } from './request.ts';

/** `phi3-Q4_K_M` of `phi3-F16.gguf` and the recipe Q4_K_M: the label that the name carries is replaced. */
export function outputName(sourcePath: string, recipe: Pick<Recipe, 'name'>): string {
  const file = basename(sourcePath);
  const stem = (parseShardName(file)?.prefix ?? file).replace(/\.gguf$/i, '');
  const label = labelInFileName(`${stem}.gguf`);
  const at = label === undefined ? -1 : stem.toUpperCase().lastIndexOf(label);
  const isAtEnd = at > 0 && label !== undefined && at + label.length === stem.length;
  return `${isAtEnd ? stem.slice(0, at).replace(/[-._]$/, '') : stem}-${recipe.name}`;
}

/**
 * Where each recipe's file, or its shards, will be.
 * @param shards of each file: 1, or as many as the source has
 * @throws UsageError `quantize/out`, `quantize/exists`, `quantize/same-file`
 */
export async function outputPaths(
  model: Model,
  recipes: readonly Recipe[],
  { out, force = false, dryRun = false }: QuantizeRequest,
  shards: number,
): Promise<string[][]> {
  if (out === '')
    throw new UsageError('quantize/out', '--out is empty', { hint: 'Name a folder, or a .gguf file.' });
  const isFile = out !== undefined && /\.gguf$/i.test(out);
  if (isFile && recipes.length > 1) {
    throw new UsageError(
      'quantize/out',
      `--out ${out} is one file, and there are ${recipes.length} recipes`,
      {
        hint: 'Name a folder, or one recipe.',
      },
    );
  }
  const paths = recipes.map((recipe) => {
    const stem = isFile
      ? resolve(out.replace(/\.gguf$/i, ''))
      : join(resolve(out ?? usualFolder(model)), outputName(model.path, recipe));
    return shards === 1
      ? [`${stem}.gguf`]
      : shardNames(`${stem}-00001-of-${String(shards).padStart(5, '0')}.gguf`);
  });
  await requireOther(model, paths.flat());
  if (!dryRun) await requireFree(paths.flat(), force);
  return paths;
}

/** Beside a source of the user's own, else here: the Hub's files lie in its cache, the embedded ones in the package. */
export function usualFolder({ ref, path }: Model): string {
  // What was downloaded has a path of this machine by now; its ref is still that of the Hub, or an address.
  const isOwn = !/^(?:nano(?::|$)|hf:|https?:)/i.test(ref);
  return isOwn ? dirname(path) : process.cwd();
}

/** @throws UsageError `quantize/same-file`: a source is never written over, whatever is forced */
export async function requireOther(model: Model, paths: readonly string[]): Promise<void> {
  // Through links: what is written by name may follow them.
  const real = (path: string) => realpath(path).catch(() => resolve(path));
  const sources = new Set(await Promise.all((await model.files()).map(({ location }) => real(location))));
  const places = await Promise.all(paths.map(real));
  const same = paths.find((_, index) => sources.has(places[index] ?? ''));
  if (same === undefined) return;
  throw new UsageError('quantize/same-file', `${same} is the source itself`, {
    hint: 'Name another file or folder with --out.',
  });
}

/**
 * @param force lets a file be replaced, but no folder, device or pipe
 * @throws UsageError `quantize/exists`
 */
export async function requireFree(paths: readonly string[], force = false): Promise<void> {
  for (const path of paths) {
    const there = await stat(path).catch(() => undefined);
    if (there === undefined || (force && there.isFile())) continue;
    if (!there.isFile()) {
      throw new UsageError('quantize/exists', `${path} is there and no file`, {
        hint: 'Name another with --out.',
      });
    }
    throw new UsageError('quantize/exists', `${path} is there already`, {
      hint: 'Replace it with --force, or name another with --out.',
    });
  }
}

/** A folder beside the outputs, where they are written before they get their names; it goes with what is in it. */
export interface Workshop extends AsyncDisposable {
  readonly path: string;
}

/** @throws UsageError `output/unwritable` */
export async function openWorkshop(outputPath: string): Promise<Workshop> {
  const folder = dirname(outputPath);
  if (
    await stat(folder).then(
      (stats) => !stats.isDirectory(),
      () => false,
    )
  ) {
    throw new UsageError('output/unwritable', `${folder} is no folder`, {
      hint: 'Name a folder with --out, or one file ending in .gguf.',
    });
  }
  try {
    await makeFolder(folder);
    const path = await mkdtemp(join(folder, '.quantscope-'));
    return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
  } catch (cause) {
    throw new UsageError('output/unwritable', `${folder} cannot be written: ${messageOf(cause)}`, {
      cause,
      hint: 'Name another folder with --out.',
    });
  }
}

/** @throws UsageError `quantize/no-space` before anything is written */
export async function requireSpace(folder: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes) return;
  throw new UsageError(
    'quantize/no-space',
    `${folder} has ${formatBytes(freeBytes)} free, the files take ${formatBytes(neededBytes)}`,
    { hint: 'Free some space, name another folder with --out, or make fewer variants at once.' },
  );
}

/** Gives what was written its names. @returns bytes of all */
export async function publish(workshop: string, paths: readonly string[]): Promise<number> {
  const written = (await readdir(workshop)).sort();
  if (written.length !== paths.length) {
    throw new UsageError(
      'quantize/failed',
      `llama.cpp wrote ${written.length} files, expected ${paths.length}`,
    );
  }
  let bytes = 0;
  for (const [index, name] of written.entries()) {
    const from = join(workshop, name);
    bytes += (await stat(from)).size;
    await publishOutput(from, paths[index] ?? '', 'Name another place with --out.');
  }
  return bytes;
}
