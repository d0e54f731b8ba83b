/** The 16 values of a 4-bit float (E2M1), doubled so that they are whole (`kvalues_fp4`, ggml-common.h). */
const DOUBLED = Int8Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

/**
 * Half of 2^(e - 127): the values above are doubled. ggml does not treat 255 as the NaN that E8M0 makes of it
 * (`ggml_e8m0_to_fp32_half`), and neither does this; the content check of `validate` reports it.
 */
const E8M0_HALVES = Float32Array.from({ length: 256 }, (_, e) => 2 ** (e - 128));

/** Half of an unsigned E4M3; 0x7f is its NaN, which ggml reads as 0 (`ggml_ue4m3_to_fp32`). */
const UE4M3_HALVES = Float32Array.from({ length: 256 }, (_, byte) => {
  const exponent = (byte >> 3) & 15;
  const mantissa = byte & 7;
  if (byte === 0x7f) return 0;
  return (exponent === 0 ? mantissa * 2 ** -9 : (1 + mantissa / 8) * 2 ** (exponent - 7)) / 2;
});

/**
 * MXFP4: 32 weights, w = 2^(e - 127) * E2M1(q)
 *
 *     0    1                  17
 *     | e  | qs: 16 bytes      |
 *
 * Nibbles as in Q4_0.
 */
export function dequantizeMXFP4(blocks: Uint8Array, values: Float32Array): void {
  const blockBytes = 1 + 16;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes, out += 32) {
    const d = E8M0_HALVES[blocks[block] ?? 0] ?? 0;
    const qs = block + 1;
    for (let j = 0; j < 16; j++) {
      const q = blocks[qs + j] ?? 0;
      values[out + j] = (DOUBLED[q & 15] ?? 0) * d;
      values[out + j + 16] = (DOUBLED[q >> 4] ?? 0) * d;
    }
  }
}

/**
 * NVFP4: 64 weights in 4 groups of 16, w = UE4M3(d) * E2M1(q)
 *
 *     0        4                  36
 *     | d: 4   | qs: 32 bytes      |
 *
 * Each group has 8 bytes of qs: low nibbles its first eight weights, high nibbles the others.
 */
export function dequantizeNVFP4(blocks: Uint8Array, values: Float32Array): void {
  const blockBytes = 4 + 32;
  const end = blocks.length - blockBytes;
  for (let block = 0, out = 0; block <= end; block += blockBytes) {
    for (let group = 0; group < 4; group++, out += 16) {
      const d = UE4M3_HALVES[blocks[block + group] ?? 0] ?? 0;
      const qs = block + 4 + group * 8;
      for (let j = 0; j < 8; j++) {
        const q = blocks[qs + j] ?? 0;
        values[out + j] = (DOUBLED[q & 15] ?? 0) * d;
        values[out + j + 8] = (DOUBLED[q >> 4] ?? 0) * d;
      }
    }
  }
}
