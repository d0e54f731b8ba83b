/** Bytes of the length that stands before every string. */
export const LENGTH_BYTES = 8;

/** Bytes of the string whose length stands at `position`. The parser has checked that 32 bits hold it, and that it fits. */
export function lengthAt(bytes: Uint8Array, position: number): number {
  const low = (bytes[position] ?? 0) | ((bytes[position + 1] ?? 0) << 8) | ((bytes[position + 2] ?? 0) << 16);
  return low + (bytes[position + 3] ?? 0) * 2 ** 24;
}
