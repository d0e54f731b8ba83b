import type { GgufHeader } from '../../gguf/header.ts';
import { readHeader } from '../../gguf/read.ts';
import { parseShardName, readShards, type ShardedTensor, shardNames } from '../../gguf/shards.ts';
import type { ByteSource } from '../../io/byte-source.ts';
import { openSource } from '../../io/open-source.ts';

/** A model on disk or on a server: one file or all its shards, read as one. */
export interface ModelFiles {
  readonly header: GgufHeader & { readonly tensors: readonly ShardedTensor[] };
  readonly files: readonly ModelFile[];
  /** Of all its files. */
  readonly bytes: number;
}

export interface ModelFile {
  readonly path: string;
  /** Where its tensors begin. */
  readonly dataOffset: number;
}

/**
 * Reads the headers of a model.
 * @param path of the file, or of the first shard
 * @throws GgufError, or what the files' sources throw
 */
export async function openModelFiles(path: string, signal: AbortSignal): Promise<ModelFiles> {
  await using opened = new OpenSources();
  const isSharded = parseShardName(path)?.number === 1;
  const paths = isSharded ? shardNames(path) : [path];
  for (const each of paths) opened.sources.push(await openSource(each, { signal }));
  const [source] = opened.sources;
  if (source === undefined) throw new RangeError('a model has at least one file');
  const bytes = opened.sources.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (!isSharded) {
    const header = await readHeader(source, { signal });
    const tensors = header.tensors.map((tensor) => ({ ...tensor, shard: 0 }));
    return { header: { ...header, tensors }, files: [{ path, dataOffset: header.dataOffset }], bytes };
  }
  const header = await readShards(opened.sources, { signal });
  const files = paths.map((each, index) => ({
    path: each,
    dataOffset: header.shards[index]?.dataOffset ?? 0,
  }));
  return { header, files, bytes };
}

class OpenSources implements AsyncDisposable {
  readonly sources: ByteSource[] = [];

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.sources.map((source) => source[Symbol.asyncDispose]()));
  }
}
