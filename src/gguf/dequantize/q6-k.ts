import { halfAt, halfValues } from './half.ts';

const { fround } = Math;

/**
 * Q6_K: 256 weights in 16 groups of 16, w = (q - 32) * (d * sc)
 *
 *     0                   128             192           208  210
 *     | ql: 128 bytes     | qh: 64 bytes  | scales: 16  | d  |
 *
 * Each half block (128 weights) takes 64 bytes of ql, 32 of qh and 8 int8 scales. Byte l of qh holds the high
 * two bits of weights l, l + 32, l + 64 and l + 96, from bit 0 up; their low nibbles are the low nibbles of
 * ql[l] and ql[l + 32], then the high ones.
 */
export function dequantizeQ6_K(blocks: Uint8Array, values: Float32Array): void {
  const halves = halfValues();
  const blockBytes = 128 + 64 + 16 + 2;
  const end = blocks.length - blockBytes;
  const signed = new Int8Array(blocks.buffer, blocks.byteOffset, blocks.length);
  for (let block = 0, out = 0; block <= end; block += blockBytes) {
    const d = halfAt(halves, blocks, block + 208);
    for (let part = 0; part < 4; part++) {
      // A part is 16 columns of one half block: one scale for each of its four rows of weights.
      const column = (part & 1) << 4;
      const half = part >> 1;
      const ql = block + half * 64 + column;
      const qh = block + 128 + half * 32 + column;
      const scales = block + 192 + half * 8 + (part & 1);
      const d1 = fround(d * (signed[scales] ?? 0));
      const d2 = fround(d * (signed[scales + 2] ?? 0));
      const d3 = fround(d * (signed[scales + 4] ?? 0));
      const d4 = fround(d * (signed[scales + 6] ?? 0));
      const first = out + half * 128 + column;
      for (let l = 0; l < 16; l++) {
        const low = blocks[ql + l] ?? 0;
        const low32 = blocks[ql + l + 32] ?? 0;
        const high = blocks[qh + l] ?? 0;
        values[first + l] = d1 * (((low & 15) | ((high & 3) << 4)) - 32);
        values[first + l + 32] = d2 * (((low32 & 15) | ((high & 12) << 2)) - 32);
        values[first + l + 64] = d3 * (((low >> 4) | (high & 48)) - 32);
        values[first + l + 96] = d4 * (((low32 >> 4) | ((high & 192) >> 2)) - 32);
      }
    }
    out += 256;
  }
}
