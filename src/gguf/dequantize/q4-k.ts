import { halfAt, halfValues } from './half.ts';
import { minimumOf, scaleOf } from './k-scales.ts';

const { fround } = Math;

/**
 * Q4_K: 256 weights in 8 groups of 32, w = q * (d * sc) - (dmin * m)
 *
 *     0    2      4             16                  144
 *     | d  | dmin | scales: 12  | qs: 128 bytes     |
 *
 * Each 32 bytes of qs hold two groups: low nibbles the first, high nibbles the second.
 */
export function dequantizeQ4_K(blocks: Uint8Array, values: Float32Array): void {
  const halves = halfValues();
  const blockBytes = 2 + 2 + 12 + 128;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes) {
    const d = halfAt(halves, blocks, block);
    const dmin = halfAt(halves, blocks, block + 2);
    let qs = block + 16;
    for (let group = 0; group < 8; group += 2) {
      const d1 = fround(d * scaleOf(blocks, block + 4, group));
      const m1 = fround(dmin * minimumOf(blocks, block + 4, group));
      const d2 = fround(d * scaleOf(blocks, block + 4, group + 1));
      const m2 = fround(dmin * minimumOf(blocks, block + 4, group + 1));
      // Two bytes at a time: the loop itself costs as much as a weight.
      for (let l = 0; l < 32; l += 2) {
        const q = blocks[qs + l] ?? 0;
        const next = blocks[qs + l + 1] ?? 0;
        values[out + l] = fround(d1 * (q & 15)) - m1;
        values[out + l + 1] = fround(d1 * (next & 15)) - m1;
        values[out + l + 32] = fround(d2 * (q >> 4)) - m2;
        values[out + l + 33] = fround(d2 * (next >> 4)) - m2;
      }
      qs += 32;
      out += 64;
    }
  }
}
