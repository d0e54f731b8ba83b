import { halfAt } from './half.ts';

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
  const blockBytes = 16 + 64 + 2 + 2;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes) {
    const d = halfAt(blocks, block + 80);
    const dmin = halfAt(blocks, block + 82);
    for (let group = 0; group < 16; group++, out += 16) {
      const scale = blocks[block + group] ?? 0;
      const dl = fround(d * (scale & 15));
      const ml = fround(dmin * (scale >> 4));
      const shift = group & 6;
      const qs = block + 16 + ((group & 8) << 2) + ((group & 1) << 4);
      for (let l = 0; l < 16; l++) {
        values[out + l] = fround(dl * (((blocks[qs + l] ?? 0) >> shift) & 3)) - ml;
      }
    }
  }
}
