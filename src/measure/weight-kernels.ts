import { type Dequantizer, dequantize, dequantizerOf, layoutOf, type TensorType } from '../gguf/index.ts';
import { instantiate, type Kernels } from '../util/webassembly.ts';
import { q4_K, q6_K, q8_0 } from './dequantize-kernels.ts';
import { SUMS, weightError } from './error-kernel.ts';
import { addPiece, type WeightErrorSums } from './weight-error.ts';

/** Lanes that the kernel of the sums takes at once. */
const STEP_WEIGHTS = 4;
/** Types with a kernel of their own: what most files of 4 to 8 bits consist of. */
const KERNELS: Partial<Record<TensorType, string>> = { Q8_0: 'q8_0', Q4_K: 'q4_K', Q6_K: 'q6_K' };

/** One of the two files: a window of its bytes, to be filled by the caller, and the weights of a piece of that. */
export interface WeightSide {
  readonly window: Uint8Array;
  readonly values: Float32Array;
}

export interface WeightKernelSizes {
  /** Room for bytes of each side. */
  readonly windowBytes: number;
  /** Room for weights of each side: a multiple of 4. */
  readonly pieceWeights: number;
}

/**
 * Dequantizes and compares weights by SIMD, which JavaScript reaches through WebAssembly alone: several times as fast
 * as it can itself, with the same weights bit for bit. Types without a kernel are dequantized by JavaScript.
 */
export class WeightKernels {
  readonly a: WeightSide;
  readonly b: WeightSide;
  readonly #sums: Float64Array;
  readonly #functions: Kernels['functions'];

  constructor({ windowBytes, pieceWeights }: WeightKernelSizes) {
    const halves = everyHalf();
    const lengths = [halves.byteLength, windowBytes, windowBytes, 4 * pieceWeights, 4 * pieceWeights];
    const sumsAt = lengths.reduce((sum, length) => sum + length, 0);
    const { buffer, functions } = instantiate(
      [q8_0, q4_K, q6_K, weightError],
      sumsAt + 8 * SUMS.count * SUMS.lanes,
    );
    this.#functions = functions;
    // The kernels find the table of halves at address 0.
    new Float32Array(buffer, 0, halves.length).set(halves);
    const windowA = halves.byteLength;
    const valuesA = windowA + 2 * windowBytes;
    this.a = {
      window: new Uint8Array(buffer, windowA, windowBytes),
      values: new Float32Array(buffer, valuesA, pieceWeights),
    };
    this.b = {
      window: new Uint8Array(buffer, windowA + windowBytes, windowBytes),
      values: new Float32Array(buffer, valuesA + 4 * pieceWeights, pieceWeights),
    };
    this.#sums = new Float64Array(buffer, sumsAt, SUMS.count * SUMS.lanes);
  }

  /** What writes the weights of blocks in a side's window to the beginning of its values; undefined for some types. */
  dequantizerOf(type: TensorType, { values }: WeightSide): Dequantizer | undefined {
    const kernel = this.#functions[KERNELS[type] ?? ''];
    if (kernel === undefined) return dequantizerOf(type);
    const { blockBytes } = layoutOf(type);
    return (blocks) => {
      const end = blocks.byteOffset + blocks.length;
      if (blocks.length >= blockBytes) kernel(blocks.byteOffset, end, values.byteOffset);
    };
  }

  /**
   * Adds the first `count` values of two sides, pair by pair.
   * @param other the same side for weights that are the same in both files
   */
  addPiece(sums: WeightErrorSums, reference: WeightSide, other: WeightSide, count: number): void {
    const padded = Math.ceil(count / STEP_WEIGHTS) * STEP_WEIGHTS;
    if (padded === 0) return;
    // Zeros add nothing.
    reference.values.fill(0, count, padded);
    other.values.fill(0, count, padded);
    const from = reference.values.byteOffset;
    const kernel = this.#functions[weightError.name];
    kernel?.(from, other.values.byteOffset, from + 4 * padded, this.#sums.byteOffset);
    const [a2, b2, e2] = [this.#sumOfLanes(0), this.#sumOfLanes(1), this.#sumOfLanes(2)];
    // NaN and infinities make the sums such: asked once a piece, not once a weight.
    if (!Number.isFinite(a2 + b2 + e2)) {
      addPiece(sums, reference.values.subarray(0, count), other.values.subarray(0, count));
      return;
    }
    sums.weights += count;
    sums.referenceSquares += a2;
    sums.otherSquares += b2;
    sums.errorSquares += e2;
    for (let lane = 0; lane < SUMS.lanes; lane++) {
      sums.maxErrorSquare = Math.max(sums.maxErrorSquare, this.#lane(3, lane));
    }
  }

  #sumOfLanes(sum: number): number {
    let total = 0;
    for (let lane = 0; lane < SUMS.lanes; lane++) total += this.#lane(sum, lane);
    return total;
  }

  #lane(sum: number, lane: number): number {
    return this.#sums[sum * SUMS.lanes + lane] ?? 0;
  }
}

/** The floats that all halves are, by their bits. */
function everyHalf(): Float32Array {
  const halves = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);
  return dequantize('F16', new Uint8Array(halves.buffer));
}
