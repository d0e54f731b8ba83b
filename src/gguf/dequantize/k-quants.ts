import { halfAt, halfValues } from './half.ts';

const { fround } = Math;

/**
 * Q2_K: 256 weights in 16 groups of 16, w = q * (d * sc) - (dmin * m)
 *
 *     0              16                 80   82     84
 *     | scales: 16    | qs: 64 bytes     | d  | dmin |
 *
 * A byte of scales is one group's sc (low nibble) and m (high nibble). Each 32 bytes of qs hold 128 weights:
 * bits 0-1 of byte l are weight l, bits 2-3 weight l + 32, bits 4-5 l + 64, bits 6-7 l + 96.
 */
export function dequantizeQ2_K(blocks: Uint8Array, values: Float32Array): void {
  const halves = halfValues();
  const blockBytes = 16 + 64 + 2 + 2;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes, out += 256) {
    const d = halfAt(halves, blocks, block + 80);
    const dmin = halfAt(halves, blocks, block + 82);
    for (let part = 0; part < 4; part++) {
      // A part is 16 columns of one half block: each byte of it holds a weight of four groups.
      const column = part & 1;
      const half = part >> 1;
      const qs = block + 16 + half * 32 + column * 16;
      const scales = block + half * 8 + column;
      const first = out + half * 128 + column * 16;
      const s1 = blocks[scales] ?? 0;
      const s2 = blocks[scales + 2] ?? 0;
      const s3 = blocks[scales + 4] ?? 0;
      const s4 = blocks[scales + 6] ?? 0;
      const d1 = fround(d * (s1 & 15));
      const d2 = fround(d * (s2 & 15));
      const d3 = fround(d * (s3 & 15));
      const d4 = fround(d * (s4 & 15));
      const m1 = fround(dmin * (s1 >> 4));
      const m2 = fround(dmin * (s2 >> 4));
      const m3 = fround(dmin * (s3 >> 4));
      const m4 = fround(dmin * (s4 >> 4));
      for (let l = 0; l < 16; l++) {
        const q = blocks[qs + l] ?? 0;
        values[first + l] = fround(d1 * (q & 3)) - m1;
        values[first + l + 32] = fround(d2 * ((q >> 2) & 3)) - m2;
        values[first + l + 64] = fround(d3 * ((q >> 4) & 3)) - m3;
        values[first + l + 96] = fround(d4 * (q >> 6)) - m4;
      }
    }
  }
}

/**
 * Q3_K: 256 weights in 16 groups of 16, w = (q - 4) * (d * (sc - 32)) where q has 3 bits
 *
 *     0                32                96            108  110
 *     | hmask: 32       | qs: 64 bytes    | scales: 12  | d  |
 *
 * qs as in Q2_K. Bit k of byte l of hmask is the third bit of weight 32 k + l. Scales have 6 bits: the low
 * nibbles of bytes 0-7 are the low bits of scales 0-7, their high nibbles those of 8-15; byte 8 + i holds the
 * two high bits of scales i, i + 4, i + 8 and i + 12, from bit 0 up.
 */
export function dequantizeQ3_K(blocks: Uint8Array, values: Float32Array): void {
  const halves = halfValues();
  const blockBytes = 32 + 64 + 12 + 2;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes, out += 256) {
    const d = halfAt(halves, blocks, block + 108);
    const scales = block + 96;
    for (let part = 0; part < 4; part++) {
      // A part is 16 columns of one half block: each byte of it holds a weight of four groups.
      const column = part & 1;
      const half = part >> 1;
      const qs = block + 32 + half * 32 + column * 16;
      const hmask = block + column * 16;
      const group = half * 8 + column;
      const d1 = fround(d * q3ScaleOf(blocks, scales, group));
      const d2 = fround(d * q3ScaleOf(blocks, scales, group + 2));
      const d3 = fround(d * q3ScaleOf(blocks, scales, group + 4));
      const d4 = fround(d * q3ScaleOf(blocks, scales, group + 6));
      const first = out + half * 128 + column * 16;
      for (let l = 0; l < 16; l++) {
        const q = blocks[qs + l] ?? 0;
        const high = (blocks[hmask + l] ?? 0) >> (half << 2);
        values[first + l] = d1 * (((q & 3) | ((high & 1) << 2)) - 4);
        values[first + l + 32] = d2 * ((((q >> 2) & 3) | ((high & 2) << 1)) - 4);
        values[first + l + 64] = d3 * ((((q >> 4) & 3) | (high & 4)) - 4);
        values[first + l + 96] = d4 * (((q >> 6) | ((high & 8) >> 1)) - 4);
      }
    }
  }
}

/** Scale of a group (0-15), less 32. */
function q3ScaleOf(blocks: Uint8Array, scales: number, group: number): number {
  const low = ((blocks[scales + (group & 7)] ?? 0) >> ((group & 8) >> 1)) & 15;
  const high = ((blocks[scales + 8 + (group & 3)] ?? 0) >> ((group >> 2) << 1)) & 3;
  return (low | (high << 4)) - 32;
}

// Q4_K and Q5_K pack eight 6-bit scales and eight 6-bit minimums into 12 bytes:
//
//     byte j     (0-3):  scale j, low 6 bits       | scale j + 4, bits 4-5 in bits 6-7
//     byte j + 4 (4-7):  minimum j, low 6 bits     | minimum j + 4, bits 4-5 in bits 6-7
//     byte j + 8 (8-11): scale j + 4, bits 0-3     | minimum j + 4, bits 0-3 in bits 4-7

/** Scale of group `j` (0-7). */
function scaleOf(bytes: Uint8Array, scales: number, j: number): number {
  if (j < 4) return (bytes[scales + j] ?? 0) & 63;
  return ((bytes[scales + j + 4] ?? 0) & 15) | (((bytes[scales + j - 4] ?? 0) >> 6) << 4);
}

/** Minimum of group `j` (0-7). */
function minimumOf(bytes: Uint8Array, scales: number, j: number): number {
  if (j < 4) return (bytes[scales + j + 4] ?? 0) & 63;
  return ((bytes[scales + j + 4] ?? 0) >> 4) | (((bytes[scales + j] ?? 0) >> 6) << 4);
}

/**
 * Q4_K: 256 weights in 8 groups of 32, w = q * (d * sc) - (dmin * m)
 *
 *     0    2      4             16                  144
 *     | d  | dmin | scales: 12  | qs: 128 bytes     |
 *
 * Each 32 bytes of qs hold two groups: low nibbles the first, high nibbles the second.
 */
export function dequantizeQ4_K(blocks: Uint8Array, values: Float32Array): void {
  const halves = halfValues();
  const blockBytes = 2 + 2 + 12 + 128;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes) {
    const d = halfAt(halves, blocks, block);
    const dmin = halfAt(halves, blocks, block + 2);
    let qs = block + 16;
    for (let group = 0; group < 8; group += 2) {
      const d1 = fround(d * scaleOf(blocks, block + 4, group));
      const m1 = fround(dmin * minimumOf(blocks, block + 4, group));
      const d2 = fround(d * scaleOf(blocks, block + 4, group + 1));
      const m2 = fround(dmin * minimumOf(blocks, block + 4, group + 1));
      // Two bytes at a time: the loop itself costs as much as a weight.
      for (let l = 0; l < 32; l += 2) {
        const q = blocks[qs + l] ?? 0;
        const next = blocks[qs + l + 1] ?? 0;
        values[out + l] = fround(d1 * (q & 15)) - m1;
        values[out + l + 1] = fround(d1 * (next & 15)) - m1;
        values[out + l + 32] = fround(d2 * (q >> 4)) - m2;
        values[out + l + 33] = fround(d2 * (next >> 4)) - m2;
      }
      qs += 32;
      out += 64;
    }
  }
}

/**
 * Q5_K: 256 weights in 8 groups of 32, w = q * (d * sc) - (dmin * m)
 *
 *     0    2      4             16            48                  176
 *     | d  | dmin | scales: 12  | qh: 32      | qs: 128 bytes     |
 *
 * qs as in Q4_K; bit g of byte l of qh is the fifth bit of weight l of group g.
 */
export function dequantizeQ5_K(blocks: Uint8Array, values: Float32Array): void {
  const halves = halfValues();
  const blockBytes = 2 + 2 + 12 + 32 + 128;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes) {
    const d = halfAt(halves, blocks, block);
    const dmin = halfAt(halves, blocks, block + 2);
    const qh = block + 16;
    let qs = block + 48;
    for (let group = 0; group < 8; group += 2) {
      const d1 = fround(d * scaleOf(blocks, block + 4, group));
      const m1 = fround(dmin * minimumOf(blocks, block + 4, group));
      const d2 = fround(d * scaleOf(blocks, block + 4, group + 1));
      const m2 = fround(dmin * minimumOf(blocks, block + 4, group + 1));
      for (let l = 0; l < 32; l++) {
        const q = blocks[qs + l] ?? 0;
        const high = (blocks[qh + l] ?? 0) >> group;
        values[out + l] = fround(d1 * ((q & 15) | ((high & 1) << 4))) - m1;
        values[out + l + 32] = fround(d2 * ((q >> 4) | ((high & 2) << 3))) - m2;
      }
      qs += 32;
      out += 64;
    }
  }
}

/**
 * Q6_K: 256 weights in 16 groups of 16, w = (q - 32) * (d * sc)
 *
 *     0                   128             192           208  210
 *     | ql: 128 bytes     | qh: 64 bytes  | scales: 16  | d  |
 *
 * Each half block (128 weights) takes 64 bytes of ql, 32 of qh and 8 int8 scales. Byte l of qh holds the high
 * two bits of weights l, l + 32, l + 64 and l + 96, from bit 0 up; their low nibbles are the low nibbles of
 * ql[l] and ql[l + 32], then the high ones.
 */
export function dequantizeQ6_K(blocks: Uint8Array, values: Float32Array): void {
  const halves = halfValues();
  const blockBytes = 128 + 64 + 16 + 2;
  const end = blocks.length - blockBytes;
  const signed = new Int8Array(blocks.buffer, blocks.byteOffset, blocks.length);
  for (let block = 0, out = 0; block <= end; block += blockBytes) {
    const d = halfAt(halves, blocks, block + 208);
    for (let part = 0; part < 4; part++) {
      // A part is 16 columns of one half block: one scale for each of its four rows of weights.
      const column = (part & 1) << 4;
      const half = part >> 1;
      const ql = block + half * 64 + column;
      const qh = block + 128 + half * 32 + column;
      const scales = block + 192 + half * 8 + (part & 1);
      const d1 = fround(d * (signed[scales] ?? 0));
      const d2 = fround(d * (signed[scales + 2] ?? 0));
      const d3 = fround(d * (signed[scales + 4] ?? 0));
      const d4 = fround(d * (signed[scales + 6] ?? 0));
      const first = out + half * 128 + column;
      for (let l = 0; l < 16; l++) {
        const low = blocks[ql + l] ?? 0;
        const low32 = blocks[ql + l + 32] ?? 0;
        const high = blocks[qh + l] ?? 0;
        values[first + l] = d1 * (((low & 15) | ((high & 3) << 4)) - 32);
        values[first + l + 32] = d2 * (((low32 & 15) | ((high & 12) << 2)) - 32);
        values[first + l + 64] = d3 * (((low >> 4) | (high & 48)) - 32);
        values[first + l + 96] = d4 * (((low32 >> 4) | ((high & 192) >> 2)) - 32);
      }
    }
    out += 256;
  }
}
