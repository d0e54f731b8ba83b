// Q4_K and Q5_K pack eight 6-bit scales and eight 6-bit minimums into 12 bytes:
//
//     byte j     (0-3):  scale j, low 6 bits       | scale j + 4, bits 4-5 in bits 6-7
//     byte j + 4 (4-7):  minimum j, low 6 bits     | minimum j + 4, bits 4-5 in bits 6-7
//     byte j + 8 (8-11): scale j + 4, bits 0-3     | minimum j + 4, bits 0-3 in bits 4-7

/** Scale of group `j` (0-7). */
export function scaleOf(bytes: Uint8Array, scales: number, j: number): number {
  if (j < 4) return (bytes[scales + j] ?? 0) & 63;
  return ((bytes[scales + j + 4] ?? 0) & 15) | (((bytes[scales + j - 4] ?? 0) >> 6) << 4);
}

/** Minimum of group `j` (0-7). */
export function minimumOf(bytes: Uint8Array, scales: number, j: number): number {
  if (j < 4) return (bytes[scales + j + 4] ?? 0) & 63;
  return ((bytes[scales + j + 4] ?? 0) >> 4) | (((bytes[scales + j] ?? 0) >> 6) << 4);
}
