import { halfAt, halfValues } from './half.ts';

const { fround } = Math;

/** The 16 levels of the non-linear 4-bit types (`kvalues_iq4nl`, ggml-common.h). */
const LEVELS = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

/**
 * IQ4_NL: 32 weights, w = d * level[q]
 *
 *     0    2                  18
 *     | d  | qs: 16 bytes      |
 *
 * Nibbles as in Q4_0.
 */
export function dequantizeIQ4_NL(blocks: Uint8Array, values: Float32Array): void {
  const halves = halfValues();
  const blockBytes = 2 + 16;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes, out += 32) {
    spread(blocks, block + 2, halfAt(halves, blocks, block), values, out);
  }
}

/**
 * IQ4_XS: 256 weights in 8 groups of 32, w = (d * (sc - 32)) * level[q]
 *
 *     0    2           4              8                   136
 *     | d  | scales_h  | scales_l: 4  | qs: 128 bytes     |
 *
 * Scales have 6 bits: 4 in a nibble of scales_l, 2 in bits 2g and 2g + 1 of the 16-bit scales_h. The 16 bytes
 * of a group are as in Q4_0.
 */
export function dequantizeIQ4_XS(blocks: Uint8Array, values: Float32Array): void {
  const halves = halfValues();
  const blockBytes = 2 + 2 + 4 + 128;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes) {
    const d = halfAt(halves, blocks, block);
    const highBits = (blocks[block + 2] ?? 0) | ((blocks[block + 3] ?? 0) << 8);
    for (let group = 0; group < 8; group++, out += 32) {
      const low = ((blocks[block + 4 + (group >> 1)] ?? 0) >> ((group & 1) << 2)) & 15;
      const high = (highBits >> (group << 1)) & 3;
      spread(blocks, block + 8 + group * 16, fround(d * ((low | (high << 4)) - 32)), values, out);
    }
  }
}

function spread(blocks: Uint8Array, qs: number, d: number, values: Float32Array, out: number): void {
  for (let j = 0; j < 16; j++) {
    const q = blocks[qs + j] ?? 0;
    values[out + j] = d * (LEVELS[q & 15] ?? 0);
    values[out + j + 16] = d * (LEVELS[q >> 4] ?? 0);
  }
}
