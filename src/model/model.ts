import { basename } from 'node:path';
import type { GgufHeader, ParsedHeader } from '../gguf/header.ts';
import { readHeader } from '../gguf/read.ts';
import { readShards, type ShardedHeader, type ShardedTensor } from '../gguf/shards.ts';
import type { HubFile } from '../hub/listing.ts';
import type { ModelOrigin } from '../hub/pull.ts';
import type { UrlRecord } from '../hub/url-cache.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { openFile } from '../io/file-source.ts';
import { QuantscopeError, UsageError } from '../util/errors.ts';
import { localFiles } from './local.ts';

/**
 * One model, wherever it is: a file or a set of shards on this machine, in a repository of the Hub (in its cache, or
 * read from there), or behind a plain address. Commands get at models through this alone:
 *
 *     refs -> findModels -> Model -> files() -> open() -> header()
 *          -> localModels (download) -> LocalModel
 */
export interface Model {
  /** As the user named it, the path inside the folder that was named, or the ref of the Hub. */
  readonly ref: string;
  readonly origin: ModelOrigin;
  /** Of the file or the first shard: its path, its path in the repository, or its address. */
  readonly path: string;
  /**
   * Its files in the order of shards, and where each can be read just now: all shards of a first one, a later one alone.
   * @throws UsageError `ref/incomplete` where a shard is not on this machine; what asking a server throws
   */
  readonly files: () => Promise<readonly ModelFile[]>;
  /**
   * Opens all its files, without a download.
   * @throws UsageError `ref/incomplete`; QuantscopeError `io/*`, `hub/*`
   */
  readonly open: (options?: OpenOptions) => Promise<OpenModel>;
  /**
   * Reads its header, of shards as one.
   * @throws GgufError; what {@link Model.open} throws; the signal's reason
   */
  readonly header: (signal?: AbortSignal) => Promise<ModelHeader>;
}

export interface ModelFile {
  /** For messages: the path, the address without its query, or `hf:owner/repo/file`. */
  readonly name: string;
  /** Whether it is read from a server, by range requests. */
  readonly isRemote: boolean;
  /** Its path on this machine, or its address. */
  readonly location: string;
  /** What the listing of its repository says; null for a file that no ref of the Hub named. */
  readonly hub: HubOrigin | null;
  /** What was recorded when it was fetched from an address; null for a file that no address named. */
  readonly kept: UrlRecord | null;
  readonly open: (options?: OpenOptions) => Promise<ByteSource>;
}

export interface HubOrigin {
  readonly repo: string;
  readonly commit: string;
  readonly file: HubFile;
}

export interface OpenOptions {
  /** Bytes fetched with the opening request of a remote file. Default: io's own. */
  readonly firstWindowBytes?: number;
}

/** The files of a model, open. */
export interface OpenModel extends AsyncDisposable {
  readonly files: readonly ModelFile[];
  /** One for each file. */
  readonly sources: readonly ByteSource[];
}

/** A model's header, of shards as one, and where the tensors of its files are. */
export interface ModelHeader {
  readonly header: GgufHeader & { readonly tensors: readonly ShardedTensor[] };
  /** Of each file its path (of one that is not on this machine its name) and where its tensors begin. */
  readonly files: readonly { readonly path: string; readonly dataOffset: number }[];
  /** Of all its files. */
  readonly bytes: number;
}

/** A model from what tells it from others and how its files are found. */
export function modelOf(
  { ref, origin, path }: Pick<Model, 'ref' | 'origin' | 'path'>,
  files: Model['files'],
): Model {
  const open: Model['open'] = async (options) => openFiles(await files(), options);
  const header: Model['header'] = async (signal) => {
    await using opened = await open();
    // Awaited here: the files are closed when this function returns.
    return await headerOf(opened, signal);
  };
  return { ref, origin, path, files, open, header };
}

/** @param path absolute: of the file, or of the first shard */
export function localModel(ref: string, path: string): Model {
  return modelOf({ ref, origin: { kind: 'local' }, path }, async () =>
    (await localFiles(path)).map((each) => localFile(each)),
  );
}

/** @param from what its path does not say of it */
export function localFile(
  path: string,
  { name = path, hub = null, kept = null }: Partial<Pick<ModelFile, 'name' | 'hub' | 'kept'>> = {},
): ModelFile {
  return { name, isRemote: false, location: path, hub, kept, open: () => openFile(path) };
}

/** The name of a file by which people know it: in a repository with its folders, which may name the quantization. */
export function fileNameOf({ hub, isRemote, location }: ModelFile): string {
  if (hub !== null) return hub.file.path;
  return basename(isRemote ? new URL(location).pathname : location);
}

/** A model on this machine with its header, or with why that could not be read. */
export interface ReadModel {
  readonly ref: string;
  /** Of the file, or of the first shard. */
  readonly path: string;
  /** Of the file, or of all shards. */
  readonly paths: readonly string[];
  /** Of all files. 0 where they could not be read. */
  readonly bytes: number;
  readonly header: GgufHeader | QuantscopeError;
}

/** Reads a model's header. A file that cannot be read is no error of a command about several: its row says why. */
export async function readModel({ ref, path, header }: Model, signal: AbortSignal): Promise<ReadModel> {
  try {
    const read = await header(signal);
    return { ref, path, paths: read.files.map((file) => file.path), bytes: read.bytes, header: read.header };
  } catch (thrown) {
    signal.throwIfAborted();
    if (!(thrown instanceof QuantscopeError)) throw thrown;
    return { ref, path, paths: [path], bytes: 0, header: thrown };
  }
}

/** Reads the header of open files: of one file itself, of several as one. */
export function readHeaders(
  sources: readonly ByteSource[],
  signal: AbortSignal | undefined,
): Promise<ParsedHeader | ShardedHeader> {
  const [source] = sources;
  const options = signal === undefined ? {} : { signal };
  return source !== undefined && sources.length === 1
    ? readHeader(source, options)
    : readShards(sources, options);
}

async function headerOf({ files, sources }: OpenModel, signal?: AbortSignal): Promise<ModelHeader> {
  const header = await readHeaders(sources, signal);
  const parts = 'shards' in header ? header.shards : [header];
  return {
    header: {
      ...header,
      tensors: header.tensors.map((tensor) => ({ shard: 0, ...tensor })),
    },
    files: files.map((file, index) => ({
      path: file.isRemote || file.hub !== null ? fileNameOf(file) : file.location,
      dataOffset: parts[index]?.dataOffset ?? 0,
    })),
    bytes: sources.reduce((sum, { byteLength }) => sum + byteLength, 0),
  };
}

/** Requests to one server at the same time. */
const OPENED_AT_ONCE = 8;

/** All or none. */
async function openFiles(files: readonly ModelFile[], options?: OpenOptions): Promise<OpenModel> {
  const sources: ByteSource[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(sources.map((source) => source[Symbol.asyncDispose]()));
  };
  for (let from = 0; from < files.length; from += OPENED_AT_ONCE) {
    const some = files.slice(from, from + OPENED_AT_ONCE);
    const outcomes = await Promise.allSettled(some.map((file) => file.open(options)));
    for (const outcome of outcomes) if (outcome.status === 'fulfilled') sources.push(outcome.value);
    const failed = outcomes.findIndex(({ status }) => status === 'rejected');
    const failure = outcomes[failed];
    if (failure?.status !== 'rejected') continue;
    await close();
    throw shardError(failure.reason, files, from + failed);
  }
  return { files, sources, [Symbol.asyncDispose]: close };
}

/** That a later shard is not there is a fault of the set, not of the name that the user gave. */
function shardError(thrown: unknown, files: readonly ModelFile[], index: number): unknown {
  const isAbsent = thrown instanceof QuantscopeError && thrown.code === 'io/not-found';
  const file = files[index];
  if (!isAbsent || index === 0 || file?.isRemote !== true) return thrown;
  return new UsageError(
    'ref/incomplete',
    `shard ${index + 1} of ${files.length} is missing: ${file.name} (404)`,
    { cause: thrown, hint: 'All shards of a model stand beside each other; look for a complete upload.' },
  );
}

const MOST_NAMED = 6;

/** @throws UsageError `ref/several` */
export function onlyOne<Named extends { readonly ref: string }>(
  ref: string,
  models: readonly Named[],
): Named {
  const [first] = models;
  if (first !== undefined && models.length === 1) return first;
  const names = models.slice(0, MOST_NAMED).map((model) => model.ref);
  const more = models.length - names.length;
  throw new UsageError('ref/several', `${ref} stands for ${models.length} models, expected one`, {
    hint: `Name one of them: ${[...names, ...(more > 0 ? [`${more} more`] : [])].join(', ')}`,
  });
}
