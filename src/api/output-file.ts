import { access, rm, stat, writeFile } from 'node:fs/promises';
import writeFileAtomic from 'write-file-atomic';
import { messageOf, UsageError } from '../util/errors.ts';

/**
 * @param what what is kept there
 * @throws UsageError `card/exists`, `kit/exists`, by what it is
 */
export async function refuseToReplace(path: string, what: string, hint: string): Promise<void> {
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (isThere) throw new UsageError(`${what}/exists`, `${path} is there already`, { hint });
}

/**
 * Writes a file as a whole or not at all: a reader never finds half of it. A device or a pipe, such as /dev/stdout, is
 * written to; a file would take its place.
 * @param hint what to do where it cannot be written
 * @throws UsageError `output/unwritable`
 */
export async function writeOutput(path: string, content: string | Buffer, hint: string): Promise<void> {
  try {
    await ((await isSpecial(path)) ? writeFile(path, content) : writeFileAtomic(path, content));
  } catch (cause) {
    throw new UsageError('output/unwritable', `${path} cannot be written: ${messageOf(cause)}`, {
      cause,
      hint,
    });
  }
}

/**
 * Whether a file could be written, before the work whose result it will hold.
 * @throws UsageError `output/unwritable`
 */
export async function requireWritable(path: string, hint: string): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) throw new UsageError('output/unwritable', `${path} is a folder`, { hint });
  // A device or a pipe takes what comes.
  if (there !== undefined && !there.isFile()) return;
  const probe = `${path}.${process.pid}`;
  try {
    await writeFile(probe, '', { flag: 'wx' });
    await rm(probe);
  } catch (cause) {
    throw new UsageError('output/unwritable', `${path} cannot be written: ${messageOf(cause)}`, {
      cause,
      hint,
    });
  }
}

/** Whether something is there that is no regular file: a device, a pipe, a folder. */
export function isSpecial(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => !stats.isFile(),
    () => false,
  );
}
