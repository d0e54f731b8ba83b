import { halfAt, halfValues } from './half.ts';

const { fround } = Math;

/**
 * Q5_0: 32 weights, w = (q - 16) * d
 *
 *     0    2        6                  22
 *     | d  | qh: 4  | qs: 16 bytes      |
 *
 * qs as in Q4_0; bit i of qh is the fifth bit of weight i.
 */
export function dequantizeQ5_0(blocks: Uint8Array, values: Float32Array): void {
  const halves = halfValues();
  const blockBytes = 2 + 4 + 16;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes, out += 32) {
    const d = halfAt(halves, blocks, block);
    const qh = fifthBits(blocks, block + 2);
    const qs = block + 6;
    for (let j = 0; j < 16; j++) {
      const q = blocks[qs + j] ?? 0;
      values[out + j] = (((q & 15) | (((qh >>> j) << 4) & 16)) - 16) * d;
      values[out + j + 16] = (((q >> 4) | ((qh >>> (j + 12)) & 16)) - 16) * d;
    }
  }
}

/**
 * Q5_1: 32 weights, w = q * d + m
 *
 *     0    2    4        8                  24
 *     | d  | m  | qh: 4  | qs: 16 bytes      |
 *
 * Bits as in Q5_0.
 */
export function dequantizeQ5_1(blocks: Uint8Array, values: Float32Array): void {
  const halves = halfValues();
  const blockBytes = 2 + 2 + 4 + 16;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes, out += 32) {
    const d = halfAt(halves, blocks, block);
    const m = halfAt(halves, blocks, block + 2);
    const qh = fifthBits(blocks, block + 4);
    const qs = block + 8;
    for (let j = 0; j < 16; j++) {
      const q = blocks[qs + j] ?? 0;
      values[out + j] = fround(((q & 15) | (((qh >>> j) << 4) & 16)) * d) + m;
      values[out + j + 16] = fround(((q >> 4) | ((qh >>> (j + 12)) & 16)) * d) + m;
    }
  }
}

function fifthBits(bytes: Uint8Array, position: number): number {
  return (
    (bytes[position] ?? 0) |
    ((bytes[position + 1] ?? 0) << 8) |
    ((bytes[position + 2] ?? 0) << 16) |
    ((bytes[position + 3] ?? 0) << 24)
  );
}
