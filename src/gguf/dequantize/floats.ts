import { halfBits } from './half.ts';

// Values are moved as bits: a number that goes through a register may lose the payload of a NaN.

/** F32: one little-endian float each. */
export function dequantizeF32(blocks: Uint8Array, values: Float32Array): void {
  const count = Math.floor(blocks.length / 4);
  new Uint8Array(values.buffer, values.byteOffset, count * 4).set(blocks.subarray(0, count * 4));
}

/**
 * F16: one little-endian half each.
 *
 *     | sign 1 | exponent 5 | mantissa 10 |
 */
export function dequantizeF16(blocks: Uint8Array, values: Float32Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = halfBits();
  const count = Math.floor(blocks.length / 2);
  // Tensors begin at even positions of a file, so the copy is for callers that shift them.
  const aligned = blocks.byteOffset % 2 === 0 ? blocks : blocks.slice();
  const packed = new Uint16Array(aligned.buffer, aligned.byteOffset, count);
  const fours = count - (count % 4);
  for (let index = 0; index < fours; index += 4) {
    bits[index] = halves[packed[index] ?? 0] ?? 0;
    bits[index + 1] = halves[packed[index + 1] ?? 0] ?? 0;
    bits[index + 2] = halves[packed[index + 2] ?? 0] ?? 0;
    bits[index + 3] = halves[packed[index + 3] ?? 0] ?? 0;
  }
  for (let index = fours; index < count; index++) bits[index] = halves[packed[index] ?? 0] ?? 0;
}

/**
 * BF16: the upper half of a float.
 *
 *     | sign 1 | exponent 8 | mantissa 7 |
 */
export function dequantizeBF16(blocks: Uint8Array, values: Float32Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const count = Math.floor(blocks.length / 2);
  for (let index = 0, position = 0; index < count; index++, position += 2) {
    bits[index] = ((blocks[position] ?? 0) << 16) | ((blocks[position + 1] ?? 0) << 24);
  }
}
