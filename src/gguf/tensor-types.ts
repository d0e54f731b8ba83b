/** How one ggml type packs weights: `blockElements` of them in `blockBytes` bytes. */
export interface TensorTypeLayout {
  /** `enum ggml_type`, as written in a tensor info. */
  readonly id: number;
  readonly blockElements: number;
  readonly blockBytes: number;
}

/** Elements of a super-block of the K, IQ and TQ families (`QK_K`). */
const SUPER = 256;
/** Bytes of an f16 scale (`ggml_half`). */
const HALF = 2;

/**
 * Every type that a GGUF file may hold today, from `enum ggml_type` (ggml.h of llama.cpp v0.5.0). Bytes per
 * block are written as the sums of the block's fields in their order (ggml-common.h), so that a reader can
 * check them field by field; the tests compare the totals with the engine's own table.
 */
export const TENSOR_TYPES = {
  F32: { id: 0, blockElements: 1, blockBytes: 4 },
  F16: { id: 1, blockElements: 1, blockBytes: 2 },
  Q4_0: { id: 2, blockElements: 32, blockBytes: HALF + 32 / 2 }, // d, qs
  Q4_1: { id: 3, blockElements: 32, blockBytes: HALF + HALF + 32 / 2 }, // d, m, qs
  Q5_0: { id: 6, blockElements: 32, blockBytes: HALF + 4 + 32 / 2 }, // d, qh, qs
  Q5_1: { id: 7, blockElements: 32, blockBytes: HALF + HALF + 4 + 32 / 2 }, // d, m, qh, qs
  Q8_0: { id: 8, blockElements: 32, blockBytes: HALF + 32 }, // d, qs
  Q8_1: { id: 9, blockElements: 32, blockBytes: HALF + HALF + 32 }, // d, s, qs
  Q2_K: { id: 10, blockElements: SUPER, blockBytes: SUPER / 16 + SUPER / 4 + HALF + HALF }, // scales, qs, d, dmin
  Q3_K: { id: 11, blockElements: SUPER, blockBytes: SUPER / 8 + SUPER / 4 + 12 + HALF }, // hmask, qs, scales, d
  Q4_K: { id: 12, blockElements: SUPER, blockBytes: HALF + HALF + 12 + SUPER / 2 }, // d, dmin, scales, qs
  Q5_K: { id: 13, blockElements: SUPER, blockBytes: HALF + HALF + 12 + SUPER / 8 + SUPER / 2 }, // d, dmin, scales, qh, qs
  Q6_K: { id: 14, blockElements: SUPER, blockBytes: SUPER / 2 + SUPER / 4 + SUPER / 16 + HALF }, // ql, qh, scales, d
  Q8_K: { id: 15, blockElements: SUPER, blockBytes: 4 + SUPER + (SUPER / 16) * 2 }, // d (f32), qs, bsums
  IQ2_XXS: { id: 16, blockElements: SUPER, blockBytes: HALF + (SUPER / 8) * 2 }, // d, qs
  IQ2_XS: { id: 17, blockElements: SUPER, blockBytes: HALF + (SUPER / 8) * 2 + SUPER / 32 }, // d, qs, scales
  IQ3_XXS: { id: 18, blockElements: SUPER, blockBytes: HALF + SUPER / 4 + SUPER / 8 }, // d, qs (grid, signs and scales)
  IQ1_S: { id: 19, blockElements: SUPER, blockBytes: HALF + SUPER / 8 + (SUPER / 32) * 2 }, // d, qs, qh
  IQ4_NL: { id: 20, blockElements: 32, blockBytes: HALF + 32 / 2 }, // d, qs
  IQ3_S: { id: 21, blockElements: SUPER, blockBytes: HALF + SUPER / 4 + SUPER / 32 + SUPER / 8 + SUPER / 64 }, // d, qs, qh, signs, scales
  IQ2_S: { id: 22, blockElements: SUPER, blockBytes: HALF + SUPER / 4 + SUPER / 32 + SUPER / 32 }, // d, qs, qh, scales
  IQ4_XS: { id: 23, blockElements: SUPER, blockBytes: HALF + 2 + SUPER / 64 + SUPER / 2 }, // d, scales_h, scales_l, qs
  I8: { id: 24, blockElements: 1, blockBytes: 1 },
  I16: { id: 25, blockElements: 1, blockBytes: 2 },
  I32: { id: 26, blockElements: 1, blockBytes: 4 },
  I64: { id: 27, blockElements: 1, blockBytes: 8 },
  F64: { id: 28, blockElements: 1, blockBytes: 8 },
  IQ1_M: { id: 29, blockElements: SUPER, blockBytes: SUPER / 8 + SUPER / 16 + SUPER / 32 }, // qs, qh, scales (d is spread over them)
  BF16: { id: 30, blockElements: 1, blockBytes: 2 },
  TQ1_0: { id: 34, blockElements: SUPER, blockBytes: (SUPER - (4 * SUPER) / 64) / 5 + SUPER / 64 + HALF }, // qs (5 trits a byte), qh, d
  TQ2_0: { id: 35, blockElements: SUPER, blockBytes: SUPER / 4 + HALF }, // qs, d
  MXFP4: { id: 39, blockElements: 32, blockBytes: 1 + 32 / 2 }, // e (E8M0), qs
  NVFP4: { id: 40, blockElements: 64, blockBytes: 64 / 16 + 64 / 2 }, // d (UE4M3 each 16), qs
  Q1_0: { id: 41, blockElements: 128, blockBytes: HALF + 128 / 8 }, // d, qs
  Q2_0: { id: 42, blockElements: 64, blockBytes: HALF + 64 / 4 }, // d, qs
} as const satisfies Record<string, TensorTypeLayout>;

/** A ggml type by its name: `Q4_K`, `F16`, ... */
export type TensorType = keyof typeof TENSOR_TYPES;

/** Types that older files may name and no current reader loads (comments of `enum ggml_type`). */
export const REMOVED_TENSOR_TYPES: ReadonlyMap<number, string> = new Map([
  [4, 'Q4_2'],
  [5, 'Q4_3'],
  [31, 'Q4_0_4_4'],
  [32, 'Q4_0_4_8'],
  [33, 'Q4_0_8_8'],
  [36, 'IQ4_NL_4_4'],
  [37, 'IQ4_NL_4_8'],
  [38, 'IQ4_NL_8_8'],
]);

// Object.keys widens to string; the keys of a frozen literal are exactly its type's.
const NAMES = Object.keys(TENSOR_TYPES) as TensorType[];
const BY_ID: ReadonlyMap<number, TensorType> = new Map(NAMES.map((name) => [TENSOR_TYPES[name].id, name]));

/** All type names, in the order of their ids. */
export const TENSOR_TYPE_NAMES: readonly TensorType[] = NAMES;

/** The type an id stands for, or undefined where the id is unknown or removed. */
export function tensorTypeById(id: number): TensorType | undefined {
  return BY_ID.get(id);
}

/** Whether a text names a tensor type exactly: `isTensorType('Q4_K')`. */
export function isTensorType(name: string): name is TensorType {
  return Object.hasOwn(TENSOR_TYPES, name);
}

/** Layout of a type: its id, elements per block and bytes per block. */
export function layoutOf(type: TensorType): TensorTypeLayout {
  return TENSOR_TYPES[type];
}

/** Bits one weight takes in a type: 4.5 for `Q4_K`. */
export function bitsPerWeightOf(type: TensorType): number {
  const { blockBytes, blockElements } = TENSOR_TYPES[type];
  return (blockBytes * 8) / blockElements;
}

/** Bytes of `elements` weights of a type; `elements` must be a whole number of blocks. */
export function bytesForElements(type: TensorType, elements: number): number {
  const { blockBytes, blockElements } = TENSOR_TYPES[type];
  return (elements / blockElements) * blockBytes;
}
