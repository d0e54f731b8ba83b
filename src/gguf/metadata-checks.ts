import { DEFAULT_ALIGNMENT } from './data-layout.ts';
import type { MetadataValue } from './header.ts';
import type { IssueLog } from './issue-log.ts';
import { type MetadataEntry, quote } from './metadata-parser.ts';

/** What can be said of values once all are read. */

/**
 * The file's alignment, or undefined where what it says is invalid.
 * @param entry its `general.alignment`
 */
export function statedAlignment(entry: MetadataEntry | undefined, log: IssueLog): number | undefined {
  if (entry === undefined) return DEFAULT_ALIGNMENT;
  const { value, offset, key } = entry;
  const type = 'type' in value ? value.type : 'array';
  if (!('type' in value) || value.type !== 'uint32') {
    log.report('metadata/alignment-type', `general.alignment is of type ${type}, expected uint32`, {
      offset,
      key,
    });
    return undefined;
  }
  const alignment = value.value;
  // A power of two up to 2^31 has one bit; >>> keeps the 32-bit arithmetic unsigned.
  if (alignment === 0 || (alignment & (alignment - 1)) >>> 0 !== 0) {
    const message = `general.alignment is ${alignment}, expected a power of two`;
    log.report('metadata/alignment-value', message, { offset, key });
    return undefined;
  }
  return alignment;
}

/** A bool is a byte of 0 or 1. */
export function checkBoolArrays(
  entries: Iterable<MetadataEntry>,
  metadata: ReadonlyMap<string, MetadataValue>,
  log: IssueLog,
): void {
  for (const { key, value: extent } of entries) {
    if ('type' in extent || extent.elementType !== 'bool') continue;
    const value = metadata.get(key);
    if (value?.type !== 'array') continue;
    const odd = firstAbove(1, value.value.pieces());
    if (odd !== undefined) {
      const message = `key ${quote(key)}, element ${odd.index}: a bool of ${odd.byte}, expected 0 or 1`;
      log.report('metadata/bool', message, { offset: extent.start + odd.index, key });
    }
  }
}

/** The first byte above a value. A loop: a call for each of a hundred million bytes takes a second. */
function firstAbove(most: number, pieces: Iterable<Uint8Array>): { index: number; byte: number } | undefined {
  let before = 0;
  for (const piece of pieces) {
    for (let index = 0; index < piece.length; index++) {
      const byte = piece[index] ?? 0;
      if (byte > most) return { index: before + index, byte };
    }
    before += piece.length;
  }
  return undefined;
}
