import { halfAt, halfValues } from './half.ts';

/** Powers of 3, by which a digit of a byte's base-3 fraction is moved to its top. */
const POWERS = Uint8Array.of(1, 3, 9, 27, 81);

/**
 * TQ1_0: 256 weights, w = (q - 1) * d where q is 0, 1 or 2
 *
 *     0              32         48      52   54
 *     | qs: 32       | qs: 16   | qh: 4  | d  |
 *
 * A byte is a fraction of 256 in base 3, with five digits in qs and four in qh: the n-th digit is the integer
 * part of 3 * (byte * 3^n mod 256) / 256. The digits of a run lie one after the other: the first digits of all
 * its bytes, then the second ones, ...
 */
export function dequantizeTQ1_0(blocks: Uint8Array, values: Float32Array): void {
  const halves = halfValues();
  const blockBytes = 32 + 16 + 4 + 2;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes, out += 256) {
    const d = halfAt(halves, blocks, block + 52);
    spreadDigits(blocks, block, 32, 5, d, values, out);
    spreadDigits(blocks, block + 32, 16, 5, d, values, out + 160);
    spreadDigits(blocks, block + 48, 4, 4, d, values, out + 240);
  }
}

function spreadDigits(
  blocks: Uint8Array,
  start: number,
  bytes: number,
  digits: number,
  d: number,
  values: Float32Array,
  out: number,
): void {
  let to = out;
  for (let digit = 0; digit < digits; digit++) {
    const power = POWERS[digit] ?? 1;
    for (let j = 0; j < bytes; j++) {
      const q = ((((blocks[start + j] ?? 0) * power) & 255) * 3) >> 8;
      values[to++] = (q - 1) * d;
    }
  }
}

/**
 * TQ2_0: 256 weights, w = (q - 1) * d
 *
 *     0                  64   66
 *     | qs: 64 bytes     | d  |
 *
 * Each 32 bytes of qs hold 128 weights: bits 0-1 of byte l are weight l, bits 2-3 weight l + 32, and so on.
 */
export function dequantizeTQ2_0(blocks: Uint8Array, values: Float32Array): void {
  const halves = halfValues();
  const blockBytes = 64 + 2;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes, out += 256) {
    const d = halfAt(halves, blocks, block + 64);
    for (let half = 0; half < 2; half++) {
      const qs = block + half * 32;
      const first = out + half * 128;
      for (let l = 0; l < 32; l++) {
        const q = blocks[qs + l] ?? 0;
        values[first + l] = ((q & 3) - 1) * d;
        values[first + l + 32] = (((q >> 2) & 3) - 1) * d;
        values[first + l + 64] = (((q >> 4) & 3) - 1) * d;
        values[first + l + 96] = ((q >> 6) - 1) * d;
      }
    }
  }
}
