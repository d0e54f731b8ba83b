import type { GgufHeader } from '../gguf/index.ts';
import { readHeader } from '../gguf/index.ts';
import type { ResolvedFile } from '../hub/index.ts';
import { openFile } from '../io/index.ts';
import { QuantscopeError } from '../util/errors.ts';

/** A file with its header, or with why that could not be read. */
export interface HeaderedFile extends ResolvedFile {
  /** Of the file, or of its first shard. 0 where it could not be opened. */
  readonly bytes: number;
  readonly header: GgufHeader | QuantscopeError;
}

/** Reads a model's header. A file that cannot be read is no error of the command: its row says why. */
export async function withHeader(file: ResolvedFile, signal: AbortSignal): Promise<HeaderedFile> {
  let bytes = 0;
  try {
    await using source = await openFile(file.path);
    bytes = source.byteLength;
    return { ...file, bytes, header: await readHeader(source, { signal }) };
  } catch (thrown) {
    signal.throwIfAborted();
    if (!(thrown instanceof QuantscopeError)) throw thrown;
    return { ...file, bytes, header: thrown };
  }
}
