import { layoutOf, type TensorType } from '../gguf/tensor-types.ts';

/** The same bytes under several element sizes: the checks read whole fields without a DataView. */
export interface ByteViews {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
}

/** Views of a buffer, whose length must be a multiple of 4. */
export function viewsOf(buffer: ArrayBufferLike): ByteViews {
  return { u8: new Uint8Array(buffer), u16: new Uint16Array(buffer), u32: new Uint32Array(buffer) };
}

/** Counts that a kernel adds to; positions are bytes from the start of the tensor. */
export interface Tally {
  nan: number;
  infinite: number;
  firstBad: number;
  huge: number;
  firstHuge: number;
}

/**
 * Looks at `blocks` whole blocks from byte `at` of the views on. `position` is where they stand in the tensor.
 * Typed arrays are little-endian on every machine that Node runs on and llama.cpp supports, as is the format.
 */
type Kernel = (views: ByteViews, at: number, blocks: number, position: number, tally: Tally) => void;

/** How a type is checked, and the alignment in bytes that the check needs. */
export interface ContentKernel {
  readonly alignment: 1 | 2 | 4;
  readonly run: Kernel;
}

// The casts to number below: an index inside the bytes handed over always has an element, and `?? 0` would cost
// time in the hottest loops of the program.

/** Absolute values from here on are near FLT_MAX (3.4e38): no training leaves such a weight. As f32 bits: 1e36. */
const HUGE_F32 = 0x7b40_97ce;
/** The upper half of the same number. */
const HUGE_BF16 = 0x7b40;
/** The largest finite f16, 65504: what a conversion that overflowed and clamped leaves. */
const HUGE_F16 = 0x7bff;
/** The upper word of 1e300. */
const HUGE_F64 = 0x7e37_e43c;

/*
 * A float is NaN or infinite when all bits of its exponent are set:
 *
 *   f32   s eeeeeeee mmm...   mask 0x7f800000      f16   s eeeee mmm...      mask 0x7c00
 *   bf16  s eeeeeeee mmmmmmm  mask 0x7f80          f64   s eeeeeeeeeee mmm...  upper word, mask 0x7ff00000
 *
 * Without the sign the bits of floats are ordered like the floats, so one comparison of integers with the
 * smallest doubtful value finds huge, infinite and NaN alike, and what it was is looked at only then.
 */

const f32: Kernel = ({ u32 }, at, blocks, position, tally) => {
  const first = at >> 2;
  for (let index = 0; index < blocks; index++) {
    const bits = (u32[first + index] as number) & 0x7fff_ffff;
    if (bits >= HUGE_F32) note(tally, bits, 0x7f80_0000, position + index * 4);
  }
};

const SIGNS_OFF = 0x7fff_7fff;
const SIGNS = 0x8000_8000;

/**
 * Floats of 16 bits, four at a time: with what is missing from the smallest doubtful value to 0x8000 added to each half
 * of a word, the sign's place tells of a doubtful half, and no half carries into its neighbour.
 */
function floatsOf16(smallestDoubtful: number, infinity: number): Kernel {
  const missing = 0x8000 - smallestDoubtful;
  const added = (missing << 16) | missing;
  return ({ u16, u32 }, at, blocks, position, tally) => {
    const first = at >> 1;
    for (let index = 0; index < blocks; index += 4) {
      const word = (first + index) >> 1;
      const one = ((u32[word] as number) & SIGNS_OFF) + added;
      const two = ((u32[word + 1] as number) & SIGNS_OFF) + added;
      if (index + 4 <= blocks && ((one | two) & SIGNS) === 0) continue;
      for (let each = index; each < Math.min(index + 4, blocks); each++) {
        const bits = (u16[first + each] as number) & 0x7fff;
        if (bits >= smallestDoubtful) note(tally, bits, infinity, position + each * 2);
      }
    }
  };
}

const f64: Kernel = ({ u32 }, at, blocks, position, tally) => {
  const first = at >> 2;
  for (let index = 0; index < blocks; index++) {
    const upper = (u32[first + 2 * index + 1] as number) & 0x7fff_ffff;
    if (upper < HUGE_F64) continue;
    // Infinity has no bit of the mantissa, and its lower word is part of that.
    const bits = upper === 0x7ff0_0000 && u32[first + 2 * index] !== 0 ? upper + 1 : upper;
    note(tally, bits, 0x7ff0_0000, position + index * 8);
  }
};

/** Two f16 side by side at the start of every block (`d` and `m` or `dmin`), read as one 32-bit word. */
function halfPairAt(byteInBlock: number, blockBytes: number): Kernel {
  return ({ u32 }, at, blocks, position, tally) => {
    const stride = blockBytes >> 2;
    let word = (at + byteInBlock) >> 2;
    for (let index = 0; index < blocks; index++, word += stride) {
      const pair = u32[word] as number;
      const low = pair & 0x7fff;
      const high = (pair >>> 16) & 0x7fff;
      if (low >= 0x7c00) note(tally, low, 0x7c00, position + index * blockBytes + byteInBlock);
      if (high >= 0x7c00) note(tally, high, 0x7c00, position + index * blockBytes + byteInBlock + 2);
    }
  };
}

/** f16 scales at the same bytes of every block. */
function halvesAt(bytesInBlock: readonly number[], blockBytes: number): Kernel {
  return ({ u16 }, at, blocks, position, tally) => {
    const stride = blockBytes >> 1;
    for (const byte of bytesInBlock) {
      let half = (at + byte) >> 1;
      for (let index = 0; index < blocks; index++, half += stride) {
        const bits = (u16[half] as number) & 0x7fff;
        if (bits >= 0x7c00) note(tally, bits, 0x7c00, position + index * blockBytes + byte);
      }
    }
  };
}

/** Q8_K's `d` is an f32 at the start of 292 bytes. */
function floatAt(byteInBlock: number, blockBytes: number): Kernel {
  return ({ u32 }, at, blocks, position, tally) => {
    for (let index = 0; index < blocks; index++) {
      const byte = at + index * blockBytes + byteInBlock;
      const bits = (u32[byte >> 2] as number) & 0x7fff_ffff;
      if (bits >= 0x7f80_0000) note(tally, bits, 0x7f80_0000, position + byte - at);
    }
  };
}

/** MXFP4: one byte of exponent (E8M0) and 16 of weights; 0xff is its only NaN. */
const mxfp4: Kernel = ({ u8 }, at, blocks, position, tally) => {
  for (let index = 0; index < blocks; index++) {
    if (u8[at + index * 17] === 0xff) note(tally, 1, 0, position + index * 17);
  }
};

/**
 * IQ1_M: its f16 scale is spread over the upper four bits of four 16-bit words (`iq1m_scale_t`, ggml-common.h),
 * behind 32 bytes of qs and 16 of qh.
 */
const iq1m: Kernel = ({ u16 }, at, blocks, position, tally) => {
  for (let index = 0; index < blocks; index++) {
    const byte = at + index * 56 + 48;
    const word = (offset: number): number => u16[(byte >> 1) + offset] as number;
    const scale =
      (word(0) >> 12) | ((word(1) >> 8) & 0x00f0) | ((word(2) >> 4) & 0x0f00) | (word(3) & 0xf000);
    const bits = scale & 0x7fff;
    if (bits >= 0x7c00) note(tally, bits, 0x7c00, position + byte - at);
  }
};

/** Where the f16 scales stand in a block, from the fields' sizes in ggml-common.h. */
const HALVES: Partial<Record<TensorType, readonly number[]>> = {
  Q1_0: [0],
  Q2_0: [0],
  Q4_0: [0],
  Q5_0: [0],
  Q8_0: [0],
  Q8_1: [0, 2],
  Q2_K: [80, 82], // scales 16, qs 64
  Q3_K: [108], // hmask 32, qs 64, scales 12
  Q6_K: [208], // ql 128, qh 64, scales 16
  IQ1_S: [0],
  IQ2_XXS: [0],
  IQ2_XS: [0],
  IQ2_S: [0],
  IQ3_XXS: [0],
  IQ3_S: [0],
  IQ4_NL: [0],
  IQ4_XS: [0],
  TQ1_0: [52], // qs 48, qh 4
  TQ2_0: [64], // qs 64
};

/** Types whose two scales begin a block of whole 32-bit words. */
const PAIRS: readonly TensorType[] = ['Q4_1', 'Q5_1', 'Q4_K', 'Q5_K'];

/** The check of a type's content; undefined where every bit pattern is a valid one (integers, NVFP4). */
export function kernelOf(type: TensorType): ContentKernel | undefined {
  const { blockBytes } = layoutOf(type);
  const halves = HALVES[type];
  if (halves !== undefined) return { alignment: 2, run: halvesAt(halves, blockBytes) };
  if (PAIRS.includes(type)) return { alignment: 4, run: halfPairAt(0, blockBytes) };
  switch (type) {
    case 'F32':
      return { alignment: 4, run: f32 };
    case 'F16':
      return { alignment: 4, run: floatsOf16(HUGE_F16, 0x7c00) };
    case 'BF16':
      return { alignment: 4, run: floatsOf16(HUGE_BF16, 0x7f80) };
    case 'F64':
      return { alignment: 4, run: f64 };
    case 'Q8_K':
      return { alignment: 4, run: floatAt(0, blockBytes) };
    case 'MXFP4':
      return { alignment: 1, run: mxfp4 };
    case 'IQ1_M':
      return { alignment: 2, run: iq1m };
    default:
      return undefined;
  }
}

/** Sorts a doubtful value: above the bits of infinity it is NaN, below it is merely huge. */
function note(tally: Tally, bits: number, infinity: number, position: number): void {
  if (bits < infinity) {
    tally.huge++;
    tally.firstHuge = Math.min(tally.firstHuge, position);
    return;
  }
  if (bits === infinity) tally.infinite++;
  else tally.nan++;
  tally.firstBad = Math.min(tally.firstBad, position);
}
