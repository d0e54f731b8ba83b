import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dequantize, layoutOf } from '../../src/gguf/index.ts';
import {
  addPiece,
  emptySums,
  mergeSums,
  type WeightErrorSums,
  weightErrorOf,
} from '../../src/measure/weight-error.ts';
import { WeightKernels } from '../../src/measure/weight-kernels.ts';

const PIECE = 1024;
const kernels = new WeightKernels({ windowBytes: PIECE * 4, pieceWeights: PIECE });

function sumsOf(a: Float32Array, b: Float32Array): WeightErrorSums {
  const sums = emptySums();
  addPiece(sums, a, b);
  return sums;
}

function sumsBySimd(a: Float32Array, b: Float32Array): WeightErrorSums {
  const sums = emptySums();
  kernels.a.values.set(a);
  kernels.b.values.set(b);
  kernels.addPiece(sums, kernels.a, kernels.b, a.length);
  return sums;
}

function errorOf(a: readonly number[], b: readonly number[]) {
  return weightErrorOf(sumsOf(Float32Array.from(a), Float32Array.from(b)));
}

function expectClose(actual: WeightErrorSums, expected: WeightErrorSums): void {
  expect(actual.weights).toBe(expected.weights);
  expect(actual.nonFinite).toBe(expected.nonFinite);
  expect(actual.maxErrorSquare).toBe(expected.maxErrorSquare);
  for (const sum of ['referenceSquares', 'otherSquares', 'errorSquares'] as const) {
    expect(Math.abs(actual[sum] - expected[sum])).toBeLessThanOrEqual(1e-12 * expected[sum]);
  }
}

const finite = fc.float({ noNaN: true, noDefaultInfinity: true });
const moderate = fc.float({ noNaN: true, min: -100, max: 100 });
const pairs = (weight: fc.Arbitrary<number>) =>
  fc
    .array(fc.tuple(weight, weight), { minLength: 1, maxLength: PIECE })
    .map((all) => [Float32Array.from(all, ([a]) => a), Float32Array.from(all, ([, b]) => b)] as const);

describe('the error of weights', () => {
  it('is what a calculation by hand gives', () => {
    const { relativeRmse, maxError, cosine, signalToNoiseDb, weights } = errorOf([3, 4, 0], [3, 2, 1]);
    // Squares of a: 25, of b: 14, of errors: 0 + 4 + 1; a b: 9 + 8.
    expect(weights).toBe(3);
    expect(relativeRmse).toBeCloseTo(Math.sqrt(5 / 25), 15);
    expect(maxError).toBe(2);
    expect(cosine).toBeCloseTo(17 / Math.sqrt(25 * 14), 15);
    expect(signalToNoiseDb).toBeCloseTo(10 * Math.log10(5), 13);
  });

  it('is 0 for equal weights, whose cosine is 1 and whose signal-to-noise ratio has no number', () => {
    fc.assert(
      fc.property(
        pairs(finite).filter(([a]) => a.some((weight) => weight !== 0)),
        ([a]) => {
          const error = weightErrorOf(sumsOf(a, a));
          expect(error).toMatchObject({ relativeRmse: 0, maxError: 0, cosine: 1, nonFinite: 0 });
          expect(error.signalToNoiseDb).toMatchObject({ status: 'unavailable' });
        },
      ),
    );
  });

  it('does not change when both sides are scaled by a power of two', () => {
    fc.assert(
      fc.property(
        pairs(moderate.filter((weight) => Math.abs(weight) > 1e-3)),
        fc.integer({ min: -8, max: 8 }),
        ([a, b], power) => {
          const scaled = (weights: Float32Array) => weights.map((weight) => weight * 2 ** power);
          const [plain, other] = [weightErrorOf(sumsOf(a, b)), weightErrorOf(sumsOf(scaled(a), scaled(b)))];
          expect(other.relativeRmse).toEqual(plain.relativeRmse);
          expect(other.cosine).toEqual(plain.cosine);
          expect(other.maxError).toBe(plain.maxError * 2 ** power);
        },
      ),
    );
  });

  it('has a cosine of 1 where one side is the other times a number, of -1 where it is its negative', () => {
    expect(errorOf([1, 2, -3], [2, 4, -6])).toMatchObject({ cosine: 1, relativeRmse: 1 });
    expect(errorOf([1, 2, -3], [-1, -2, 3])).toMatchObject({ cosine: -1, relativeRmse: 2 });
  });

  it('of pieces merged in any order is that of the whole', () => {
    fc.assert(
      fc.property(pairs(moderate), fc.nat(PIECE), ([a, b], cut) => {
        const merged = emptySums();
        mergeSums(merged, sumsOf(a.subarray(cut), b.subarray(cut)));
        mergeSums(merged, sumsOf(a.subarray(0, cut), b.subarray(0, cut)));
        expectClose(merged, sumsOf(a, b));
      }),
    );
  });

  it('leaves out pairs with a NaN or an infinity, and counts them', () => {
    const error = errorOf(
      [1, Number.NaN, 2, 3, Number.POSITIVE_INFINITY],
      [1, 1, Number.NEGATIVE_INFINITY, 4, 1],
    );
    expect(error).toMatchObject({ weights: 2, nonFinite: 3, maxError: 1 });
    expect(error.relativeRmse).toBeCloseTo(Math.sqrt(1 / 10), 15);
    expect(errorOf([Number.NaN], [0]).relativeRmse).toEqual({
      status: 'unavailable',
      reason: 'no pair of weights is finite',
    });
  });

  it('says why there is no figure for weights of 0, on either side, and for no weights', () => {
    const reasonOf = (a: readonly number[], b: readonly number[]) => errorOf(a, b);
    expect(reasonOf([0, 0], [1, 0]).relativeRmse).toMatchObject({
      reason: 'all weights of the reference are 0',
    });
    expect(reasonOf([1, 0], [0, 0])).toMatchObject({
      relativeRmse: 1,
      cosine: { reason: 'all weights of the other file are 0' },
    });
    expect(reasonOf([0], [0])).toMatchObject({ relativeRmse: 0, cosine: { reason: 'all weights are 0' } });
    expect(reasonOf([], [])).toMatchObject({ relativeRmse: { reason: 'there are no weights to compare' } });
  });

  it('holds the largest floats: no square overflows', () => {
    const largest = 3.4028234663852886e38;
    expect(errorOf([largest, largest], [-largest, largest])).toMatchObject({
      nonFinite: 0,
      maxError: 2 * largest,
      relativeRmse: Math.SQRT2,
    });
  });
});

describe('the SIMD kernels', () => {
  it('give the sums of the plain calculation, for any length and any finite floats', () => {
    fc.assert(fc.property(pairs(finite), ([a, b]) => expectClose(sumsBySimd(a, b), sumsOf(a, b))));
  });

  it('give those of the finite pairs where there are others', () => {
    fc.assert(fc.property(pairs(fc.float()), ([a, b]) => expectClose(sumsBySimd(a, b), sumsOf(a, b))));
  });

  it('compare a side with itself', () => {
    kernels.a.values.set([1, 2, 3, 4, 5]);
    const sums = emptySums();
    kernels.addPiece(sums, kernels.a, kernels.a, 5);
    expect(sums).toEqual({ ...emptySums(), weights: 5, referenceSquares: 55, otherSquares: 55 });
  });

  it.each(['Q8_0', 'Q4_K', 'Q6_K', 'Q5_0'] as const)(
    'dequantize random bytes of %s to the floats that JavaScript gives',
    (type) => {
      const { blockBytes } = layoutOf(type);
      const blocks = fc
        .integer({ min: 1, max: 4 })
        .chain((count) => fc.uint8Array({ minLength: count * blockBytes, maxLength: count * blockBytes }));
      fc.assert(
        fc.property(blocks, fc.constantFrom('a', 'b'), (bytes, which) => {
          const side = kernels[which];
          side.window.set(bytes);
          side.values.fill(7);
          kernels.dequantizerOf(type, side)?.(side.window.subarray(0, bytes.length), side.values);
          const expected = [...dequantize(type, bytes), 7];
          const differing = expected.findIndex(
            (weight, index) => !Object.is(side.values[index] ?? 7, weight),
          );
          expect(differing).toBe(-1);
        }),
      );
    },
  );
});
