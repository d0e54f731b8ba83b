import type { InspectedEntry, Inspection } from '../schema/inspection.ts';
import { shownScalar } from './inspection-lists.ts';
import { quoted } from './inspection-text.ts';

/** What a line needs to know of an array that is too long to print. */
export type ArrayDigest = (key: string) => string;

const HIGHEST_LAYER_DIGITS = 5;

/**
 * All metadata and tensors as one fact a line, in an order that does not depend on the file's: two files differ
 * in the lines in which they differ. Offsets are left out, since one changed tensor moves all that follow.
 * @param digestOf the SHA-256 of an array's bytes, for arrays longer than their preview
 */
export function* diffableLines(inspection: Inspection, digestOf: ArrayDigest): Generator<string> {
  const { header, metadata, tensors } = inspection;
  yield `gguf version ${header.version}`;
  yield `gguf alignment ${header.alignment}`;
  for (const entry of [...metadata].sort((one, other) => compare(one.key, other.key))) {
    yield `metadata ${keyText(entry.key)} ${valueText(entry, digestOf)}`;
  }
  for (const tensor of [...tensors].sort((one, other) => compare(sortName(one.name), sortName(other.name)))) {
    yield `tensor ${keyText(tensor.name)} ${tensor.type} [${tensor.shape.join(', ')}]`;
  }
}

function valueText(entry: InspectedEntry, digestOf: ArrayDigest): string {
  if (!('length' in entry)) return `${entry.type} ${shownWhole(entry.value, entry.type)}`;
  const type = `${entry.elementType}[${entry.length}]`;
  if (entry.length > entry.preview.length) return `${type} sha256:${digestOf(entry.key)}`;
  return `${type} [${entry.preview.map((value) => shownWhole(value, entry.elementType)).join(', ')}]`;
}

/** Never cut: a template that differs in its last character differs. */
function shownWhole(value: string | number | boolean, type: string): string {
  return typeof value === 'string' ? quoted(value) : shownScalar(value, type);
}

/** Names as they are, unless they would blur into the line. */
function keyText(name: string): string {
  return /^[\x21-\x7e]+$/.test(name) ? name : quoted(name);
}

/** Layer 10 after layer 9. */
function sortName(name: string): string {
  return name.replace(
    /^blk\.(\d+)\./,
    (_, layer: string) => `blk.${layer.padStart(HIGHEST_LAYER_DIGITS, '0')}.`,
  );
}

/** By code units: the order must not depend on the machine's language. */
function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
