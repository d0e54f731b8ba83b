import { closeSync, openSync, readSync } from 'node:fs';
import type { Dequantizer } from '../../gguf/dequantize.ts';
import { layoutOf, type TensorType } from '../../gguf/tensor-types.ts';
import { emptySums, type WeightErrorSums } from '../../measure/weight-error.ts';
import { WeightKernels, type WeightSide } from '../../measure/weight-kernels.ts';
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

/** One side of a span that is being compared. */
interface Reader extends WeightSide {
  readonly span: SpanSide;
  readonly dequantize: Dequantizer;
  /** Whole, since a piece is a multiple of all types' blocks (the largest has 256 weights). */
  readonly bytesPerPiece: number;
}

/**
 * Compares spans of two files by windows, on this thread. Keeps the files open from span to span; a span's memory is
 * two windows, whatever the tensor's size.
 */
export class SpanComparer implements Disposable {
  readonly #files = new Map<string, number>();
  readonly #kernels = new WeightKernels({ windowBytes: WINDOW_WEIGHTS * 4, pieceWeights: PIECE_WEIGHTS });

  /** @throws QuantscopeError `io/short-read`, `dequantize/unsupported`; what the system says of a failed read */
  compare({ weights, a, b }: WeightSpan): SpanResult {
    const sums = emptySums();
    const left = this.#reader(a, this.#kernels.a);
    const right = this.#reader(b, this.#kernels.b);
    let identicalWeights = 0;
    for (let done = 0; done < weights; done += WINDOW_WEIGHTS) {
      const count = Math.min(WINDOW_WEIGHTS, weights - done);
      const [leftBytes, rightBytes] = [this.#read(left, done, count), this.#read(right, done, count)];
      const isIdentical = a.type === b.type && Buffer.compare(leftBytes, rightBytes) === 0;
      if (isIdentical) identicalWeights += count;
      for (let from = 0; from < count; from += PIECE_WEIGHTS) {
        const length = Math.min(PIECE_WEIGHTS, count - from);
        dequantizePiece(left, leftBytes, from, length);
        if (!isIdentical) dequantizePiece(right, rightBytes, from, length);
        this.#kernels.addPiece(sums, left, isIdentical ? left : right, length);
      }
    }
    return { sums, identicalWeights };
  }

  [Symbol.dispose](): void {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
  }

  #reader(span: SpanSide, side: WeightSide): Reader {
    const dequantize = this.#kernels.dequantizerOf(span.type, side);
    if (dequantize === undefined) {
      throw new QuantscopeError(
        'dequantize/unsupported',
        `weights of type ${span.type} cannot be read as numbers`,
      );
    }
    return { ...side, span, dequantize, bytesPerPiece: bytesOf(span.type, PIECE_WEIGHTS) };
  }

  #read({ span, window }: Reader, first: number, count: number): Uint8Array {
    const target = window.subarray(0, bytesOf(span.type, count));
    const start = span.start + bytesOf(span.type, first);
    const file = this.#open(span.path);
    for (let filled = 0; filled < target.length; ) {
      const got = readSync(file, target, filled, target.length - filled, start + filled);
      if (got === 0) {
        const message = `${span.path}: it ends at byte ${start + filled}, expected ${target.length - filled} more`;
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

function dequantizePiece(
  { dequantize, bytesPerPiece, values, span }: Reader,
  window: Uint8Array,
  from: number,
  length: number,
): void {
  const start = (from / PIECE_WEIGHTS) * bytesPerPiece;
  const bytes = length === PIECE_WEIGHTS ? bytesPerPiece : bytesOf(span.type, length);
  dequantize(window.subarray(start, start + bytes), values);
}

function bytesOf(type: TensorType, weights: number): number {
  const { blockBytes, blockElements } = layoutOf(type);
  return (weights / blockElements) * blockBytes;
}
