import { decodeUtf8 } from './utf8.ts';

/**
 * Texts of `count` consecutive length-prefixed strings.
 * @param encoded bytes that are known to hold them whole
 * @param start where the first one's length begins
 */
export function decodeStrings(encoded: Uint8Array, start: number, count: number): string[] {
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  const texts: string[] = [];
  let position = start;
  for (let index = 0; index < count; index++) {
    const end = position + 8 + view.getUint32(position, true);
    texts.push(decodeUtf8(encoded, position + 8, end));
    position = end;
  }
  return texts;
}
