import { statfsSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, QuantscopeError } from '../util/errors.ts';
import { formatBytes } from '../util/units.ts';

/** For records, locks, links and refs, which are small. */
const RESERVE_BYTES = 1024 * 1024;

/**
 * Checks that a file system has room for so many bytes more.
 * @param folder need not exist yet
 * @throws QuantscopeError `hub/no-space`
 */
export async function requireSpace(folder: string, neededBytes: number, what: string): Promise<void> {
  const freeBytes = freeBytesOf(folder);
  // A file system that does not say is taken at its writes.
  if (freeBytes === undefined || neededBytes === 0 || freeBytes >= neededBytes + RESERVE_BYTES) return;
  const needed = `${formatBytes(neededBytes)} are needed and ${formatBytes(RESERVE_BYTES)} beside it for records`;
  throw new QuantscopeError(
    'hub/no-space',
    `${what}: ${folder} has ${formatBytes(freeBytes)} free, ${needed}`,
    { hint: SPACE_HINT },
  );
}

/** The length of a file, through links; undefined where there is none. */
export async function fileSize(path: string): Promise<number | undefined> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isFile() === true ? stats.size : undefined;
}

/** Free bytes where a folder is, or will be. */
export function freeBytesOf(folder: string): number | undefined {
  for (let place = folder; ; place = dirname(place)) {
    try {
      const { bavail, bsize } = statfsSync(place);
      return bavail * bsize;
    } catch {
      if (place === dirname(place)) return undefined;
    }
  }
}

const SPACE_HINT =
  'Free some space (`quantscope cache list` shows what the cache holds), or point HF_HUB_CACHE at a larger disk.';

/**
 * The error for a write that failed.
 * @param missingBytes what was still to be written, where that is known
 */
export function diskError(what: string, path: string, cause: unknown, missingBytes?: number): unknown {
  if (cause instanceof QuantscopeError) return cause;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    const free = freeBytesOf(dirname(path));
    const facts = [
      code,
      ...(free === undefined ? [] : [`${formatBytes(free)} free`]),
      ...(missingBytes === undefined ? [] : [`${formatBytes(missingBytes)} still to be written`]),
    ];
    return new QuantscopeError(
      'hub/disk-full',
      `${what}: no space left in ${dirname(path)} (${facts.join(', ')})`,
      { cause, hint: `${SPACE_HINT} Then the same command goes on with what is here.` },
    );
  }
  if (code === 'ENOENT') {
    return new QuantscopeError(
      'hub/removed',
      `${what}: ${dirname(path)} was removed while it was downloaded`,
      {
        cause,
        hint: 'Another program removed it, such as quantscope cache remove; run the command again.',
      },
    );
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
