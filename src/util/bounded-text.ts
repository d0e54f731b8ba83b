import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** A pipe without a writer would never open. Windows has no such flag. */
const AT_ONCE = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Configuration, results and texts for evaluations have a few megabytes. */
const LARGEST_BYTES = 64 * 1024 * 1024;

/**
 * The text of a file that somebody else wrote, without its byte order mark.
 * @throws Error for a device, a folder, or more than `largestBytes`: what is endless or far too large is never read
 */
export async function boundedText(path: string, largestBytes: number = LARGEST_BYTES): Promise<string> {
  return (await boundedBytes(path, largestBytes)).toString('utf8').replace(/^\uFEFF/, '');
}

/**
 * The bytes of such a file: the one place where small files that users name are read.
 * @throws Error like {@link boundedText}
 */
export async function boundedBytes(path: string, largestBytes: number = LARGEST_BYTES): Promise<Buffer> {
  await using file = await openRegular(path);
  const found = await file.stat();
  // Of /proc a file has 0 bytes and more to read, and another may grow meanwhile: one more than allowed is asked for.
  const most = Math.min(largestBytes + 1, Math.max(found.size, 64 * 1024) + 1);
  const target = Buffer.allocUnsafe(most);
  let filled = 0;
  for (;;) {
    const { bytesRead } = await file.read(target, filled, most - filled, null);
    if (bytesRead === 0) break;
    filled += bytesRead;
    if (filled === most) {
      const bytes = Math.max(found.size, filled).toLocaleString('en-US');
      throw new Error(`${bytes} bytes, at most ${largestBytes.toLocaleString('en-US')} were expected`);
    }
  }
  return target.subarray(0, filled);
}

/** The first bytes of a file of any size; fewer where it has fewer. @throws Error like {@link boundedText} */
export async function boundedStart(path: string, bytes: number): Promise<Buffer> {
  await using file = await openRegular(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0);
  return buffer.subarray(0, bytesRead);
}

/** Like {@link boundedText}, for a few bytes that are wanted at once, such as a token. */
export function boundedTextSync(path: string, largestBytes: number): string {
  const file = openSync(path, AT_ONCE);
  try {
    requireRegular(fstatSync(file));
    const target = Buffer.alloc(largestBytes + 1);
    const bytes = readSync(file, target);
    if (bytes > largestBytes) throw new Error(`at most ${largestBytes} bytes were expected`);
    return target.toString('utf8', 0, bytes);
  } finally {
    closeSync(file);
  }
}

/**
 * Opens a file of any size that somebody else may have put there, to read it piece by piece.
 * @throws Error for a device, a pipe or a folder, at once
 */
export async function openRegular(path: string): Promise<FileHandle> {
  const file = await open(path, AT_ONCE);
  try {
    requireRegular(await file.stat());
    return file;
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

function requireRegular(found: Stats): void {
  if (!found.isFile()) throw new Error(found.isDirectory() ? 'it is a folder' : 'it is no regular file');
}
