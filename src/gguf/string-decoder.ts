import { decodeUtf8 } from './utf8.ts';

const LENGTH_BYTES = 8;
/**
 * UTF-16 units decoded at a time. A megabyte of text goes to V8's space for large objects, where the
 * collector does not copy it; smaller pieces were copied twice and took a third longer.
 */
const PIECE_UNITS = 2 ** 19;

/**
 * Texts of consecutive length-prefixed strings, a piece of the array at a time: the piece is transcoded into
 * UTF-16 here, becomes one text by one native call, and the strings are cut out of it. A native call for
 * each of some 400,000 short tokens takes three times as long.
 * @param encoded bytes that are known to hold the strings whole
 * @param start where the first one's length begins
 * @param count of strings; there must be as many
 */
export function decodeStrings(encoded: Uint8Array, start: number, count: number): string[] {
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  // The parser has stepped over every element, so the count is backed by bytes that are there.
  const texts = new Array<string>(count);
  const capacity = Math.min(PIECE_UNITS, Math.max(0, encoded.length - start));
  const units = new Uint16Array(capacity);
  const ends = new Uint32Array(Math.min(capacity, count));
  let position = start;
  let index = 0;
  while (index < count) {
    let unitCount = 0;
    let inPiece = 0;
    while (index + inPiece < count && inPiece < ends.length) {
      const textStart = position + LENGTH_BYTES;
      const textEnd = textStart + view.getUint32(position, true);
      // A string never has more UTF-16 units than UTF-8 bytes.
      if (unitCount + textEnd - textStart > capacity) break;
      unitCount = transcode(encoded, textStart, textEnd, units, unitCount);
      ends[inPiece++] = unitCount;
      position = textEnd;
    }
    if (inPiece === 0) {
      // Longer than a piece: a text of its own.
      const textStart = position + LENGTH_BYTES;
      position = textStart + view.getUint32(position, true);
      texts[index++] = decodeUtf8(encoded, textStart, position);
      continue;
    }
    const piece = textOfUnits(units, unitCount);
    let from = 0;
    for (let offset = 0; offset < inPiece; offset++) {
      const to = ends[offset] ?? from;
      texts[index++] = piece.substring(from, to);
      from = to;
    }
  }
  return texts;
}

function textOfUnits(units: Uint16Array, count: number): string {
  return Buffer.from(units.buffer, units.byteOffset, count * 2).toString('utf16le');
}

/** Writes one string's UTF-16 units from `unit` on and yields where they end. */
function transcode(bytes: Uint8Array, start: number, end: number, units: Uint16Array, unit: number): number {
  let position = start;
  let next = unit;
  while (position < end) {
    const byte = bytes[position] ?? 0;
    if (byte < 0x80) {
      units[next++] = byte;
      position++;
      continue;
    }
    // The next string's bytes follow without a gap, so the width is checked here.
    const width = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    const point = position + width <= end ? codePoint(bytes, position, byte, width) : -1;
    if (point < 0) return replaceInvalid(bytes, start, end, units, unit);
    if (point < 0x10000) {
      units[next++] = point;
    } else {
      units[next++] = 0xd7c0 + (point >> 10);
      units[next++] = 0xdc00 | (point & 0x3ff);
    }
    position += width;
  }
  return next;
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
  const text = decodeUtf8(bytes, start, end);
  for (let index = 0; index < text.length; index++) units[unit + index] = text.charCodeAt(index);
  return unit + text.length;
}
