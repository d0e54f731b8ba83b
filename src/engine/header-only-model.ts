import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A model that is as long as its files are and holds no more than their headers: enough to plan memory by. */
export interface HeaderOnlyModel extends AsyncDisposable {
  /** Of the first of its files. */
  readonly path: string;
}

export interface HeaderBytes {
  /** A GGUF file's bytes up to where its tensors begin. */
  readonly header: Uint8Array;
  /** Of the whole file; the rest is a hole, which takes no room on disk. */
  readonly sizeBytes: number;
}

/** @param files in the order of shards, whose names llama.cpp derives from the first one's */
export async function headerOnlyModel(files: readonly HeaderBytes[]): Promise<HeaderOnlyModel> {
  const folder = await mkdtemp(join(tmpdir(), 'quantscope-header-'));
  const number = (value: number) => String(value).padStart(5, '0');
  const pathOf = (index: number) =>
    join(
      folder,
      files.length === 1 ? 'model.gguf' : `model-${number(index + 1)}-of-${number(files.length)}.gguf`,
    );
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    for (const [index, { header, sizeBytes }] of files.entries()) {
      await using file = await open(pathOf(index), 'wx');
      await file.write(header);
      await file.truncate(sizeBytes);
    }
    return { path: pathOf(0), [Symbol.asyncDispose]: remove };
  } catch (thrown) {
    await remove();
    throw thrown;
  }
}
