import type { Unavailable } from '../schema/availability.ts';
import { unavailableBecause } from '../schema/availability.ts';

/**
 * What has been summed up over pairs of weights: enough to give every figure, and to be merged with the sums of other
 * pieces in any order. Plain numbers, so that a worker can send it.
 */
export interface WeightErrorSums {
  /** Pairs that were compared. */
  weights: number;
  /** Pairs of which one is NaN or infinite: they are left out of all else. */
  nonFinite: number;
  /** Sum of a^2. */
  referenceSquares: number;
  /** Sum of b^2. */
  otherSquares: number;
  /** Sum of (a - b)^2. */
  errorSquares: number;
  /** Largest (a - b)^2. */
  maxErrorSquare: number;
}

/** How far weights b are from weights a, the reference. */
export interface WeightError {
  weights: number;
  nonFinite: number;
  /** sqrt(sum (a - b)^2 / sum a^2): 0 for equal weights. */
  relativeRmse: number | Unavailable;
  /** Largest |a - b|. */
  maxError: number;
  /** sum a b / sqrt(sum a^2 sum b^2): 1 for weights that differ in scale alone. */
  cosine: number | Unavailable;
  /** 10 log10(sum a^2 / sum (a - b)^2), in dB: 6 dB are a bit of precision. */
  signalToNoiseDb: number | Unavailable;
}

/** Sums of no weights at all. */
export function emptySums(): WeightErrorSums {
  return {
    weights: 0,
    nonFinite: 0,
    referenceSquares: 0,
    otherSquares: 0,
    errorSquares: 0,
    maxErrorSquare: 0,
  };
}

/**
 * Adds a piece of two tensors, pair by pair: squares of floats and their sums are far from the limits of a double.
 * `weight-kernels.ts` does the same for finite weights, faster.
 * @param reference weights of a
 * @param other weights of b, as many
 */
export function addPiece(sums: WeightErrorSums, reference: Float32Array, other: Float32Array): void {
  for (let index = 0; index < reference.length; index++) {
    const a = reference[index] ?? 0;
    const b = other[index] ?? 0;
    if (!Number.isFinite(a) || !Number.isFinite(b)) {
      sums.nonFinite++;
      continue;
    }
    const error = (a - b) * (a - b);
    sums.weights++;
    sums.referenceSquares += a * a;
    sums.otherSquares += b * b;
    sums.errorSquares += error;
    if (error > sums.maxErrorSquare) sums.maxErrorSquare = error;
  }
}

/** Adds the sums of other pieces. */
export function mergeSums(sums: WeightErrorSums, more: WeightErrorSums): void {
  sums.weights += more.weights;
  sums.nonFinite += more.nonFinite;
  sums.referenceSquares += more.referenceSquares;
  sums.otherSquares += more.otherSquares;
  sums.errorSquares += more.errorSquares;
  sums.maxErrorSquare = Math.max(sums.maxErrorSquare, more.maxErrorSquare);
}

/** The figures of what has been summed up. */
export function weightErrorOf(sums: WeightErrorSums): WeightError {
  const { weights, nonFinite, referenceSquares, otherSquares, errorSquares, maxErrorSquare } = sums;
  const shared = { weights, nonFinite, maxError: Math.sqrt(maxErrorSquare) };
  if (weights === 0) {
    const none = unavailableBecause(
      nonFinite === 0 ? 'there are no weights to compare' : 'no pair of weights is finite',
    );
    return { ...shared, relativeRmse: none, cosine: none, signalToNoiseDb: none };
  }
  if (errorSquares === 0) {
    const cosine = referenceSquares === 0 ? unavailableBecause('all weights are 0') : 1;
    return {
      ...shared,
      relativeRmse: 0,
      cosine,
      signalToNoiseDb: unavailableBecause('there is no error: the ratio is infinite'),
    };
  }
  if (referenceSquares === 0) {
    const zero = unavailableBecause('all weights of the reference are 0');
    return { ...shared, relativeRmse: zero, cosine: zero, signalToNoiseDb: zero };
  }
  return {
    ...shared,
    relativeRmse: Math.sqrt(errorSquares / referenceSquares),
    cosine:
      otherSquares === 0
        ? unavailableBecause('all weights of the other file are 0')
        : cosineOf(referenceSquares, otherSquares, errorSquares),
    signalToNoiseDb: 10 * Math.log10(referenceSquares / errorSquares),
  };
}

/**
 * The law of cosines saves a sum of products for every weight: (a - b)^2 = a^2 + b^2 - 2 a b. It loses digits only
 * where one side is many powers of ten larger than the other.
 */
function cosineOf(a2: number, b2: number, e2: number): number {
  const cosine = (a2 + b2 - e2) / (2 * Math.sqrt(a2) * Math.sqrt(b2));
  return Math.min(1, Math.max(-1, cosine));
}
