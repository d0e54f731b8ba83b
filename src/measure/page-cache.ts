import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * Asks the system to forget what it holds of a file in memory, so that the next load reads it from the disk.
 * Linux alone lets an ordinary user ask (posix_fadvise DONTNEED), through coreutils' `dd iflag=nocache count=0`, which
 * copies nothing.
 * @returns null when it was done, else the reason why it was not
 */
export async function evictFromPageCache(path: string, signal?: AbortSignal): Promise<string | null> {
  if (process.platform !== 'linux') return `${process.platform} lets no ordinary user empty the file cache`;
  try {
    await promisify(execFile)('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none'], { signal });
    return null;
  } catch {
    signal?.throwIfAborted();
    return 'dd from coreutils, which empties the file cache, did not run';
  }
}
