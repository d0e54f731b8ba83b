import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layoutOf, TENSOR_TYPE_NAMES, type TensorType } from '../../src/gguf/index.ts';
import { ContentScan, type TensorContent, viewsOf } from '../../src/validate/index.ts';

/** The bytes of each f16 scale in a block, counted in ggml-common.h by hand. */
const HALF_SCALES: Partial<Record<TensorType, number[]>> = {
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q8_0: [0],
  Q2_K: [80, 82],
  Q3_K: [108],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
  IQ1_S: [0],
  IQ2_XXS: [0],
  IQ2_XS: [0],
  IQ2_S: [0],
  IQ3_XXS: [0],
  IQ3_S: [0],
  IQ4_NL: [0],
  IQ4_XS: [0],
  TQ1_0: [52],
  TQ2_0: [64],
};
const BLOCKS = 5;

/** Checks one tensor that stands at `start` of a file, fed in pieces of `piece` bytes. */
function scan(type: TensorType, bytes: Uint8Array, piece = 4096, start = 32): TensorContent {
  const file = new Uint8Array(start + bytes.length);
  file.set(bytes, start);
  const content = new ContentScan([
    { name: 't', type, start, end: file.length, paddedEnd: file.length, sliceBytes: 0 },
  ]);
  const buffer = new Uint8Array(Math.ceil(piece / 4) * 4);
  for (let at = 0; at < file.length; at += piece) {
    const part = file.subarray(at, at + piece);
    buffer.set(part);
    content.feed(viewsOf(buffer.buffer), part.length, at);
  }
  const [result] = content.results();
  if (result === undefined) throw new Error('no result');
  return result;
}

/** Blocks without a doubtful value: every byte is 1. */
function plain(type: TensorType, blocks = BLOCKS): Uint8Array {
  return new Uint8Array(layoutOf(type).blockBytes * blocks).fill(1);
}

describe('the content of a tensor', () => {
  for (const [type, scales] of Object.entries(HALF_SCALES)) {
    const { blockBytes } = layoutOf(type as TensorType);
    for (const at of scales) {
      it(`${type}: a NaN and an infinity in the scale at byte ${at} of a block are found, elsewhere they are weights`, () => {
        const bytes = plain(type as TensorType);
        const view = new DataView(bytes.buffer);
        view.setUint16(blockBytes + at, 0x7e00, true);
        view.setUint16(3 * blockBytes + at, 0xfc00, true);
        const found = scan(type as TensorType, bytes);
        expect(found).toMatchObject({ nan: 1, infinite: 1, firstBadOffset: 32 + blockBytes + at });
      });
    }
    it(`${type}: bytes of 0xff beside the scales are no fault`, () => {
      const bytes = plain(type as TensorType).fill(0xff);
      const view = new DataView(bytes.buffer);
      for (let block = 0; block < BLOCKS; block++) {
        for (const at of scales) view.setUint16(block * blockBytes + at, 0x2c00, true);
      }
      expect(scan(type as TensorType, bytes)).toMatchObject({ nan: 0, infinite: 0, firstBadOffset: null });
    });
  }

  it('MXFP4: an exponent of 0xff is found', () => {
    const bytes = plain('MXFP4');
    bytes[17 * 2] = 0xff;
    expect(scan('MXFP4', bytes)).toMatchObject({ nan: 1, firstBadOffset: 32 + 34 });
  });

  it('Q8_K: the f32 scale is checked', () => {
    const bytes = plain('Q8_K');
    new DataView(bytes.buffer).setFloat32(292, Number.NaN, true);
    expect(scan('Q8_K', bytes)).toMatchObject({ nan: 1, firstBadOffset: 32 + 292 });
  });

  it('IQ1_M: the scale that is spread over four words is put together', () => {
    const bytes = plain('IQ1_M');
    const view = new DataView(bytes.buffer);
    // The upper nibbles of the words, lowest first, of 0x7c00.
    for (const [word, nibble] of [0x0, 0x0, 0xc, 0x7].entries())
      view.setUint16(56 + 48 + 2 * word, nibble << 12, true);
    expect(scan('IQ1_M', bytes)).toMatchObject({ infinite: 1, nan: 0 });
  });

  it('floats: NaN, infinity and values near the largest are told apart', () => {
    const f32 = new Uint8Array(Float32Array.of(1, Number.NaN, -Infinity, 3.4e38, -1e35).buffer);
    expect(scan('F32', f32)).toMatchObject({
      nan: 1,
      infinite: 1,
      huge: 1,
      firstBadOffset: 36,
      firstHugeOffset: 44,
    });
    const f64 = new Uint8Array(Float64Array.of(1, Number.NaN, Infinity, 1e305).buffer);
    expect(scan('F64', f64)).toMatchObject({ nan: 1, infinite: 1, huge: 1 });
    const f16 = new Uint8Array(Uint16Array.of(0x3c00, 0x7e00, 0xfc00, 0x7bff).buffer);
    expect(scan('F16', f16)).toMatchObject({ nan: 1, infinite: 1, huge: 1 });
    const bf16 = new Uint8Array(Uint16Array.of(0x3f80, 0x7fc0, 0xff80, 0x7f7f).buffer);
    expect(scan('BF16', bf16)).toMatchObject({ nan: 1, infinite: 1, huge: 1 });
  });

  it.each([
    { type: 'F16', infinity: 0x7c00, huge: 0x7bff },
    { type: 'BF16', infinity: 0x7f80, huge: 0x7b40 },
  ] as const)('$type: every value is what it is, in each place of a word', ({ type, infinity, huge }) => {
    const all = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);
    const is = (bits: number): string =>
      bits > infinity ? 'nan' : bits === infinity ? 'infinite' : bits >= huge ? 'huge' : 'sound';
    for (const [before, after] of [
      [0, 0],
      [1, 2],
      [2, 3],
      [3, 1],
    ] as const) {
      const values = [...Array(before).fill(0x3c00), ...all, ...Array(after).fill(0x3c00)];
      const found = scan(type, new Uint8Array(Uint16Array.from(values).buffer), 4099);
      const count = (kind: string): number => all.filter((bits) => is(bits & 0x7fff) === kind).length;
      expect(found).toMatchObject({
        nan: count('nan'),
        infinite: count('infinite'),
        huge: count('huge'),
        firstBadOffset: 32 + 2 * (before + infinity),
        firstHugeOffset: 32 + 2 * (before + huge),
      });
    }
  });

  it('a NaN whose mantissa is only in the lower word of an f64 is a NaN', () => {
    const bytes = new Uint8Array(new Uint32Array([1, 0x7ff0_0000]).buffer);
    expect(scan('F64', bytes)).toMatchObject({ nan: 1, infinite: 0 });
  });

  it('a tensor of zeros is seen as one, and one byte makes the difference', () => {
    expect(scan('Q4_K', new Uint8Array(144 * 40), 100)).toMatchObject({ allZero: true });
    const bytes = new Uint8Array(144 * 40);
    bytes[144 * 40 - 1] = 1;
    expect(scan('Q4_K', bytes, 100)).toMatchObject({ allZero: false });
  });

  it('is the same however the file is cut into pieces and wherever the tensor stands', () => {
    const types = fc.constantFrom(...TENSOR_TYPE_NAMES);
    fc.assert(
      fc.property(
        types,
        fc.integer({ min: 1, max: 700 }),
        fc.integer({ min: 0, max: 40 }),
        fc.integer(),
        (type, piece, start, seed) => {
          const bytes = plain(type, 7);
          // Values with all bits of an exponent set are frequent enough to be met.
          for (let index = 0; index < bytes.length; index++)
            if ((index * 7 + seed) % 5 === 0) bytes[index] = 0x7f;
          const whole = scan(type, bytes, 1 << 16, 0);
          const parts = scan(type, bytes, piece, start);
          const moved = (offset: number | null): number | null => (offset === null ? null : offset + start);
          expect(parts).toEqual({
            ...whole,
            firstBadOffset: moved(whole.firstBadOffset),
            firstHugeOffset: moved(whole.firstHugeOffset),
          });
        },
      ),
      { numRuns: 400 },
    );
  });
});

describe('the padding behind a tensor', () => {
  const extents = [
    { name: 'a', type: 'I8', start: 32, end: 40, paddedEnd: 64, sliceBytes: 0 },
    { name: 'b', type: 'I8', start: 64, end: 96, paddedEnd: 96, sliceBytes: 0 },
    { name: 'c', type: 'I8', start: 96, end: 97, paddedEnd: 128, sliceBytes: 0 },
  ] as const;

  function paddingOffsets(bytes: Uint8Array, piece: number): (number | null)[] {
    const content = new ContentScan(extents);
    for (let at = 0; at < bytes.length; at += piece) {
      const part = new Uint8Array(Math.ceil(piece / 4) * 4);
      part.set(bytes.subarray(at, at + piece));
      content.feed(viewsOf(part.buffer), Math.min(piece, bytes.length - at), at);
    }
    return content.results().map(({ paddingOffset }) => paddingOffset);
  }

  it.each([1, 3, 32, 41, 200])('is found where it is not zero, in pieces of %i bytes', (piece) => {
    const file = new Uint8Array(128).fill(7);
    file.fill(0, 40, 64).fill(0, 97, 128);
    expect(paddingOffsets(file, piece)).toEqual([null, null, null]);
    file[63] = 1;
    file[100] = 2;
    file[101] = 3;
    expect(paddingOffsets(file, piece)).toEqual([63, null, 100]);
    expect(paddingOffsets(file.subarray(0, 97), piece)).toEqual([63, null, null]);
  });
});
