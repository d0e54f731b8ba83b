import { halfAt } from './half.ts';

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
  const blockBytes = 32 + 64 + 12 + 2;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes) {
    const d = halfAt(blocks, block + 108);
    const scales = block + 96;
    for (let group = 0; group < 16; group++, out += 16) {
      const low = ((blocks[scales + (group & 7)] ?? 0) >> ((group & 8) >> 1)) & 15;
      const high = ((blocks[scales + 8 + (group & 3)] ?? 0) >> ((group >> 2) << 1)) & 3;
      const dl = fround(d * ((low | (high << 4)) - 32));
      const shift = group & 6;
      const half = (group & 1) << 4;
      const qs = block + 32 + ((group & 8) << 2) + half;
      const hmask = block + half;
      const bit = group >> 1;
      for (let l = 0; l < 16; l++) {
        const q = (((blocks[qs + l] ?? 0) >> shift) & 3) | ((((blocks[hmask + l] ?? 0) >> bit) & 1) << 2);
        values[out + l] = dl * (q - 4);
      }
    }
  }
}
