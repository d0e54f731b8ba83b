/** IEEE 754 binary16 to binary32 by its bits; exact, since every half is a float. NaN payloads are kept. */
function floatBitsOfHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (mantissa << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (mantissa << 13);
  if (mantissa === 0) return sign;
  // Subnormal: moved up until its leading bit is the implicit one.
  const shift = Math.clz32(mantissa) - 21;
  return sign | ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13);
}

/** Every half as the bits of the float it is. A quarter of a megabyte that turns conversion into a look-up. */
export const HALF_BITS: Uint32Array = Uint32Array.from({ length: 2 ** 16 }, (_, half) =>
  floatBitsOfHalf(half),
);

/** Every half as a number. */
export const HALF_VALUES: Float32Array = new Float32Array(HALF_BITS.buffer);

/** The half at a position, little-endian. */
export function halfAt(bytes: Uint8Array, position: number): number {
  return HALF_VALUES[(bytes[position] ?? 0) | ((bytes[position + 1] ?? 0) << 8)] ?? 0;
}
