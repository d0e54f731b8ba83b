import writeFileAtomic from 'write-file-atomic';
import { messageOf, UsageError } from '../util/errors.ts';

/**
 * Writes a file as a whole or not at all: a reader never finds half of it.
 * @param hint what to do where it cannot be written
 * @throws UsageError `output/unwritable`
 */
export async function writeOutput(path: string, content: string | Buffer, hint: string): Promise<void> {
  try {
    await writeFileAtomic(path, content);
  } catch (cause) {
    throw new UsageError('output/unwritable', `${path} cannot be written: ${messageOf(cause)}`, {
      cause,
      hint,
    });
  }
}
