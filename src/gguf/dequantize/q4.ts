import { halfAt, halfValues } from './half.ts';

const { fround } = Math;

/**
 * Q4_0: 32 weights, w = (q - 8) * d
 *
 *     0    2                  18
 *     | d  | qs: 16 bytes      |
 *
 * The low nibble of byte j is weight j, the high one is weight j + 16.
 */
export function dequantizeQ4_0(blocks: Uint8Array, values: Float32Array): void {
  const halves = halfValues();
  const blockBytes = 2 + 16;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes, out += 32) {
    const d = halfAt(halves, blocks, block);
    const qs = block + 2;
    for (let j = 0; j < 16; j++) {
      const q = blocks[qs + j] ?? 0;
      values[out + j] = ((q & 15) - 8) * d;
      values[out + j + 16] = ((q >> 4) - 8) * d;
    }
  }
}

/**
 * Q4_1: 32 weights, w = q * d + m
 *
 *     0    2    4                  20
 *     | d  | m  | qs: 16 bytes      |
 *
 * Nibbles as in Q4_0.
 */
export function dequantizeQ4_1(blocks: Uint8Array, values: Float32Array): void {
  const halves = halfValues();
  const blockBytes = 2 + 2 + 16;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes, out += 32) {
    const d = halfAt(halves, blocks, block);
    const m = halfAt(halves, blocks, block + 2);
    const qs = block + 4;
    for (let j = 0; j < 16; j++) {
      const q = blocks[qs + j] ?? 0;
      values[out + j] = fround((q & 15) * d) + m;
      values[out + j + 16] = fround((q >> 4) * d) + m;
    }
  }
}
