import { type Cursor, MoreBytesNeeded } from './cursor.ts';
import type { MetadataValue, Scalar, ScalarType } from './header.ts';
import { AGAIN_HINT, type IssueLog } from './issue-log.ts';
import type { ArraySeen } from './size-forecast.ts';
import { LENGTH_BYTES } from './string-lengths.ts';
import { decodeUtf8, decodeUtf8Strictly } from './utf8.ts';
import { ARRAY_TYPE_ID, readScalar, scalarBytes, scalarTypeById } from './value-types.ts';

/** An array that was stepped over: where its elements are, and nothing of what they hold. */
export interface ArrayExtent {
  readonly elementType: ScalarType;
  readonly length: number;
  readonly start: number;
  readonly end: number;
}

/** One key-value pair: a scalar is decoded, an array is only measured. */
export interface MetadataEntry {
  readonly key: string;
  /** Where the pair begins in the file. */
  readonly offset: number;
  readonly value: Exclude<MetadataValue, { readonly type: 'array' }> | ArrayExtent;
}

/** The specification's limit (2^16 - 1); llama.cpp does not check it. */
const MAXIMUM_KEY_BYTES = 65_535;
/** Of one text in an array. Tokens have a few dozen bytes, and what reads a text of a list has to hold it. */
const MAXIMUM_ELEMENT_BYTES = 4 * 1024 * 1024;

/** What bounds the texts that a parse decodes or walks over. */
export interface TextLimits {
  /** Of all keys and single texts together: they are held decoded. A long chat template has 0.1 MB. */
  readonly textBytes: number;
  /** Texts of one array. The longest real one has 514,906. */
  readonly arrayTexts: number;
}
/** A string array of which a part has been walked, because the rest was not in hand. */
interface PendingArray {
  readonly entryOffset: number;
  readonly key: string;
  readonly count: number;
  readonly start: number;
  index: number;
  position: number;
}

/**
 * Reads key-value pairs one at a time. After MoreBytesNeeded the same call is repeated with more bytes in
 * hand; a string array then goes on where it stopped.
 */
export class MetadataParser {
  readonly #cursor: Cursor;
  readonly #log: IssueLog;
  readonly #limits: TextLimits;
  /** Of keys and single texts that were read whole. */
  #textBytes = 0;
  #pending: PendingArray | undefined;

  constructor(cursor: Cursor, log: IssueLog, limits: TextLimits) {
    this.#cursor = cursor;
    this.#log = log;
    this.#limits = limits;
  }

  /** Where the string array that was not stepped over whole goes on; undefined outside one. */
  get pendingPosition(): number | undefined {
    return this.#pending?.position;
  }

  /**
   * How much of a string array was stepped over; undefined outside one. Asked for only while the window begins
   * with the file.
   */
  get arraySeen(): ArraySeen | undefined {
    const pending = this.#pending;
    if (pending === undefined) return undefined;
    const { key, count, index, position, start } = pending;
    const view = this.#cursor.view;
    let middle = start;
    for (let rest = Math.floor(index / 2); rest > 0; rest--)
      middle += LENGTH_BYTES + view.getUint32(middle, true);
    return { key, start, count, seen: index, seenBytes: position - start, firstHalfBytes: middle - start };
  }

  next(): MetadataEntry {
    const pending = this.#pending;
    if (pending !== undefined) {
      const value = this.#walkStrings(pending);
      this.#pending = undefined;
      return { key: pending.key, offset: pending.entryOffset, value };
    }
    const offset = this.#cursor.position;
    const before = this.#textBytes;
    try {
      return this.#pair(offset);
    } catch (thrown) {
      // The pair is read again from its key.
      this.#textBytes = before;
      throw thrown;
    }
  }

  #pair(offset: number): MetadataEntry {
    const key = this.#key(offset);
    const typeOffset = this.#cursor.position;
    const typeId = this.#cursor.u32();
    if (typeId === ARRAY_TYPE_ID) return { key, offset, value: this.#array(key, offset) };
    const type = scalarTypeById(typeId);
    if (type === undefined) {
      this.#log.stop('metadata/value-type', `key ${quote(key)}: value type ${typeId}, expected 0 to 12`, {
        offset: typeOffset,
        key,
      });
    }
    return { key, offset, value: this.#scalar(key, type) };
  }

  #key(offset: number): string {
    const cursor = this.#cursor;
    const [start, end] = this.#stringExtent('a key');
    this.#takeText(end - start, 'a key', offset);
    cursor.position = end;
    const bytes = cursor.slice(start, end);
    const strictText = decodeUtf8Strictly(bytes);
    const key = strictText ?? decodeUtf8(bytes);
    if (strictText === undefined) {
      this.#log.report('metadata/key-utf8', `key ${quote(key)}: not valid UTF-8`, { offset, key });
    }
    if (end === start) {
      this.#log.report('metadata/key-empty', 'a key of 0 bytes, expected at least 1', { offset, key });
    }
    if (key.includes('\0')) {
      this.#log.report('metadata/key-nul', `key ${quote(key)}: holds a NUL byte`, { offset, key });
    }
    if (end - start > MAXIMUM_KEY_BYTES) {
      const message = `key ${quote(key)}: ${end - start} bytes, at most ${MAXIMUM_KEY_BYTES} are allowed`;
      this.#log.report('metadata/key-length', message, { offset, key });
    }
    return key;
  }

  /** Reads a string's length and checks it against the file; the position is left at its first byte. */
  #stringExtent(what: string, key?: string): [start: number, end: number] {
    const cursor = this.#cursor;
    const offset = cursor.position;
    const length = cursor.u64();
    if (length > BigInt(cursor.remaining)) {
      const message = `${what}: ${length} bytes long, ${cursor.remaining} bytes left in the file`;
      const place = { offset, hint: AGAIN_HINT };
      this.#log.stop('metadata/string-length', message, key === undefined ? place : { ...place, key });
    }
    const bytes = Number(length);
    // Before its bytes are asked for: what is too long is not even read.
    if (bytes > this.#limits.textBytes) this.#stopForText(what, offset);
    cursor.require(bytes);
    return [cursor.position, cursor.position + bytes];
  }

  #takeText(bytes: number, what: string, offset: number): void {
    this.#textBytes += bytes;
    if (this.#textBytes > this.#limits.textBytes) this.#stopForText(what, offset);
  }

  #stopForText(what: string, offset: number): never {
    const message = `${what}: the texts of the header up to it take more than ${this.#limits.textBytes} bytes, the limit`;
    this.#log.stop('header/too-large', message, { offset });
  }

  #scalar(key: string, type: ScalarType): MetadataEntry['value'] {
    const cursor = this.#cursor;
    const offset = cursor.position;
    if (type === 'string') {
      const [start, end] = this.#stringExtent(`key ${quote(key)}`, key);
      this.#takeText(end - start, `key ${quote(key)}`, offset);
      cursor.position = end;
      const bytes = cursor.slice(start, end);
      const strictText = decodeUtf8Strictly(bytes);
      if (strictText === undefined) {
        this.#log.report('metadata/string-utf8', `key ${quote(key)}: not valid UTF-8`, { offset, key });
      }
      return { type, value: strictText ?? decodeUtf8(bytes) };
    }
    cursor.require(scalarBytes(type));
    const value = readScalar(cursor.view, type, offset - cursor.start);
    cursor.position = offset + scalarBytes(type);
    if (type === 'bool') {
      const byte = cursor.bytes[offset - cursor.start] ?? 0;
      if (byte > 1) {
        this.#log.report('metadata/bool', `key ${quote(key)}: a bool of ${byte}, expected 0 or 1`, {
          offset,
          key,
        });
      }
    }
    return taggedScalar(type, value);
  }

  #array(key: string, entryOffset: number): ArrayExtent {
    const cursor = this.#cursor;
    const typeOffset = cursor.position;
    const typeId = cursor.u32();
    const countOffset = cursor.position;
    const count = cursor.u64();
    if (typeId === ARRAY_TYPE_ID) {
      this.#log.stop('metadata/nested-array', `key ${quote(key)}: an array of arrays`, {
        offset: typeOffset,
        key,
      });
    }
    const elementType = scalarTypeById(typeId);
    if (elementType === undefined) {
      const message = `key ${quote(key)}: array elements of type ${typeId}, expected 0 to 12`;
      this.#log.stop('metadata/value-type', message, { offset: typeOffset, key });
    }
    const elementBytes = elementType === 'string' ? LENGTH_BYTES : scalarBytes(elementType);
    if (count > BigInt(Math.floor(cursor.remaining / elementBytes))) {
      const message = `key ${quote(key)}: ${count} elements of at least ${elementBytes} bytes, ${cursor.remaining} bytes left in the file`;
      this.#log.stop('metadata/array-length', message, { offset: countOffset, key, hint: AGAIN_HINT });
    }
    const start = cursor.position;
    const length = Number(count);
    if (elementType === 'string') {
      if (length > this.#limits.arrayTexts) {
        const message = `key ${quote(key)}: ${length} texts, the limit is ${this.#limits.arrayTexts}`;
        this.#log.stop('header/too-large', message, { offset: countOffset, key });
      }
      this.#pending = { entryOffset, key, count: length, start, index: 0, position: start };
      const extent = this.#walkStrings(this.#pending);
      this.#pending = undefined;
      return extent;
    }
    const end = start + length * elementBytes;
    // Not required to be in hand: what follows asks for its own bytes, and the last field needs all before it.
    cursor.position = end;
    return { elementType, length, start, end };
  }

  /**
   * Steps over a string array by its length prefixes. The hottest loop of the reader: two aligned-free reads
   * and an addition for each of the hundreds of thousands of strings of a vocabulary, nothing allocated.
   */
  #walkStrings(pending: PendingArray): ArrayExtent {
    const cursor = this.#cursor;
    const view = cursor.view;
    const inHand = cursor.bytes.length;
    const lastLength = inHand - LENGTH_BYTES;
    const { count } = pending;
    let { index } = pending;
    let position = pending.position - cursor.start;
    while (index < count && position <= lastLength) {
      if (view.getUint32(position + 4, true) !== 0) break;
      const length = view.getUint32(position, true);
      const next = position + LENGTH_BYTES + length;
      if (next > inHand || length > MAXIMUM_ELEMENT_BYTES) break;
      position = next;
      index++;
    }
    pending.index = index;
    pending.position = position + cursor.start;
    cursor.position = pending.position;
    if (index === count) {
      return { elementType: 'string', length: count, start: pending.start, end: pending.position };
    }
    return this.#explainStop(pending);
  }

  /** The next string of an array is not in hand whole, or not in the file whole. */
  #explainStop(pending: PendingArray): never {
    const { key, index, position } = pending;
    const what = `key ${quote(key)}, element ${index}`;
    const [start, end] = this.#stringExtent(what, key);
    if (end - start > MAXIMUM_ELEMENT_BYTES) {
      const message = `${what}: ${end - start} bytes long, at most ${MAXIMUM_ELEMENT_BYTES} are read`;
      this.#log.stop('header/too-large', message, { offset: position, key });
    }
    throw new MoreBytesNeeded(end);
  }
}

/** A key or a name for a message: quoted, escaped and never longer than a line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}

function taggedScalar(
  type: Exclude<ScalarType, 'string'>,
  value: Scalar,
): Exclude<MetadataValue, { readonly type: 'array' }> {
  switch (type) {
    case 'uint64':
    case 'int64':
      return { type, value: typeof value === 'bigint' ? value : 0n };
    case 'bool':
      return { type, value: value === true };
    default:
      return { type, value: typeof value === 'number' ? value : 0 };
  }
}
