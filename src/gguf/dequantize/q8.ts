import { halfAt } from './half.ts';

/**
 * Q8_0: 32 weights, w = q * d
 *
 *     0    2                  34
 *     | d  | qs: 32 int8       |
 */
export function dequantizeQ8_0(blocks: Uint8Array, values: Float32Array): void {
  const blockBytes = 2 + 32;
  const end = blocks.length - blockBytes;
  const signed = new Int8Array(blocks.buffer, blocks.byteOffset, blocks.length);
  for (let block = 0, out = 0; block <= end; block += blockBytes, out += 32) {
    const d = halfAt(blocks, block);
    const qs = block + 2;
    for (let j = 0; j < 32; j++) values[out + j] = (signed[qs + j] ?? 0) * d;
  }
}
