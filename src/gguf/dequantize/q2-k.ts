import { halfAt, halfValues } from './half.ts';

const { fround } = Math;

/**
 * Q2_K: 256 weights in 16 groups of 16, w = q * (d * sc) - (dmin * m)
 *
 *     0              16                 80   82     84
 *     | scales: 16    | qs: 64 bytes     | d  | dmin |
 *
 * A byte of scales is one group's sc (low nibble) and m (high nibble). Each 32 bytes of qs hold 128 weights:
 * bits 0-1 of byte l are weight l, bits 2-3 weight l + 32, bits 4-5 l + 64, bits 6-7 l + 96.
 */
export function dequantizeQ2_K(blocks: Uint8Array, values: Float32Array): void {
  const halves = halfValues();
  const blockBytes = 16 + 64 + 2 + 2;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes, out += 256) {
    const d = halfAt(halves, blocks, block + 80);
    const dmin = halfAt(halves, blocks, block + 82);
    for (let part = 0; part < 4; part++) {
      // A part is 16 columns of one half block: each byte of it holds a weight of four groups.
      const column = part & 1;
      const half = part >> 1;
      const qs = block + 16 + half * 32 + column * 16;
      const scales = block + half * 8 + column;
      const first = out + half * 128 + column * 16;
      const s1 = blocks[scales] ?? 0;
      const s2 = blocks[scales + 2] ?? 0;
      const s3 = blocks[scales + 4] ?? 0;
      const s4 = blocks[scales + 6] ?? 0;
      const d1 = fround(d * (s1 & 15));
      const d2 = fround(d * (s2 & 15));
      const d3 = fround(d * (s3 & 15));
      const d4 = fround(d * (s4 & 15));
      const m1 = fround(dmin * (s1 >> 4));
      const m2 = fround(dmin * (s2 >> 4));
      const m3 = fround(dmin * (s3 >> 4));
      const m4 = fround(dmin * (s4 >> 4));
      for (let l = 0; l < 16; l++) {
        const q = blocks[qs + l] ?? 0;
        values[first + l] = fround(d1 * (q & 3)) - m1;
        values[first + l + 32] = fround(d2 * ((q >> 2) & 3)) - m2;
        values[first + l + 64] = fround(d3 * ((q >> 4) & 3)) - m3;
        values[first + l + 96] = fround(d4 * (q >> 6)) - m4;
      }
    }
  }
}
