import type { ArrayView, Scalar, ScalarType } from './header.ts';
import { decodeStrings } from './string-decoder.ts';
import { LENGTH_BYTES, lengthAt } from './string-lengths.ts';
import { decodeUtf8 } from './utf8.ts';
import { readScalar, readScalars, scalarBytes } from './value-types.ts';

/** The elements of an array as they stand in the file, strings with their length prefixes. */
export interface EncodedElements {
  readonly sizeBytes: number;
  /** Bytes [start, end) of them. */
  readonly read: (start: number, end: number) => Uint8Array;
}

/** A multiple of every element's size. */
const PIECE_BYTES = 512 * 1024;

function* piecesOf({ sizeBytes, read }: EncodedElements): Generator<Uint8Array> {
  for (let from = 0; from < sizeBytes; from += PIECE_BYTES) {
    yield read(from, Math.min(sizeBytes, from + PIECE_BYTES));
  }
}

/** A view over an array that has been stepped over once, so that the lengths of its strings are known to be sound. */
export function arrayView(elementType: ScalarType, length: number, elements: EncodedElements): ArrayView {
  return elementType === 'string'
    ? new StringArrayView(length, elements)
    : new FixedArrayView(elementType, length, elements);
}

class FixedArrayView implements ArrayView {
  readonly elementType: Exclude<ScalarType, 'string'>;
  readonly length: number;
  readonly #elements: EncodedElements;
  readonly #elementBytes: number;

  constructor(elementType: Exclude<ScalarType, 'string'>, length: number, elements: EncodedElements) {
    this.elementType = elementType;
    this.length = length;
    this.#elements = elements;
    this.#elementBytes = scalarBytes(elementType);
  }

  get encoded(): Uint8Array {
    return this.#elements.read(0, this.#elements.sizeBytes);
  }

  pieces(): Iterable<Uint8Array> {
    return piecesOf(this.#elements);
  }

  at(index: number): Scalar {
    const bytes = this.bytesAt(index);
    return readScalar(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), this.elementType, 0);
  }

  bytesAt(index: number): Uint8Array {
    checkIndex(index, this.length);
    const start = index * this.#elementBytes;
    return this.#elements.read(start, start + this.#elementBytes);
  }

  slice(start: number, end: number): Scalar[] {
    const [from, to] = clampRange(start, end, this.length);
    if (from >= to) return [];
    const bytes = this.#elements.read(from * this.#elementBytes, to * this.#elementBytes);
    return readScalars(bytes, this.elementType);
  }

  toArray(): Scalar[] {
    return this.slice(0, this.length);
  }

  *[Symbol.iterator](): Iterator<Scalar> {
    for (let from = 0; from < this.length; from += PIECE) yield* this.slice(from, from + PIECE);
  }
}

/** Elements that are decoded at a time, so that breaking off early costs little and a full run decodes in bulk. */
const PIECE = 1024;
/** Elements between two remembered positions of a string array: a quarter byte of index for each string. */
const STRIDE = 16;
/** The first elements of a list are asked for alone, as a preview; they are looked for in its first bytes. */
const HEAD_BYTES = 64 * 1024;

class StringArrayView implements ArrayView {
  readonly elementType = 'string';
  readonly length: number;
  readonly #elements: EncodedElements;
  #bytes: Uint8Array | undefined;
  /** Where every STRIDE-th element begins; built when an element is first asked for. */
  #marks: Uint32Array | undefined;

  constructor(length: number, elements: EncodedElements) {
    this.length = length;
    this.#elements = elements;
  }

  get encoded(): Uint8Array {
    this.#bytes ??= this.#elements.read(0, this.#elements.sizeBytes);
    return this.#bytes;
  }

  pieces(): Iterable<Uint8Array> {
    return piecesOf(this.#elements);
  }

  at(index: number): string {
    const start = this.#locate(index);
    return decodeUtf8(this.encoded.subarray(start + LENGTH_BYTES, endOf(this.encoded, start)));
  }

  bytesAt(index: number): Uint8Array {
    const start = this.#locate(index);
    return this.encoded.subarray(start + LENGTH_BYTES, endOf(this.encoded, start));
  }

  slice(start: number, end: number): string[] {
    const [from, to] = clampRange(start, end, this.length);
    if (from >= to) return [];
    const head = from === 0 && this.#bytes === undefined ? this.#head(to) : undefined;
    return decodeStrings(head ?? this.encoded, from === 0 ? 0 : this.#locate(from), to - from);
  }

  toArray(): string[] {
    return decodeStrings(this.encoded, 0, this.length);
  }

  *[Symbol.iterator](): Iterator<string> {
    for (let from = 0; from < this.length; from += PIECE) yield* this.slice(from, from + PIECE);
  }

  /** The first bytes, where they hold the first elements whole. */
  #head(count: number): Uint8Array | undefined {
    const { sizeBytes } = this.#elements;
    if (sizeBytes <= HEAD_BYTES || count > HEAD_BYTES / LENGTH_BYTES) return undefined;
    const head = this.#elements.read(0, HEAD_BYTES);
    let position = 0;
    for (let left = count; left > 0; left--) {
      if (position + LENGTH_BYTES > head.length) return undefined;
      position = endOf(head, position);
    }
    return position <= head.length ? head : undefined;
  }

  /** Where an element begins, length prefix included. */
  #locate(index: number): number {
    checkIndex(index, this.length);
    this.#marks ??= this.#buildMarks();
    let position = this.#marks[Math.floor(index / STRIDE)] ?? 0;
    for (let rest = index % STRIDE; rest > 0; rest--) position = endOf(this.encoded, position);
    return position;
  }

  #buildMarks(): Uint32Array {
    const { encoded } = this;
    const marks = new Uint32Array(Math.ceil(this.length / STRIDE));
    let position = 0;
    for (let index = 0; index < this.length; index++) {
      if (index % STRIDE === 0) marks[index / STRIDE] = position;
      position = endOf(encoded, position);
    }
    return marks;
  }
}

/** Where the string ends whose length stands at `start`. */
function endOf(bytes: Uint8Array, start: number): number {
  return start + LENGTH_BYTES + lengthAt(bytes, start);
}

function checkIndex(index: number, length: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= length) {
    throw new RangeError(`index ${index} is outside an array of ${length} elements`);
  }
}

/** Like Array.prototype.slice without negative positions. */
function clampRange(start: number, end: number, length: number): [number, number] {
  return [Math.min(Math.max(0, start), length), Math.min(Math.max(0, end), length)];
}
