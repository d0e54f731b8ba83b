import { createHash } from 'node:crypto';
import { openRegular } from '../util/bounded-text.ts';
import { messageOf, QuantscopeError } from '../util/errors.ts';

const READ_BYTES = 1024 * 1024;

/**
 * SHA-256 in lower-case hexadecimal, streamed; of several files, as if they were one.
 * @param onBytes called with the bytes hashed so far
 * @throws QuantscopeError `io/read-failed`, or the signal's reason
 */
export async function sha256OfFiles(
  paths: readonly string[],
  signal?: AbortSignal,
  onBytes?: (bytes: number) => void,
): Promise<string> {
  const hash = createHash('sha256');
  let bytes = 0;
  for (const path of paths) {
    try {
      const file = await openRegular(path);
      const stream = file.createReadStream({ highWaterMark: READ_BYTES, ...(signal ? { signal } : {}) });
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        hash.update(chunk);
        bytes += chunk.byteLength;
        onBytes?.(bytes);
      }
    } catch (cause) {
      signal?.throwIfAborted();
      throw new QuantscopeError('io/read-failed', `${path} cannot be read: ${messageOf(cause)}`, { cause });
    }
  }
  return hash.digest('hex');
}

export function sha256OfText(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex');
}
