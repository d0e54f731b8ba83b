import { basename, dirname, join, resolve } from 'node:path';
import { type HeaderScan, parseShardName, scanSource, shardNames } from '../../gguf/index.ts';
import { readLink, statPath } from '../../io/callback-fs.ts';
import type { RefAccess } from '../../model/access.ts';
import { isAbsent, locateNano, nearRef, unreadablePath } from '../../model/local.ts';
import { type LocateOptions, locateRefs } from '../../model/locate.ts';
import { fileNameOf, type Model, type ModelFile } from '../../model/model.ts';
import { formatHubRef, isLocalRef, parseRef } from '../../model/ref.ts';
import { QuantscopeError, UsageError } from '../../util/errors.ts';
import { inOrder } from '../../util/in-order.ts';
import { packagePath } from '../../util/package-files.ts';
import type { Origin } from '../../validate/index.ts';

export interface RemoteScan {
  readonly fileBytes: number;
  readonly scan: HeaderScan;
}

/** A file of which only the header is read, by range requests. */
export interface RemoteFile {
  readonly kind: 'remote';
  readonly ref: string;
  /** Without folders. */
  readonly name: string;
  /** Tells one file from another. */
  readonly url: string;
  readonly origin: Origin;
  /** All files of the model, this one included, in order. */
  readonly set: readonly RemoteFile[];
  /**
   * Reads the header, once for the file itself and the first of its set.
   * @throws QuantscopeError `io/*`, `hub/*`; the signal's reason
   */
  readonly scan: () => Promise<RemoteScan>;
}

/** A file to validate: as the user named it, and where it is. */
export type ValidationFile = LocalFile | RemoteFile | UnreachableFile;

export interface LocalFile {
  readonly kind: 'local';
  readonly ref: string;
  readonly path: string;
  /** Where it is from, where its place does not say it. */
  readonly origin?: Origin;
}

/** A ref whose files the Hub, or the way to it, did not tell. */
export interface UnreachableFile {
  readonly kind: 'unreachable';
  readonly ref: string;
  readonly error: QuantscopeError;
}

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
  if (parsed.kind === 'store') {
    const { locateStored } = await import('../../model/stores.ts');
    const found = await locateStored(parsed.store, parsed.name);
    return (await Promise.all(found.map((file) => withShards({ kind: 'local', ...file })))).flat();
  }
  const stats = await statPath(ref).catch((cause: NodeJS.ErrnoException) => {
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
    if (await statPath(path).catch(() => null))
      others.push({ kind: 'local', ref: join(dirname(file.ref), name), path });
  }
  return [file, ...others];
}

const SNAPSHOT = /models--([^/\\]+)--([^/\\]+)[/\\]snapshots[/\\]([0-9a-f]{40})[/\\]/;

/** What the place of a file in a Hugging Face cache says of it; null for any other place. */
export async function originOf(path: string): Promise<Origin | null> {
  const [, owner, name, commit] = SNAPSHOT.exec(path) ?? [];
  if (owner === undefined || name === undefined || commit === undefined) return null;
  const target = await readLink(path).catch(() => null);
  return {
    kind: 'hub',
    repo: `${owner}/${name}`,
    commit,
    objectId: target === null ? null : basename(target),
    sizeBytes: null,
  };
}

/**
 * The files of a model that is not a path's: those of the cache where all of it is there, and otherwise remote ones,
 * since a set half of which is here cannot be judged from a folder.
 */
async function filesOfModel(model: Model, signal: AbortSignal): Promise<readonly (LocalFile | RemoteFile)[]> {
  const files = await model.files();
  if (!files.some(({ isRemote }) => isRemote)) {
    return files.map((file) => ({
      kind: 'local',
      ref: refOf(file, model, files.length),
      path: file.location,
      ...(file.hub === null ? { origin: statedOrigin(file) } : {}),
    }));
  }
  const set: RemoteFile[] = [];
  for (const file of files) {
    let kept: Promise<RemoteScan> | undefined;
    const scan = (): Promise<RemoteScan> => {
      const known = kept;
      const scanned = known ?? scanFile(file, signal);
      // There is no third time: of thousands of files none stays in memory.
      kept = known === undefined && files.length > 1 ? scanned : undefined;
      return scanned;
    };
    set.push({
      kind: 'remote',
      ref: refOf(file, model, files.length),
      name: basename(fileNameOf(file)),
      url: file.location,
      origin: statedOrigin(file),
      set,
      scan,
    });
  }
  return set;
}

async function scanFile(file: ModelFile, signal: AbortSignal): Promise<RemoteScan> {
  await using source = await file.open();
  return { fileBytes: source.byteLength, scan: await scanSource(source, { signal }) };
}

/** The model's own ref where it is one file; otherwise that of the shard, at the revision that was asked for. */
function refOf({ hub, name }: ModelFile, model: Model, count: number): string {
  if (count === 1) return model.ref;
  if (hub === null) return name;
  const parsed = parseRef(model.ref);
  const revision = parsed.kind === 'hub' ? parsed.revision : null;
  return formatHubRef({ repo: hub.repo, revision, quantization: null, file: hub.file.path });
}

function statedOrigin({ hub, kept, name }: ModelFile): Origin {
  if (hub === null) return { kind: 'url', url: name, sha256: kept?.sha256 ?? null };
  const { repo, commit, file } = hub;
  return { kind: 'hub', repo, commit, objectId: file.objectId, sizeBytes: file.sizeBytes };
}
