import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file that is as long as a model and holds no more than its header: enough to plan memory by. */
export interface HeaderOnlyFile extends AsyncDisposable {
  readonly path: string;
}

/**
 * @param header a GGUF file's bytes up to where its tensors begin
 * @param sizeBytes of the whole file; the rest is a hole, which takes no room on disk
 */
export async function headerOnlyFile(header: Uint8Array, sizeBytes: number): Promise<HeaderOnlyFile> {
  const folder = await mkdtemp(join(tmpdir(), 'quantscope-header-'));
  const path = join(folder, 'model.gguf');
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await using file = await open(path, 'wx');
    await file.write(header);
    await file.truncate(sizeBytes);
    return { path, [Symbol.asyncDispose]: remove };
  } catch (thrown) {
    await remove();
    throw thrown;
  }
}
