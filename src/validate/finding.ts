import type { MetadataValue } from '../gguf/index.ts';
import type { Severity } from '../schema/terms.ts';
import type { FileUnderTest } from './file-under-test.ts';

/** What a rule's check yields: one thing that is wrong, and where. */
export interface Finding {
  /** What, where, got and expected. */
  readonly message: string;
  /** Bytes from the start of the file. */
  readonly offset?: number;
  readonly tensor?: string;
  readonly key?: string;
  /** What would mend it, as a full sentence. */
  readonly hint?: string;
  /** Where this finding is milder or worse than its rule. */
  readonly severity?: Severity;
}

/** A finding about a key of the metadata, with the byte where the key begins. */
export function atKey(file: FileUnderTest, key: string, message: string): Finding {
  const offset = file.offsetOf(key);
  return offset === undefined ? { message, key } : { message, key, offset };
}

/** Text from a file for a message: quoted, escaped and never longer than a line. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}

/** A value's type for a message: `uint64`, `array of string`. */
function describeType(value: MetadataValue): string {
  return value.type === 'array' ? `array of ${value.value.elementType}` : value.type;
}

/** A key whose value is of a type that llama.cpp does not take. */
export function wrongType(file: FileUnderTest, key: string, value: MetadataValue, expected: string): Finding {
  return atKey(file, key, `${key} is of type ${describeType(value)}, expected ${expected}`);
}
