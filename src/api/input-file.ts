import { readFile } from 'node:fs/promises';
import { messageOf, UsageError } from '../util/errors.ts';

/**
 * The text of a file that the user named.
 * @param what it takes, for the hint
 * @throws UsageError `input/unreadable`
 */
export async function readInput(path: string, flag: string, what = 'a UTF-8 file'): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const hint = `${flag} takes the path of ${what}.`;
    throw new UsageError('input/unreadable', `${path} cannot be read: ${messageOf(cause)}`, { cause, hint });
  }
}
