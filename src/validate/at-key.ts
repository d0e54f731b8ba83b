import type { Finding } from './diagnostic.ts';
import type { FileUnderTest } from './file-under-test.ts';

/** A finding about a key of the metadata, with the byte where the key begins. */
export function atKey(file: FileUnderTest, key: string, message: string): Finding {
  const offset = file.offsetOf(key);
  return offset === undefined ? { message, key } : { message, key, offset };
}
