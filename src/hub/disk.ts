import { open, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, QuantscopeError } from '../util/errors.ts';
import { formatBytes } from '../util/units.ts';

/** Kept free: a file system that is full to the last byte stops more than a download. */
const RESERVE_BYTES = 16 * 1024 * 1024;

/**
 * Checks that a file system has room for so many bytes more.
 * @throws QuantscopeError `hub/no-space`
 */
export async function requireSpace(folder: string, neededBytes: number, what: string): Promise<void> {
  let freeBytes: number;
  try {
    const { bavail, bsize } = await statfs(folder);
    freeBytes = bavail * bsize;
  } catch {
    // A file system that does not say is taken at its writes.
    return;
  }
  if (neededBytes === 0 || freeBytes >= neededBytes + RESERVE_BYTES) return;
  throw new QuantscopeError(
    'hub/no-space',
    `${what}: ${folder} has ${formatBytes(freeBytes)} free, ${formatBytes(neededBytes)} are needed`,
    { hint: SPACE_HINT },
  );
}

const SPACE_HINT =
  'Free some space (`quantscope cache list` shows what the cache holds), or point HF_HUB_CACHE at a larger disk.';

/** The error for a write that failed. */
export function diskError(what: string, path: string, cause: unknown): unknown {
  if (cause instanceof QuantscopeError) return cause;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new QuantscopeError('hub/disk-full', `${what}: no space left in ${dirname(path)} (${code})`, {
      cause,
      hint: `${SPACE_HINT} What is here will be used.`,
    });
  }
  return new QuantscopeError('hub/disk', `${what}: ${path} cannot be written: ${messageOf(cause)}`, {
    cause,
    hint: 'Check the permissions of the cache folder, or set HF_HUB_CACHE to one that can be written.',
  });
}

/** Makes a rename last through a loss of power; not every system can sync a folder, and those need not. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    await using handle = await open(folder, 'r');
    await handle.sync();
  } catch {
    // Windows cannot open folders; its renames are journalled.
  }
}
