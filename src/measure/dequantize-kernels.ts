import {
  type Code,
  f32,
  f32x4,
  i8x16,
  i32,
  type KernelFunction,
  local,
  repeat,
  v128,
  widen,
} from '../util/webassembly.ts';

// Each writes the floats of whole blocks and is called with: the address of the blocks, that of the first byte after
// them, and that of the floats. There is one block at least. The values are those of src/gguf/dequantize, bit for bit,
// since every operation on a lane is rounded to a float, as there. Drawings of the blocks are there as well.

const PARAMETERS = 3;
const [block, end, out] = [local(0), local(1), local(2)];
/** Floats by which a group's levels are multiplied, in all lanes; and what is subtracted then. */
const [scale, minimum, scaleHigh, minimumHigh] = [local(3), local(4), local(5), local(6)];
/** 16 bytes of quants. */
const [bytes, bytesHigh, bits] = [local(7), local(8), local(9)];
const [d, dmin] = [local(10), local(11)];
const LOCALS = ['v128', 'v128', 'v128', 'v128', 'v128', 'v128', 'v128', 'f32', 'f32'] as const;

/** Halves are looked up in a table of their floats at address 0. */
function half(offset: number): Code {
  return f32.load(i32.shiftLeft(i32.load16(block.get, offset), i32.constant(2)));
}

function times(factor: Code, integer: Code): Code {
  return f32x4.splat(f32.multiply(factor, f32.fromInteger(integer)));
}

/** 16 signed bytes to floats at a weight of the block, each by `toWeights`. */
function writeWeights(levels: Code, at: number, toWeights: (floats: Code) => Code): Code {
  return [widen.low8to16, widen.high8to16].flatMap((to16, pair) =>
    [widen.low16to32, widen.high16to32].flatMap((to32, four) =>
      v128.store(out.get, toWeights(f32x4.fromIntegers(to32(to16(levels)))), (at + pair * 8 + four * 4) * 4),
    ),
  );
}

function eachBlock(blockBytes: number, blockWeights: number, body: Code): Code {
  const step = [
    ...block.set(i32.add(block.get, i32.constant(blockBytes))),
    ...out.set(i32.add(out.get, i32.constant(blockWeights * 4))),
  ];
  return repeat([...body, ...step], i32.lessThan(block.get, end.get));
}

const lowNibbles = (source: Code): Code => v128.and(source, i8x16.splat(i32.constant(15)));
const highNibbles = (source: Code): Code => i8x16.shiftRight(source, i32.constant(4));

export const q8_0: KernelFunction = {
  name: 'q8_0',
  parameters: PARAMETERS,
  locals: LOCALS,
  code: eachBlock(2 + 32, 32, [
    ...scale.set(f32x4.splat(half(0))),
    ...[0, 16].flatMap((at) => [
      ...bytes.set(v128.load(block.get, 2 + at)),
      ...writeWeights(bytes.get, at, (floats) => f32x4.multiply(floats, scale.get)),
    ]),
  ]),
};

/** The 6-bit scale of a group of Q4_K; see src/gguf/dequantize/k-quants.ts. */
function scaleOf(group: number): Code {
  const byte = (index: number) => i32.load8(block.get, 4 + index);
  if (group < 4) return i32.and(byte(group), i32.constant(63));
  const high = i32.shiftLeft(i32.shiftRight(byte(group - 4), i32.constant(6)), i32.constant(4));
  return i32.or(i32.and(byte(group + 4), i32.constant(15)), high);
}

function minimumOf(group: number): Code {
  const byte = (index: number) => i32.load8(block.get, 4 + index);
  if (group < 4) return i32.and(byte(group + 4), i32.constant(63));
  const high = i32.shiftLeft(i32.shiftRight(byte(group), i32.constant(6)), i32.constant(4));
  return i32.or(i32.shiftRight(byte(group + 4), i32.constant(4)), high);
}

export const q4_K: KernelFunction = {
  name: 'q4_K',
  parameters: PARAMETERS,
  locals: LOCALS,
  code: eachBlock(2 + 2 + 12 + 128, 256, [
    ...d.set(half(0)),
    ...dmin.set(half(2)),
    ...[0, 2, 4, 6].flatMap((group) => [
      ...scale.set(times(d.get, scaleOf(group))),
      ...minimum.set(times(dmin.get, minimumOf(group))),
      ...scaleHigh.set(times(d.get, scaleOf(group + 1))),
      ...minimumHigh.set(times(dmin.get, minimumOf(group + 1))),
      ...[0, 16].flatMap((column) => [
        ...bytes.set(v128.load(block.get, 16 + group * 16 + column)),
        ...bytesHigh.set(highNibbles(bytes.get)),
        ...bytes.set(lowNibbles(bytes.get)),
        ...writeWeights(bytes.get, group * 32 + column, (floats) =>
          f32x4.subtract(f32x4.multiply(floats, scale.get), minimum.get),
        ),
        ...writeWeights(bytesHigh.get, group * 32 + 32 + column, (floats) =>
          f32x4.subtract(f32x4.multiply(floats, scaleHigh.get), minimumHigh.get),
        ),
      ]),
    ]),
  ]),
};

/** The two high bits of row `row` of Q6_K's four, where a level has them. */
function highBits(row: number): Code {
  const masked = (shifted: Code) => v128.and(shifted, i8x16.splat(i32.constant(48)));
  const by = (bitCount: number) => i32.constant(bitCount);
  if (row < 2) return masked(i8x16.shiftLeft(bits.get, by(4 - 2 * row)));
  return masked(row === 2 ? bits.get : i8x16.shiftRight(bits.get, by(2)));
}

export const q6_K: KernelFunction = {
  name: 'q6_K',
  parameters: PARAMETERS,
  locals: LOCALS,
  code: eachBlock(128 + 64 + 16 + 2, 256, [
    ...d.set(half(208)),
    ...[0, 1].flatMap((halfBlock) =>
      [0, 16].flatMap((column) => [
        ...bytes.set(v128.load(block.get, halfBlock * 64 + column)),
        ...bytesHigh.set(v128.load(block.get, halfBlock * 64 + 32 + column)),
        ...bits.set(v128.load(block.get, 128 + halfBlock * 32 + column)),
        ...[0, 1, 2, 3].flatMap((row) => {
          const quants = row % 2 === 0 ? bytes.get : bytesHigh.get;
          const low = row < 2 ? lowNibbles(quants) : highNibbles(quants);
          const level = i8x16.subtract(v128.or(low, highBits(row)), i8x16.splat(i32.constant(32)));
          const group = halfBlock * 8 + row * 2 + column / 16;
          return [
            ...scale.set(times(d.get, i32.load8Signed(block.get, 192 + group))),
            ...minimum.set(level),
            ...writeWeights(minimum.get, halfBlock * 128 + row * 32 + column, (floats) =>
              f32x4.multiply(floats, scale.get),
            ),
          ];
        }),
      ]),
    ),
  ]),
};
