import { alignUp } from './data-layout.ts';
import type { ParsedHeader } from './header.ts';
import { type WritableValue, writeHeader } from './write.ts';

/** Magic, version and two counts. */
const FIXED_BYTES = 24;
const METADATA_COUNT_AT = 16;

/**
 * A header with some values changed or added. All other bytes are the file’s own: pairs, tensor infos and offsets.
 * @param bytes of the file up to its data
 * @returns up to the data, padding included
 */
export function editMetadata(
  header: ParsedHeader,
  bytes: Uint8Array,
  changes: ReadonlyMap<string, WritableValue>,
): Uint8Array {
  const { metadata, tensorInfos } = header.sections;
  const starts = [...header.keyOffsets.values()].sort((a, b) => a - b);
  const endOf = new Map(starts.map((start, index) => [start, starts[index + 1] ?? metadata.end]));
  const pieces: Uint8Array[] = [];
  for (const [key, start] of [...header.keyOffsets].sort(([, a], [, b]) => a - b)) {
    const changed = changes.get(key);
    pieces.push(changed === undefined ? bytes.subarray(start, endOf.get(start)) : pairOf(key, changed));
  }
  const added = [...changes].filter(([key]) => !header.keyOffsets.has(key));
  pieces.push(...added.map(([key, value]) => pairOf(key, value)));
  pieces.push(bytes.subarray(tensorInfos.start, tensorInfos.end));
  const fixed = bytes.slice(0, FIXED_BYTES);
  const count = BigInt(header.keyOffsets.size + added.length);
  new DataView(fixed.buffer).setBigUint64(METADATA_COUNT_AT, count, true);
  const length = pieces.reduce((sum, piece) => sum + piece.length, FIXED_BYTES);
  const edited = new Uint8Array(alignUp(length, header.alignment));
  edited.set(fixed);
  let at = FIXED_BYTES;
  for (const piece of pieces) {
    edited.set(piece, at);
    at += piece.length;
  }
  return edited;
}

/** One pair as a file has it: what a header of it alone has behind its counts. */
function pairOf(key: string, value: WritableValue): Uint8Array {
  return writeHeader({ metadata: [[key, value]], tensors: [] }).subarray(FIXED_BYTES);
}
