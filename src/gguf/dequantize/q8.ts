import { halfAt, halfValues } from './half.ts';

/**
 * Q8_0: 32 weights, w = q * d
 *
 *     0    2                  34
 *     | d  | qs: 32 int8       |
 */
export function dequantizeQ8_0(blocks: Uint8Array, values: Float32Array): void {
  const halves = halfValues();
  const blockBytes = 2 + 32;
  const end = blocks.length - blockBytes;
  const signed = new Int8Array(blocks.buffer, blocks.byteOffset, blocks.length);
  for (let block = 0, out = 0; block <= end; block += blockBytes, out += 32) {
    const d = halfAt(halves, blocks, block);
    const qs = block + 2;
    // Four at a time: the loop itself costs more than the multiplication.
    for (let j = 0; j < 32; j += 4) {
      values[out + j] = (signed[qs + j] ?? 0) * d;
      values[out + j + 1] = (signed[qs + j + 1] ?? 0) * d;
      values[out + j + 2] = (signed[qs + j + 2] ?? 0) * d;
      values[out + j + 3] = (signed[qs + j + 3] ?? 0) * d;
    }
  }
}
