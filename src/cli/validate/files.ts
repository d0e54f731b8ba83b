import { readlink, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parseShardName, shardNames } from '../../gguf/index.ts';
import { UsageError } from '../../util/errors.ts';
import type { Origin } from '../../validate/index.ts';
import { packagePath } from '../package-files.ts';

/** A file to validate: as the user named it, and where it is. */
export interface ValidationFile {
  readonly ref: string;
  readonly path: string;
}

/**
 * The files that refs stand for, each once, in the order named: a file whatever its name, all `.gguf` files below a
 * folder or a pattern (shards, projectors and adapters included), and the refs of other commands. The first shard
 * of a set brings the others with it.
 * @throws UsageError `ref/not-found`, `ref/empty-folder`, `ref/invalid`
 */
export async function validationFiles(refs: readonly string[]): Promise<ValidationFile[]> {
  const found: ValidationFile[] = [];
  for (const ref of refs) found.push(...(await filesOf(ref)));
  const byPath = new Map<string, ValidationFile>();
  for (const file of found) {
    for (const one of await withShards(file)) if (!byPath.has(one.path)) byPath.set(one.path, one);
  }
  return [...byPath.values()];
}

async function filesOf(ref: string): Promise<ValidationFile[]> {
  if (ref.trim() === '')
    throw new UsageError('ref/invalid', 'a ref is empty: name a file, a folder or a pattern');
  const stats = await stat(ref).catch(() => null);
  if (stats?.isDirectory()) return inFolder(ref);
  // Opening a pipe would wait for its writer.
  if (stats !== null && !stats.isFile()) {
    throw new UsageError('ref/not-a-file', `${ref}: not a regular file`, {
      hint: 'Save it to a file first.',
    });
  }
  if (stats !== null) return [{ ref, path: resolve(ref) }];
  if (/^(?:https?:|hf:)/i.test(ref) || /^nano(?::|$)/i.test(ref)) {
    const { resolveRefs } = await import('../../hub/index.ts');
    return resolveRefs([ref], { nanoFolder: packagePath('fixtures/nano') });
  }
  const { glob, isDynamicPattern } = await import('tinyglobby');
  if (isDynamicPattern(ref)) {
    const matches = (await glob(ref.replaceAll('\\', '/'), { onlyFiles: true, dot: false })).sort();
    if (matches.length > 0) return matches.map((path) => ({ ref: path, path: resolve(path) }));
  }
  throw new UsageError('ref/not-found', `${ref}: no such file or folder`, {
    hint: 'Give a .gguf file, a folder, a pattern such as "models/**/*.gguf", or nano.',
  });
}

async function inFolder(folder: string): Promise<ValidationFile[]> {
  const { glob } = await import('tinyglobby');
  const names = await glob('**/*.gguf', { cwd: folder, onlyFiles: true, caseSensitiveMatch: false });
  if (names.length === 0) {
    throw new UsageError('ref/empty-folder', `${folder} has no .gguf file in it`, {
      hint: 'Name the folder that holds the models, or the files themselves.',
    });
  }
  return names.sort().map((name) => ({ ref: join(folder, name), path: resolve(folder, name) }));
}

async function withShards(file: ValidationFile): Promise<ValidationFile[]> {
  if (parseShardName(basename(file.path))?.number !== 1) return [file];
  const others: ValidationFile[] = [];
  for (const name of shardNames(basename(file.path)).slice(1)) {
    const path = join(dirname(file.path), name);
    // One that is absent is the business of a rule.
    if (await stat(path).catch(() => null)) others.push({ ref: join(dirname(file.ref), name), path });
  }
  return [file, ...others];
}

const SNAPSHOT = /models--([^/\\]+)--([^/\\]+)[/\\]snapshots[/\\]([0-9a-f]{40})[/\\]/;

/** What the place of a file in a Hugging Face cache says of it; null for any other place. */
export async function originOf(path: string): Promise<Origin | null> {
  const [, owner, name, commit] = SNAPSHOT.exec(path) ?? [];
  if (owner === undefined || name === undefined || commit === undefined) return null;
  const target = await readlink(path).catch(() => null);
  return { repo: `${owner}/${name}`, commit, objectId: target === null ? null : basename(target) };
}
