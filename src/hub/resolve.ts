import { readdir, stat } from 'node:fs/promises';
import { resolve as absolute, basename, join } from 'node:path';
import { UsageError } from '../util/errors.ts';
import { parseRef } from './ref.ts';

/** One model on this machine: a file, or the first of its shards. */
export interface ResolvedFile {
  /** As the user named it, or the path inside the folder that was named. */
  readonly ref: string;
  readonly path: string;
}

export interface ResolveOptions {
  /** Where the embedded family lies. */
  readonly nanoFolder: string;
}

const SHARD = /-(\d{5})-of-\d{5}\.gguf$/;

/**
 * The files that refs stand for, in the order named, each once. A folder stands for all the models in it.
 * @throws UsageError `ref/not-found`, `ref/empty-folder`, `ref/unsupported`, `ref/invalid`
 */
export async function resolveRefs(
  refs: readonly string[],
  { nanoFolder }: ResolveOptions,
): Promise<ResolvedFile[]> {
  const found: ResolvedFile[] = [];
  for (const text of refs) {
    const ref = parseRef(text);
    switch (ref.kind) {
      case 'nano':
        found.push(...(await nano(nanoFolder, ref.quantization)));
        break;
      case 'path':
        found.push(...(await local(ref.path)));
        break;
      case 'url':
      case 'hub':
        throw new UsageError('ref/unsupported', `"${text}" is not on this machine`, {
          hint: 'Download the file first and name its path.',
        });
    }
  }
  return found.filter(({ path }, index) => found.findIndex((other) => other.path === path) === index);
}

async function nano(folder: string, quantization: string | null): Promise<ResolvedFile[]> {
  const all = await modelsIn(folder);
  if (quantization === null) return all;
  const wanted = `-${quantization}.gguf`.toLowerCase();
  const chosen = all.filter(({ path }) => path.toLowerCase().endsWith(wanted));
  if (chosen.length === 0) {
    const names = all.map(({ path }) => /-([^-]+)\.gguf$/.exec(path)?.[1] ?? basename(path));
    throw new UsageError('ref/not-found', `nano has no ${quantization}: it has ${names.join(', ')}`);
  }
  return chosen;
}

async function local(path: string): Promise<ResolvedFile[]> {
  const kind = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const missing = cause.code === 'ENOENT' || cause.code === 'ENOTDIR';
    throw new UsageError(
      'ref/not-found',
      missing ? `${path}: no such file or folder` : `${path} cannot be read (${cause.code})`,
      { cause, hint: missing ? 'Give a .gguf file, a folder of them, or nano.' : 'Check its permissions.' },
    );
  });
  return kind.isDirectory() ? modelsIn(path) : [{ ref: path, path: absolute(path) }];
}

async function modelsIn(folder: string): Promise<ResolvedFile[]> {
  const names = (await readdir(folder)).filter(isModelName).sort();
  if (names.length === 0) {
    throw new UsageError('ref/empty-folder', `${folder} has no .gguf file`, {
      hint: 'Name the folder that holds the models, or the files themselves.',
    });
  }
  return names.map((name) => ({ ref: join(folder, name), path: absolute(folder, name) }));
}

/** Later shards are read with the first; projectors and importance matrices are no language models. */
function isModelName(name: string): boolean {
  if (!name.endsWith('.gguf') || /mmproj|imatrix/i.test(name)) return false;
  const shard = SHARD.exec(name)?.[1];
  return shard === undefined || Number(shard) === 1;
}
