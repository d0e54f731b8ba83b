import { boundedBytes } from '../util/bounded-text.ts';
import { messageOf, UsageError } from '../util/errors.ts';

/** The bytes of a file that the user named. @throws UsageError `input/unreadable` */
export async function readInputBytes(path: string, flag: string, what = 'a file'): Promise<Buffer> {
  try {
    return await boundedBytes(path);
  } catch (cause) {
    const hint = `${flag} takes the path of ${what}.`;
    throw new UsageError('input/unreadable', `${path} cannot be read: ${messageOf(cause)}`, { cause, hint });
  }
}

/**
 * The text of a file that the user named.
 * @param what it takes, for the hint
 * @throws UsageError `input/unreadable`
 */
export async function readInput(path: string, flag: string, what = 'a UTF-8 file'): Promise<string> {
  return (await readInputBytes(path, flag, what)).toString('utf8');
}
