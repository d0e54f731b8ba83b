import { LENGTH_BYTES, lengthAt } from './string-lengths.ts';
import { decodeUtf8 } from './utf8.ts';

/**
 * UTF-16 units decoded at a time. A megabyte of text goes to V8's space for large objects, where the
 * collector does not copy it; smaller pieces were copied twice and took a third longer.
 */
const PIECE_UNITS = 2 ** 19;

/** How far a piece got: strings taken, where they ended in the bytes and in the units. */
interface Piece {
  strings: number;
  position: number;
  units: number;
}

/**
 * Texts of consecutive length-prefixed strings, a piece of the array at a time: the piece is transcoded into
 * UTF-16 here, becomes one text by one native call, and the strings are cut out of it. A native call for
 * each of some 400,000 short tokens takes three times as long.
 * @param encoded bytes that are known to hold the strings whole
 * @param start where the first one's length begins
 * @param count of strings; there must be as many
 */
export function decodeStrings(encoded: Uint8Array, start: number, count: number): string[] {
  // The parser has stepped over every element, so the count is backed by bytes that are there.
  const texts = new Array<string>(count);
  const capacity = Math.min(PIECE_UNITS, Math.max(0, encoded.length - start));
  const units = new Uint16Array(capacity);
  const ends = new Uint32Array(Math.min(capacity, count));
  const piece: Piece = { strings: 0, position: start, units: 0 };
  let index = 0;
  while (index < count) {
    transcodePiece(encoded, units, ends, count - index, piece);
    if (piece.strings > 0) {
      cut(textOfUnits(units, piece.units), ends, piece.strings, texts, index);
      index += piece.strings;
    } else {
      // Longer than a piece: a text of its own.
      const textStart = piece.position + LENGTH_BYTES;
      piece.position = textStart + lengthAt(encoded, piece.position);
      texts[index++] = decodeUtf8(encoded.subarray(textStart, piece.position));
    }
  }
  return texts;
}

function cut(text: string, ends: Uint32Array, count: number, texts: string[], first: number): void {
  let from = 0;
  for (let index = 0; index < count; index++) {
    const to = ends[index] ?? from;
    texts[first + index] = text.substring(from, to);
    from = to;
  }
}

/**
 * Transcodes strings until the units are full. One function with one loop inside another, since a fresh
 * process is judged too: V8 then optimizes it in the middle of its first run.
 */
function transcodePiece(
  bytes: Uint8Array,
  units: Uint16Array,
  ends: Uint32Array,
  count: number,
  piece: Piece,
): void {
  const most = Math.min(count, ends.length);
  let { position } = piece;
  let unit = 0;
  let strings = 0;
  while (strings < most) {
    const start = position + LENGTH_BYTES;
    const end = start + lengthAt(bytes, position);
    // A string never has more UTF-16 units than UTF-8 bytes.
    if (unit + end - start > units.length) break;
    const firstUnit = unit;
    let next = start;
    while (next < end) {
      const byte = bytes[next] ?? 0;
      if (byte < 0x80) {
        units[unit++] = byte;
        next++;
        continue;
      }
      // The next string's bytes follow without a gap, so the width is checked here.
      const width = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
      const point = next + width <= end ? codePoint(bytes, next, byte, width) : -1;
      if (point < 0) {
        unit = replaceInvalid(bytes, start, end, units, firstUnit);
        break;
      }
      if (point < 0x10000) {
        units[unit++] = point;
      } else {
        units[unit++] = 0xd7c0 + (point >> 10);
        units[unit++] = 0xdc00 | (point & 0x3ff);
      }
      next += width;
    }
    ends[strings++] = unit;
    position = end;
  }
  piece.strings = strings;
  piece.position = position;
  piece.units = unit;
}

function textOfUnits(units: Uint16Array, count: number): string {
  return Buffer.from(units.buffer, units.byteOffset, count * 2).toString('utf16le');
}

/** The code point of a sequence of 2 to 4 bytes, or -1 where it is not well-formed (RFC 3629, section 4). */
function codePoint(bytes: Uint8Array, position: number, first: number, width: number): number {
  const second = bytes[position + 1] ?? 0;
  if ((second & 0xc0) !== 0x80) return -1;
  if (width === 2) return first < 0xc2 ? -1 : ((first & 0x1f) << 6) | (second & 0x3f);
  const third = bytes[position + 2] ?? 0;
  if ((third & 0xc0) !== 0x80) return -1;
  if (width === 3) {
    const point = ((first & 0x0f) << 12) | ((second & 0x3f) << 6) | (third & 0x3f);
    return point < 0x800 || (point >= 0xd800 && point <= 0xdfff) ? -1 : point;
  }
  const fourth = bytes[position + 3] ?? 0;
  if ((fourth & 0xc0) !== 0x80) return -1;
  const point = ((first & 0x07) << 18) | ((second & 0x3f) << 12) | ((third & 0x3f) << 6) | (fourth & 0x3f);
  return first > 0xf4 || point < 0x10000 || point > 0x10ffff ? -1 : point;
}

/** The slow way for the rare string that is not UTF-8, so that U+FFFD stands where TextDecoder puts it. */
function replaceInvalid(
  bytes: Uint8Array,
  start: number,
  end: number,
  units: Uint16Array,
  unit: number,
): number {
  const text = decodeUtf8(bytes.subarray(start, end));
  for (let index = 0; index < text.length; index++) units[unit + index] = text.charCodeAt(index);
  return unit + text.length;
}
