import { halfAt, halfValues } from './half.ts';
import { minimumOf, scaleOf } from './k-scales.ts';

const { fround } = Math;

/**
 * Q5_K: 256 weights in 8 groups of 32, w = q * (d * sc) - (dmin * m)
 *
 *     0    2      4             16            48                  176
 *     | d  | dmin | scales: 12  | qh: 32      | qs: 128 bytes     |
 *
 * qs as in Q4_K; bit g of byte l of qh is the fifth bit of weight l of group g.
 */
export function dequantizeQ5_K(blocks: Uint8Array, values: Float32Array): void {
  const halves = halfValues();
  const blockBytes = 2 + 2 + 12 + 32 + 128;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes) {
    const d = halfAt(halves, blocks, block);
    const dmin = halfAt(halves, blocks, block + 2);
    const qh = block + 16;
    let qs = block + 48;
    for (let group = 0; group < 8; group += 2) {
      const d1 = fround(d * scaleOf(blocks, block + 4, group));
      const m1 = fround(dmin * minimumOf(blocks, block + 4, group));
      const d2 = fround(d * scaleOf(blocks, block + 4, group + 1));
      const m2 = fround(dmin * minimumOf(blocks, block + 4, group + 1));
      for (let l = 0; l < 32; l++) {
        const q = blocks[qs + l] ?? 0;
        const high = (blocks[qh + l] ?? 0) >> group;
        values[out + l] = fround(d1 * ((q & 15) | ((high & 1) << 4))) - m1;
        values[out + l + 32] = fround(d2 * ((q >> 4) | ((high & 2) << 3))) - m2;
      }
      qs += 32;
      out += 64;
    }
  }
}
