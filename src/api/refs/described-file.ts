import type { GgufHeader } from '../../gguf/index.ts';
import type { ResolvedFile } from '../../hub/index.ts';
import { QuantscopeError } from '../../util/errors.ts';
import { openModelFiles } from './model-header.ts';

/** A model's files with their header, or with why that could not be read. */
export interface HeaderedFile extends ResolvedFile {
  /** The file, or all shards; `path` is the first. */
  readonly paths: readonly string[];
  /** Of all files. 0 where they could not be read. */
  readonly bytes: number;
  readonly header: GgufHeader | QuantscopeError;
}

/** Reads a model's header. A file that cannot be read is no error of the command: its row says why. */
export async function withHeader(file: ResolvedFile, signal: AbortSignal): Promise<HeaderedFile> {
  try {
    const { header, bytes, files } = await openModelFiles(file.path, signal);
    return { ...file, paths: files.map(({ path }) => path), bytes, header };
  } catch (thrown) {
    signal.throwIfAborted();
    if (!(thrown instanceof QuantscopeError)) throw thrown;
    return { ...file, paths: [file.path], bytes: 0, header: thrown };
  }
}
