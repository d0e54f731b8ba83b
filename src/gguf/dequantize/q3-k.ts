import { halfAt, halfValues } from './half.ts';

const { fround } = Math;

/**
 * Q3_K: 256 weights in 16 groups of 16, w = (q - 4) * (d * (sc - 32)) where q has 3 bits
 *
 *     0                32                96            108  110
 *     | hmask: 32       | qs: 64 bytes    | scales: 12  | d  |
 *
 * qs as in Q2_K. Bit k of byte l of hmask is the third bit of weight 32 k + l. Scales have 6 bits: the low
 * nibbles of bytes 0-7 are the low bits of scales 0-7, their high nibbles those of 8-15; byte 8 + i holds the
 * two high bits of scales i, i + 4, i + 8 and i + 12, from bit 0 up.
 */
export function dequantizeQ3_K(blocks: Uint8Array, values: Float32Array): void {
  const halves = halfValues();
  const blockBytes = 32 + 64 + 12 + 2;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes, out += 256) {
    const d = halfAt(halves, blocks, block + 108);
    const scales = block + 96;
    for (let part = 0; part < 4; part++) {
      // A part is 16 columns of one half block: each byte of it holds a weight of four groups.
      const column = part & 1;
      const half = part >> 1;
      const qs = block + 32 + half * 32 + column * 16;
      const hmask = block + column * 16;
      const group = half * 8 + column;
      const d1 = fround(d * scaleOf(blocks, scales, group));
      const d2 = fround(d * scaleOf(blocks, scales, group + 2));
      const d3 = fround(d * scaleOf(blocks, scales, group + 4));
      const d4 = fround(d * scaleOf(blocks, scales, group + 6));
      const first = out + half * 128 + column * 16;
      for (let l = 0; l < 16; l++) {
        const q = blocks[qs + l] ?? 0;
        const high = (blocks[hmask + l] ?? 0) >> (half << 2);
        values[first + l] = d1 * (((q & 3) | ((high & 1) << 2)) - 4);
        values[first + l + 32] = d2 * ((((q >> 2) & 3) | ((high & 2) << 1)) - 4);
        values[first + l + 64] = d3 * ((((q >> 4) & 3) | (high & 4)) - 4);
        values[first + l + 96] = d4 * (((q >> 6) | ((high & 8) >> 1)) - 4);
      }
    }
  }
}

/** Scale of a group (0-15), less 32. */
function scaleOf(blocks: Uint8Array, scales: number, group: number): number {
  const low = ((blocks[scales + (group & 7)] ?? 0) >> ((group & 8) >> 1)) & 15;
  const high = ((blocks[scales + 8 + (group & 3)] ?? 0) >> ((group >> 2) << 1)) & 3;
  return (low | (high << 4)) - 32;
}
