import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactDivergences, keptDivergences } from '../../src/measure/kullback-leibler.ts';
import type { KeptPositions } from '../../src/measure/position-data.ts';
import {
  type Distributions,
  divergenceOf,
  fullOf,
  keptOf,
  logSoftmax,
  mostLikely,
  pairOfModels,
} from './distributions.ts';

/** Float32 keeps ln p to about 2e-6 at the depths drawn here. */
const FLOAT32_ERROR = 1e-5;
/** Sums of a few dozen terms up to 50 in double precision. */
const ROUNDING = 1e-10;

describe('the exact divergence', () => {
  it('of a fair coin from a biased one is computed by hand', () => {
    const fair = [[Math.log(1 / 2), Math.log(1 / 2)]];
    const biased = [[Math.log(1 / 4), Math.log(3 / 4)]];
    // ½ ln 2 + ½ ln ⅔ = ½ ln 4/3.
    expect(exactDivergences(fullOf(fair, [0]), fullOf(biased, [0]))[0]).toBeCloseTo(Math.log(4 / 3) / 2, 6);
  });

  it('is Σ p (ln p - ln q), never negative, and 0 from itself', () => {
    fc.assert(
      fc.property(pairOfModels(), ({ reference, candidate, next }) => {
        const p = fullOf(reference, next);
        const kld = exactDivergences(p, fullOf(candidate, next));
        for (const [i, value] of kld.entries()) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(Math.abs(value - divergenceOf(reference[i] ?? [], candidate[i] ?? []))).toBeLessThan(
            FLOAT32_ERROR,
          );
        }
        expect([...exactDivergences(p, p)]).toEqual(reference.map(() => 0));
      }),
    );
  });

  it('is as exact as the float32 values it is given', () => {
    fc.assert(
      fc.property(pairOfModels(), ({ reference, candidate, next }) => {
        const [p, q] = [reference, candidate].map((rows) => rows.map((row) => row.map(Math.fround)));
        const kld = exactDivergences(fullOf(p ?? [], next), fullOf(q ?? [], next));
        for (const [i, value] of kld.entries()) {
          const expected = Math.max(0, divergenceOf(p?.[i] ?? [], q?.[i] ?? []));
          expect(Math.abs(value - expected)).toBeLessThan(1e-9);
        }
      }),
    );
  });

  it('does not depend on the numbering of the tokens', () => {
    fc.assert(
      fc.property(pairOfModels(), ({ reference, candidate, next }) => {
        const kld = exactDivergences(fullOf(reference, next), fullOf(candidate, next));
        const reversed = exactDivergences(
          fullOf(
            reference.map((row) => [...row].reverse()),
            next,
          ),
          fullOf(
            candidate.map((row) => [...row].reverse()),
            next,
          ),
        );
        for (const [i, value] of kld.entries()) expect(reversed[i]).toBeCloseTo(value, 10);
      }),
    );
  });

  it('passes over tokens that both models rule out', () => {
    const masked = [[0, Number.NEGATIVE_INFINITY]];
    expect([...exactDivergences(fullOf(masked, [0]), fullOf(masked, [0]))]).toEqual([0]);
  });

  it('refuses a candidate that rules out a token the reference allows', () => {
    const even = fullOf([[Math.log(0.5), Math.log(0.5)]], [0]);
    const masked = fullOf([[0, Number.NEGATIVE_INFINITY]], [0]);
    expect(() => exactDivergences(even, masked)).toThrow('scored position 0 is Infinity');
  });

  it('refuses values that are no distribution', () => {
    const sound = fullOf([[Math.log(0.5), Math.log(0.5)]], [0]);
    expect(() => exactDivergences(sound, fullOf([[0, 0]], [0]))).toThrow('do not sum to 1');
    expect(() => exactDivergences(sound, fullOf([[Number.NaN, 0]], [0]))).toThrow('is NaN');
    expect(() => exactDivergences(fullOf([[Number.NaN, 0]], [0]), sound)).toThrow('is NaN');
  });
});

describe('the bound from the kept tokens', () => {
  const mass = fc.double({ min: 0, max: 1, noNaN: true });
  const limit = fc.integer({ min: 0, max: 24 });

  it('is never above the exact divergence, never negative, always finite', () => {
    fc.assert(
      fc.property(pairOfModels(), mass, limit, ({ reference, candidate, next }, keptMass, keptLimit) => {
        const tokens = mostLikely(reference, keptMass, keptLimit);
        const { kld } = keptDivergences(keptOf(reference, next, tokens), keptOf(candidate, next, tokens));
        for (const [i, bound] of kld.entries()) {
          expect(bound).toBeGreaterThanOrEqual(0);
          expect(bound).toBeLessThanOrEqual(divergenceOf(reference[i] ?? [], candidate[i] ?? []) + ROUNDING);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is the exact divergence when every token is kept', () => {
    fc.assert(
      fc.property(pairOfModels(), ({ reference, candidate, next }) => {
        const tokens = reference.map((row) => row.map((_, token) => token));
        const { kld, unresolved } = keptDivergences(
          keptOf(reference, next, tokens),
          keptOf(candidate, next, tokens),
        );
        for (const [i, bound] of kld.entries()) {
          expect(Math.abs(bound - divergenceOf(reference[i] ?? [], candidate[i] ?? []))).toBeLessThan(
            ROUNDING,
          );
          expect(unresolved[i]).toBeCloseTo(0, 12);
        }
      }),
    );
  });

  it('is 0 from itself, whatever is kept', () => {
    fc.assert(
      fc.property(pairOfModels(), mass, limit, ({ reference, next }, keptMass, keptLimit) => {
        const kept = keptOf(reference, next, mostLikely(reference, keptMass, keptLimit));
        expect([...keptDivergences(kept, kept).kld]).toEqual(reference.map(() => 0));
      }),
    );
  });

  it('only grows as more is kept, and leaves less unresolved', () => {
    fc.assert(
      fc.property(pairOfModels(), limit, limit, ({ reference, candidate, next }, a, b) => {
        const few = boundsOfMostLikely(reference, candidate, next, Math.min(a, b));
        const many = boundsOfMostLikely(reference, candidate, next, Math.max(a, b));
        for (const [i, bound] of few.kld.entries()) {
          expect(few.unresolved[i]).toBeGreaterThanOrEqual((many.unresolved[i] ?? 0) - ROUNDING);
          // Under a candidate's tail that is next to nothing there is a floor, which gives some of the bound up.
          if ((many.candidateTail[i] ?? 0) < 1e-5) continue;
          expect(bound).toBeLessThanOrEqual((many.kld[i] ?? 0) + ROUNDING);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('loses little with what METHODS keeps: 99.9 % of the mass', () => {
    // A candidate that differs by noise of 0.2 in each logit, as a good quantization does.
    const noise = (i: number) => 0.2 * Math.sin(12.9898 * i);
    const logits = Array.from({ length: 1000 }, (_, i) => 12 / (1 + i / 20));
    const reference = [logSoftmax(logits)];
    const candidate = [logSoftmax(logits.map((logit, i) => logit + noise(i)))];
    const tokens = mostLikely(reference, 0.999, 512);
    const { kld, unresolved } = keptDivergences(
      keptOf(reference, [0], tokens),
      keptOf(candidate, [0], tokens),
    );
    expect((kld[0] ?? 0) / divergenceOf(reference[0] ?? [], candidate[0] ?? [])).toBeGreaterThan(0.9);
    expect(unresolved[0]).toBeGreaterThan(0);
  });

  it.each([
    ['both tails gone by rounding', [1.0000001], [1.0000001]],
    ['the reference’s tail gone', [1.0000001], [0.9]],
    ['the candidate’s tail gone', [0.999], [1.0000001]],
    ['a tail of rounding alone beside none', [1 - 1e-9], [1.0000001]],
  ])('stays finite with %s', (_, p, q) => {
    const { kld } = keptDivergences(single(p), single(q));
    expect(kld[0]).toBeGreaterThanOrEqual(0);
    expect(kld[0]).toBeLessThan(0.11);
  });

  it('takes a position of which nothing was kept as one bucket', () => {
    expect(keptDivergences(single([]), single([]))).toEqual({
      kld: Float64Array.of(0),
      unresolved: Float64Array.of(1),
    });
  });
});

function boundsOfMostLikely(
  reference: Distributions,
  candidate: Distributions,
  next: readonly number[],
  count: number,
) {
  const tokens = mostLikely(reference, Number.POSITIVE_INFINITY, count);
  const kept = keptOf(candidate, next, tokens);
  const candidateTail = keptDivergences(kept, kept).unresolved;
  return { ...keptDivergences(keptOf(reference, next, tokens), kept), candidateTail };
}

function single(probabilities: readonly number[]): KeptPositions {
  return {
    kind: 'kept',
    positions: 1,
    offsets: Uint32Array.of(0, probabilities.length),
    tokens: Uint32Array.from(probabilities, (_, token) => token),
    logProbs: Float64Array.from(probabilities, Math.log),
    nextLogProb: Float64Array.of(-1),
    topToken: Uint32Array.of(0),
  };
}
