import { readlink, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parseShardName, shardNames } from '../../gguf/index.ts';
import type { RefAccess } from '../../model/access.ts';
import { isAbsent, locateNano, nearRef, unreadablePath } from '../../model/local.ts';
import { type LocateOptions, locateRefs } from '../../model/locate.ts';
import { isLocalRef, parseRef } from '../../model/ref.ts';
import { QuantscopeError, UsageError } from '../../util/errors.ts';
import { inOrder } from '../../util/in-order.ts';
import { packagePath } from '../../util/package-files.ts';
import type { Origin } from '../../validate/index.ts';
import type { LocalFile, UnreachableFile, ValidationFile } from './validation-file.ts';

export interface FilesOptions {
  readonly signal: AbortSignal;
  /** Where pauses and fallbacks are told. */
  readonly notice: (text: string) => void;
}

/** Refs that are looked up at the same time. */
const LOOKED_UP_AT_ONCE = 8;

/**
 * The files that refs stand for, each once, in the order named: a file whatever its name, all `.gguf` files below a
 * folder or a pattern (shards, projectors and adapters included), and the refs of other commands. The first shard
 * of a set brings the others with it. A Hub that cannot be reached is no error here, but an {@link UnreachableFile}.
 * @throws UsageError `ref/not-found`, `ref/empty-folder`, `ref/invalid`, `ref/ambiguous`, `catalogue/*`
 */
export async function validationFiles(
  refs: readonly string[],
  options: FilesOptions,
): Promise<ValidationFile[]> {
  const lookup = new Lookup(options);
  const byPlace = new Map<string, ValidationFile>();
  for await (const found of inOrder(refs, LOOKED_UP_AT_ONCE, (ref) => filesOf(ref, lookup))) {
    for (const file of found) {
      const place = placeOf(file);
      if (!byPlace.has(place)) byPlace.set(place, file);
    }
  }
  return [...byPlace.values()];
}

function placeOf(file: ValidationFile): string {
  switch (file.kind) {
    case 'local':
      return file.path;
    case 'remote':
      return file.url;
    case 'unreachable':
      return file.ref;
  }
}

async function filesOf(ref: string, lookup: Lookup): Promise<ValidationFile[]> {
  if (ref.trim() === '')
    throw new UsageError('ref/invalid', 'a ref is empty: name a file, a folder or a pattern');
  if (!isLocalRef(ref) && !(await lookup.isPath(ref))) return lookup.filesOf(ref);
  const parsed = parseRef(ref);
  if (parsed.kind === 'nano') {
    const files = await locateNano(packagePath('fixtures/nano'), parsed.quantization);
    return files.map((file) => ({ kind: 'local', ...file }));
  }
  const stats = await stat(ref).catch((cause: NodeJS.ErrnoException) => {
    // A pattern may be longer than a name.
    if (isAbsent(cause) || cause.code === 'ENAMETOOLONG') return null;
    throw unreadablePath(ref, cause);
  });
  if (stats?.isDirectory()) return inFolder(ref);
  // Opening a pipe would wait for its writer.
  if (stats !== null && !stats.isFile()) {
    throw new UsageError('ref/not-a-file', `${ref}: not a regular file`, {
      hint: 'Save it to a file first.',
    });
  }
  if (stats !== null) return withShards({ kind: 'local', ref, path: resolve(ref) });
  const { glob, isDynamicPattern } = await import('tinyglobby');
  if (isDynamicPattern(ref)) {
    const matches = (await glob(ref.replaceAll('\\', '/'), { onlyFiles: true, dot: false })).sort();
    const files = matches.map((path) => withShards({ kind: 'local', ref: path, path: resolve(path) }));
    if (files.length > 0) return (await Promise.all(files)).flat();
  }
  const meant = await nearRef(ref, isLocalRef(ref) ? [] : await lookup.catalogueNames());
  throw new UsageError('ref/not-found', `${ref}: no such file or folder`, {
    hint:
      meant !== undefined
        ? `Did you mean ${meant}?`
        : 'Give a .gguf file, a folder, a pattern such as "models/**/*.gguf", hf:owner/repo:QUANT, a name of the catalogue, or nano.',
  });
}

/** What refs beyond the file system need: loaded once, for the first that needs it. */
class Lookup {
  readonly #options: FilesOptions;
  readonly #listings: NonNullable<LocateOptions['listings']> = new Map();
  #access: Promise<RefAccess> | undefined;

  constructor(options: FilesOptions) {
    this.#options = options;
  }

  /** Whether a text that might be more is a path all the same. */
  async isPath(text: string): Promise<boolean> {
    const { catalogue, hub } = await this.#known();
    const { endpoint } = hub.settings;
    return parseRef(text, { catalogueNames: [...catalogue.keys()], endpoint }).kind === 'path';
  }

  async catalogueNames(): Promise<string[]> {
    return [...(await this.#known()).catalogue.keys()];
  }

  async filesOf(ref: string): Promise<ValidationFile[]> {
    const access = await this.#known();
    const { filesOfModel } = await import('./remote.ts');
    try {
      const models = await locateRefs([ref], { ...access, listings: this.#listings });
      const files: ValidationFile[] = [];
      for (const model of models) files.push(...(await filesOfModel(model, this.#options.signal)));
      return files;
    } catch (thrown) {
      this.#options.signal.throwIfAborted();
      if (!isUnreadable(thrown)) throw thrown;
      return [{ kind: 'unreachable', ref, error: thrown }];
    }
  }

  #known(): Promise<RefAccess> {
    this.#access ??= import('../../model/access.ts').then(({ refAccess }) => refAccess(this.#options));
    return this.#access;
  }
}

/** Whether a file could not be had, which is a finding of its own and stops no other. */
export function isUnreadable(thrown: unknown): thrown is QuantscopeError {
  return thrown instanceof QuantscopeError && /^(?:io|hub)\//.test(thrown.code);
}

async function inFolder(folder: string): Promise<LocalFile[]> {
  const { glob } = await import('tinyglobby');
  const names = await glob('**/*.gguf', { cwd: folder, onlyFiles: true, caseSensitiveMatch: false });
  if (names.length === 0) {
    throw new UsageError('ref/empty-folder', `${folder} has no .gguf file in it`, {
      hint: 'Name the folder that holds the models, or the files themselves.',
    });
  }
  return names
    .sort()
    .map((name) => ({ kind: 'local', ref: join(folder, name), path: resolve(folder, name) }));
}

async function withShards(file: LocalFile): Promise<LocalFile[]> {
  if (parseShardName(basename(file.path))?.number !== 1) return [file];
  const others: LocalFile[] = [];
  for (const name of shardNames(basename(file.path)).slice(1)) {
    const path = join(dirname(file.path), name);
    // One that is absent is what a rule reports.
    if (await stat(path).catch(() => null))
      others.push({ kind: 'local', ref: join(dirname(file.ref), name), path });
  }
  return [file, ...others];
}

const SNAPSHOT = /models--([^/\\]+)--([^/\\]+)[/\\]snapshots[/\\]([0-9a-f]{40})[/\\]/;

/** What the place of a file in a Hugging Face cache says of it; null for any other place. */
export async function originOf(path: string): Promise<Origin | null> {
  const [, owner, name, commit] = SNAPSHOT.exec(path) ?? [];
  if (owner === undefined || name === undefined || commit === undefined) return null;
  const target = await readlink(path).catch(() => null);
  return {
    kind: 'hub',
    repo: `${owner}/${name}`,
    commit,
    objectId: target === null ? null : basename(target),
    sizeBytes: null,
  };
}
