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

interface HalfTable {
  readonly bits: Uint32Array;
  readonly values: Float32Array;
}

/** Every half as a float: a quarter of a megabyte that turns conversion into a look-up. */
function buildTable(): HalfTable {
  const bits = new Uint32Array(2 ** 16);
  for (let half = 0; half < bits.length; half++) bits[half] = floatBitsOfHalf(half);
  return { bits, values: new Float32Array(bits.buffer) };
}

// Built when the first weights are read: reading headers alone does not wait for it.
let table: HalfTable | undefined;

/** The bits of the float that each half is. */
export function halfBits(): Uint32Array {
  table ??= buildTable();
  return table.bits;
}

/** The number that each half is. */
export function halfValues(): Float32Array {
  table ??= buildTable();
  return table.values;
}

/** The half at a position, little-endian, by the table of {@link halfValues}. */
export function halfAt(halves: Float32Array, bytes: Uint8Array, position: number): number {
  return halves[(bytes[position] ?? 0) | ((bytes[position + 1] ?? 0) << 8)] ?? 0;
}
