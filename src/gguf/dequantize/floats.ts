import { HALF_BITS } from './half.ts';

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
  const count = Math.floor(blocks.length / 2);
  for (let index = 0, position = 0; index < count; index++, position += 2) {
    bits[index] = HALF_BITS[(blocks[position] ?? 0) | ((blocks[position + 1] ?? 0) << 8)] ?? 0;
  }
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
