import type { GgufHeader } from '../../gguf/header.ts';
import { readHeader } from '../../gguf/read.ts';
import { parseShardName, readShards, type ShardedTensor, shardNames } from '../../gguf/shards.ts';
import type { ByteSource } from '../../io/byte-source.ts';
import { openSource } from '../../io/open-source.ts';
import { openModelOf } from './opened-model.ts';

/** A model on disk or on a server: one file or all its shards, read as one. */
export interface ModelFiles {
  readonly header: GgufHeader & { readonly tensors: readonly ShardedTensor[] };
  readonly files: readonly ModelFile[];
  /** Of all its files. */
  readonly bytes: number;
}

export interface ModelFile {
  /** On disk; of a model whose header alone is read, its name. */
  readonly path: string;
  /** Where its tensors begin. */
  readonly dataOffset: number;
}

/**
 * Reads the headers of a model on disk.
 * @param path of the file, or of the first shard
 * @throws GgufError, or what the files' sources throw
 */
export async function openModelFiles(path: string, signal: AbortSignal): Promise<ModelFiles> {
  await using opened = new OpenSources();
  const paths = parseShardName(path)?.number === 1 ? shardNames(path) : [path];
  for (const each of paths) opened.sources.push(await openSource(each, { signal }));
  // Awaited here: the files are closed when this function returns.
  return await readModel(opened.sources, paths, signal);
}

/**
 * Reads the headers of the model that a ref stands for, wherever it is, without a download.
 * @throws GgufError, UsageError `ref/*`, or what the files' sources throw
 */
export async function openModelHeaders(ref: string, signal: AbortSignal): Promise<ModelFiles> {
  await using model = await openModelOf(ref, signal);
  return await readModel(model.sources, model.names, signal);
}

async function readModel(
  sources: readonly ByteSource[],
  paths: readonly string[],
  signal: AbortSignal,
): Promise<ModelFiles> {
  const [source] = sources;
  if (source === undefined) throw new RangeError('a model has at least one file');
  const bytes = sources.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (sources.length === 1) {
    const header = await readHeader(source, { signal });
    const tensors = header.tensors.map((tensor) => ({ ...tensor, shard: 0 }));
    const [path = ''] = paths;
    return { header: { ...header, tensors }, files: [{ path, dataOffset: header.dataOffset }], bytes };
  }
  const header = await readShards(sources, { signal });
  const files = paths.map((path, index) => ({ path, dataOffset: header.shards[index]?.dataOffset ?? 0 }));
  return { header, files, bytes };
}

class OpenSources implements AsyncDisposable {
  readonly sources: ByteSource[] = [];

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.sources.map((source) => source[Symbol.asyncDispose]()));
  }
}
