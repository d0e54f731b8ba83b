/** Thrown inside the parser when a field lies beyond the bytes in hand but inside the file. Never leaves it. */
export class MoreBytesNeeded {
  /** The file position up to which bytes must be in hand to go on. */
  readonly end: number;

  constructor(end: number) {
    this.end = end;
  }
}

/** Thrown when a field lies beyond the end of the file. The parser turns it into an issue. */
export class PastEndOfFile {
  readonly offset: number;
  readonly neededBytes: number;
  readonly remainingBytes: number;

  constructor(offset: number, neededBytes: number, remainingBytes: number) {
    this.offset = offset;
    this.neededBytes = neededBytes;
    this.remainingBytes = remainingBytes;
  }
}

/**
 * A position in a file of which a window is in hand. Reads are little-endian and checked twice: against the
 * file's length (a fault) and against the window (a request for more).
 */
export class Cursor {
  position = 0;
  readonly fileBytes: number;
  #bytes: Uint8Array;
  #start = 0;
  #view: DataView;

  /**
   * @param bytes the file's first bytes
   * @param fileBytes the whole file's length
   */
  constructor(bytes: Uint8Array, fileBytes: number) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    this.fileBytes = fileBytes;
  }

  /** The window. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get view(): DataView {
    return this.#view;
  }

  /** Where the window begins in the file. */
  get start(): number {
    return this.#start;
  }

  /** What the window holds of the file's bytes [start, end). Not a copy. */
  slice(start: number, end: number): Uint8Array {
    return this.#bytes.subarray(Math.max(0, start - this.#start), Math.max(0, end - this.#start));
  }

  /** Bytes between the position and the end of the file. */
  get remaining(): number {
    return Math.max(0, this.fileBytes - this.position);
  }

  /** Takes another window of the same file, which must not begin behind the position; the position stays. */
  moveTo(bytes: Uint8Array, start: number): void {
    this.#bytes = bytes;
    this.#start = start;
    this.#view = viewOf(bytes);
  }

  /** Makes sure that the next `count` bytes can be read. */
  require(count: number): void {
    const end = this.position + count;
    if (end - this.#start <= this.#bytes.length) return;
    if (end > this.fileBytes) throw new PastEndOfFile(this.position, count, this.remaining);
    throw new MoreBytesNeeded(end);
  }

  u8(): number {
    this.require(1);
    const value = this.#view.getUint8(this.position - this.#start);
    this.position += 1;
    return value;
  }

  u32(): number {
    this.require(4);
    const value = this.#view.getUint32(this.position - this.#start, true);
    this.position += 4;
    return value;
  }

  u64(): bigint {
    this.require(8);
    const value = this.#view.getBigUint64(this.position - this.#start, true);
    this.position += 8;
    return value;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
