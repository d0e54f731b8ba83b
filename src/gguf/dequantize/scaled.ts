import { halfAt, halfValues } from './half.ts';

const { fround } = Math;

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
