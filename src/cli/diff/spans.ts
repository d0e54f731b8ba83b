import { closeSync, openSync, readSync } from 'node:fs';
import { type Dequantizer, dequantizerOf } from '../../gguf/dequantize.ts';
import { layoutOf, type TensorType } from '../../gguf/tensor-types.ts';
import { addIdenticalPiece, addPiece, emptySums, type WeightErrorSums } from '../../measure/weight-error.ts';
import { QuantscopeError } from '../../util/errors.ts';

/** Where a span's weights are in one file. */
export interface SpanSide {
  readonly path: string;
  readonly start: number;
  readonly type: TensorType;
}

/** A run of weights of one tensor, in both files. It begins and ends between blocks of either type. */
export interface WeightSpan {
  /** Index of the tensor among those compared. */
  readonly tensor: number;
  readonly weights: number;
  readonly a: SpanSide;
  readonly b: SpanSide;
}

export interface SpanResult {
  readonly sums: WeightErrorSums;
  /** Weights of windows whose bytes are the same on both sides. */
  readonly identicalWeights: number;
}

/** Weights read at once: 36 KB of Q4_K and 256 KB of F32, so that a read costs little beside its weights. */
const WINDOW_WEIGHTS = 64 * 1024;
/** Weights dequantized at once: 16 KB on each side, which stay in a core's first cache until they are summed up. */
const PIECE_WEIGHTS = 4096;

/** What every span of a type needs; a multiple of all types' blocks (the largest has 256 weights). */
interface Reader {
  readonly side: SpanSide;
  readonly dequantize: Dequantizer;
  readonly bytesPerPiece: number;
  /** A window of the file. */
  readonly bytes: Uint8Array;
  readonly values: Float32Array;
}

/**
 * Compares spans of two files by windows, on this thread. Keeps the files open from span to span; a span's memory is
 * two windows, whatever the tensor's size.
 */
export class SpanComparer implements Disposable {
  readonly #files = new Map<string, number>();
  readonly #windows = { a: new Uint8Array(WINDOW_WEIGHTS * 4), b: new Uint8Array(WINDOW_WEIGHTS * 4) };
  readonly #values = { a: new Float32Array(PIECE_WEIGHTS), b: new Float32Array(PIECE_WEIGHTS) };

  /** @throws QuantscopeError `io/read-failed`, `io/short-read`, `dequantize/unsupported` */
  compare({ weights, a, b }: WeightSpan): SpanResult {
    const sums = emptySums();
    const left = this.#reader(a, 'a');
    const right = this.#reader(b, 'b');
    let identicalWeights = 0;
    for (let done = 0; done < weights; done += WINDOW_WEIGHTS) {
      const count = Math.min(WINDOW_WEIGHTS, weights - done);
      const [leftBytes, rightBytes] = [this.#read(left, done, count), this.#read(right, done, count)];
      // A comparison of bytes costs a tenth of dequantizing them.
      const isIdentical = a.type === b.type && Buffer.compare(leftBytes, rightBytes) === 0;
      if (isIdentical) identicalWeights += count;
      for (let from = 0; from < count; from += PIECE_WEIGHTS) {
        const length = Math.min(PIECE_WEIGHTS, count - from);
        const values = pieceOf(left, leftBytes, from, length);
        if (isIdentical) addIdenticalPiece(sums, values);
        else addPiece(sums, values, pieceOf(right, rightBytes, from, length));
      }
    }
    return { sums, identicalWeights };
  }

  [Symbol.dispose](): void {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
  }

  #reader(side: SpanSide, which: 'a' | 'b'): Reader {
    const dequantize = dequantizerOf(side.type);
    if (dequantize === undefined) {
      throw new QuantscopeError(
        'dequantize/unsupported',
        `weights of type ${side.type} cannot be read as numbers`,
      );
    }
    const bytesPerPiece = bytesOf(side.type, PIECE_WEIGHTS);
    return { side, dequantize, bytesPerPiece, bytes: this.#windows[which], values: this.#values[which] };
  }

  #read({ side, bytes }: Reader, first: number, count: number): Uint8Array {
    const target = bytes.subarray(0, bytesOf(side.type, count));
    const start = side.start + bytesOf(side.type, first);
    const file = this.#open(side.path);
    for (let filled = 0; filled < target.length; ) {
      const got = readSync(file, target, filled, target.length - filled, start + filled);
      if (got === 0) {
        const message = `${side.path}: it ends at byte ${start + filled}, expected ${target.length - filled} more`;
        throw new QuantscopeError('io/short-read', message, {
          hint: 'The file became shorter while it was read; run the command again when nothing writes to it.',
        });
      }
      filled += got;
    }
    return target;
  }

  #open(path: string): number {
    const open = this.#files.get(path) ?? openSync(path, 'r');
    this.#files.set(path, open);
    return open;
  }
}

function pieceOf(
  { dequantize, bytesPerPiece, values, side }: Reader,
  window: Uint8Array,
  from: number,
  length: number,
) {
  const start = (from / PIECE_WEIGHTS) * bytesPerPiece;
  const whole = length === PIECE_WEIGHTS;
  const target = whole ? values : values.subarray(0, length);
  dequantize(window.subarray(start, start + (whole ? bytesPerPiece : bytesOf(side.type, length))), target);
  return target;
}

function bytesOf(type: TensorType, weights: number): number {
  const { blockBytes, blockElements } = layoutOf(type);
  return (weights / blockElements) * blockBytes;
}
