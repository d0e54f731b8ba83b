import { halfAt, halfValues } from './half.ts';

/**
 * Q1_0: 128 weights, w = d where the bit is set, -d where it is not
 *
 *     0    2                  18
 *     | d  | qs: 16 bytes      |
 *
 * Bit i of byte j is weight 8 j + i.
 */
export function dequantizeQ1_0(blocks: Uint8Array, values: Float32Array): void {
  const halves = halfValues();
  const blockBytes = 2 + 16;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes) {
    const d = halfAt(halves, blocks, block);
    for (let j = 0; j < 16; j++) {
      const bits = blocks[block + 2 + j] ?? 0;
      for (let bit = 0; bit < 8; bit++) values[out++] = (bits >> bit) & 1 ? d : -d;
    }
  }
}
