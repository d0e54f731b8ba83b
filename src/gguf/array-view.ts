import type { ArrayView, Scalar, ScalarType } from './header.ts';
import { decodeStrings } from './string-decoder.ts';
import { decodeUtf8 } from './utf8.ts';
import { readScalar, readScalars, scalarBytes } from './value-types.ts';

/** Bytes of the length that stands before every string. */
const LENGTH_BYTES = 8;

/**
 * A view over an array that has been stepped over once, so that the lengths of its strings are known to be sound.
 * @param load yields the elements as they stand in the file; called once, when they are first asked for
 */
export function arrayView(elementType: ScalarType, length: number, load: () => Uint8Array): ArrayView {
  return elementType === 'string'
    ? new StringArrayView(length, load)
    : new FixedArrayView(elementType, length, load);
}

/** The elements of a view, loaded when they are first asked for. */
class Elements {
  readonly #load: () => Uint8Array;
  #bytes: Uint8Array | undefined;
  #view: DataView | undefined;

  constructor(load: () => Uint8Array) {
    this.#load = load;
  }

  get bytes(): Uint8Array {
    this.#bytes ??= this.#load();
    return this.#bytes;
  }

  get view(): DataView {
    this.#view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    return this.#view;
  }
}

class FixedArrayView implements ArrayView {
  readonly elementType: Exclude<ScalarType, 'string'>;
  readonly length: number;
  readonly #elements: Elements;
  readonly #elementBytes: number;

  constructor(elementType: Exclude<ScalarType, 'string'>, length: number, load: () => Uint8Array) {
    this.elementType = elementType;
    this.length = length;
    this.#elements = new Elements(load);
    this.#elementBytes = scalarBytes(elementType);
  }

  get encoded(): Uint8Array {
    return this.#elements.bytes;
  }

  at(index: number): Scalar {
    checkIndex(index, this.length);
    return readScalar(this.#elements.view, this.elementType, index * this.#elementBytes);
  }

  bytesAt(index: number): Uint8Array {
    checkIndex(index, this.length);
    const start = index * this.#elementBytes;
    return this.encoded.subarray(start, start + this.#elementBytes);
  }

  slice(start: number, end: number): Scalar[] {
    const [from, to] = clampRange(start, end, this.length);
    const bytes = this.encoded.subarray(from * this.#elementBytes, to * this.#elementBytes);
    return readScalars(bytes, this.elementType);
  }

  toArray(): Scalar[] {
    return this.slice(0, this.length);
  }

  *[Symbol.iterator](): Iterator<Scalar> {
    for (let index = 0; index < this.length; index++) yield this.at(index);
  }
}

/** Elements between two remembered positions of a string array: a quarter byte of index for each string. */
const STRIDE = 16;

class StringArrayView implements ArrayView {
  readonly elementType = 'string';
  readonly length: number;
  readonly #elements: Elements;
  /** Where every STRIDE-th element begins; built when an element is first asked for. */
  #marks: Uint32Array | undefined;

  constructor(length: number, load: () => Uint8Array) {
    this.length = length;
    this.#elements = new Elements(load);
  }

  get encoded(): Uint8Array {
    return this.#elements.bytes;
  }

  at(index: number): string {
    const start = this.#locate(index);
    return decodeUtf8(this.encoded.subarray(start + LENGTH_BYTES, this.#endOf(start)));
  }

  bytesAt(index: number): Uint8Array {
    const start = this.#locate(index);
    return this.encoded.subarray(start + LENGTH_BYTES, this.#endOf(start));
  }

  slice(start: number, end: number): string[] {
    const [from, to] = clampRange(start, end, this.length);
    if (from >= to) return [];
    return decodeStrings(this.encoded, from === 0 ? 0 : this.#locate(from), to - from);
  }

  toArray(): string[] {
    return decodeStrings(this.encoded, 0, this.length);
  }

  *[Symbol.iterator](): Iterator<string> {
    // By pieces, so that breaking off early costs little and a full run decodes in bulk.
    const piece = 1024;
    for (let from = 0; from < this.length; from += piece) yield* this.slice(from, from + piece);
  }

  #endOf(start: number): number {
    // The parser has checked that the upper half of every length is zero.
    return start + LENGTH_BYTES + this.#elements.view.getUint32(start, true);
  }

  /** Where an element begins, length prefix included. */
  #locate(index: number): number {
    checkIndex(index, this.length);
    this.#marks ??= this.#buildMarks();
    let position = this.#marks[Math.floor(index / STRIDE)] ?? 0;
    for (let rest = index % STRIDE; rest > 0; rest--) position = this.#endOf(position);
    return position;
  }

  #buildMarks(): Uint32Array {
    const marks = new Uint32Array(Math.ceil(this.length / STRIDE));
    let position = 0;
    for (let index = 0; index < this.length; index++) {
      if (index % STRIDE === 0) marks[index / STRIDE] = position;
      position = this.#endOf(position);
    }
    return marks;
  }
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
