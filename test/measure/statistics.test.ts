import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  mcNemarExact,
  mean,
  median,
  percentile,
  sampleStandardDeviation,
  standardError,
  wilsonInterval,
} from '../../src/measure/statistics.ts';
import { QuantscopeError } from '../../src/util/errors.ts';

/** NIST Statistical Reference Datasets, univariate, NumAcc1 and NumAcc4: certified mean and standard deviation. */
const NUM_ACC_1 = [10_000_001, 10_000_003, 10_000_002];
const NUM_ACC_4 = [
  10_000_000.2,
  ...Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? 10_000_000.1 : 10_000_000.3)),
];

describe('mean and deviation', () => {
  it('give the certified values of NIST’s NumAcc1 and NumAcc4', () => {
    expect(mean(NUM_ACC_1)).toBe(10_000_002);
    expect(sampleStandardDeviation(NUM_ACC_1)).toBeCloseTo(1, 12);
    expect(mean(NUM_ACC_4)).toBeCloseTo(10_000_000.2, 7);
    expect(sampleStandardDeviation(NUM_ACC_4)).toBeCloseTo(0.1, 7);
    expect(standardError(NUM_ACC_4)).toBeCloseTo(0.1 / Math.sqrt(1001), 8);
  });

  it('give 0 for the deviation of one value, as llama-bench does', () => {
    expect(sampleStandardDeviation([42])).toBe(0);
    expect(standardError([42])).toBe(0);
  });

  it.each([mean, median, sampleStandardDeviation, standardError])('%o refuses an empty list', (statistic) => {
    expect(() => statistic([])).toThrow(QuantscopeError);
    expect(() => statistic([])).toThrow('of no values, need at least 1');
  });
});

describe('percentile', () => {
  it('gives the quartiles that R’s quantile() gives for 1:10 (type 7)', () => {
    const sorted = Float64Array.from({ length: 10 }, (_, i) => i + 1);
    expect([0, 0.25, 0.5, 0.75, 1].map((share) => percentile(sorted, share))).toEqual([
      1, 3.25, 5.5, 7.75, 10,
    ]);
  });

  it('gives llama-perplexity’s median, the mean of the two middle values', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([3, 1, 2])).toBe(2);
  });

  it('gives the one value there is', () => {
    expect(percentile([7], 0.999)).toBe(7);
  });

  it('refuses an empty list and a share that is none', () => {
    expect(() => percentile([], 0.5)).toThrow('percentile of no values');
    expect(() => percentile([1], 50)).toThrow('percentile at 50, expected a share from 0 to 1');
    expect(() => percentile([1], Number.NaN)).toThrow(QuantscopeError);
  });

  it('rises with the share and stays within the values', () => {
    const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), {
      minLength: 1,
    });
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(values, share, share, (unsorted, a, b) => {
        const sorted = Float64Array.from(unsorted).sort();
        const low = percentile(sorted, Math.min(a, b));
        const high = percentile(sorted, Math.max(a, b));
        expect(low).toBeLessThanOrEqual(high);
        expect(low).toBeGreaterThanOrEqual(Math.min(...unsorted));
        expect(high).toBeLessThanOrEqual(Math.max(...unsorted));
      }),
    );
  });
});

describe('Wilson’s interval', () => {
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('of %i in %i is Newcombe’s (1998, table I, method 3)', (successes, total, low, high) => {
    const interval = wilsonInterval(successes, total);
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
  });

  it('says nothing when nothing was tried', () => {
    expect(wilsonInterval(0, 0)).toEqual({ low: 0, high: 1 });
  });

  it('refuses what is no count', () => {
    expect(() => wilsonInterval(3, 2)).toThrow('3 successes, expected at most the total of 2');
    expect(() => wilsonInterval(-1, 2)).toThrow(QuantscopeError);
    expect(() => wilsonInterval(0.5, 2)).toThrow(QuantscopeError);
  });

  it('holds the share, lies in 0 to 1 and is mirrored by counting failures', () => {
    const counts = fc
      .nat({ max: 100_000 })
      .chain((total) => fc.tuple(fc.nat({ max: total }), fc.constant(total)));
    fc.assert(
      fc.property(counts, ([successes, total]) => {
        fc.pre(total > 0);
        const { low, high } = wilsonInterval(successes, total);
        const mirrored = wilsonInterval(total - successes, total);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(low).toBeLessThanOrEqual(successes / total);
        expect(high).toBeGreaterThanOrEqual(successes / total);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeCloseTo(1 - mirrored.high, 10);
      }),
    );
  });
});

describe('McNemar’s exact test', () => {
  it.each([
    [0, 0, 1],
    [3, 3, 1],
    // 2 × 1/32, 2 × (1 + 6)/64 and 2 × (1 + 10 + 45)/1024.
    [0, 5, 0.0625],
    [5, 1, 0.21875],
    [2, 8, 0.109375],
  ])('of %i lost and %i gained gives %d', (lost, gained, pValue) => {
    expect(mcNemarExact(lost, gained)).toBeCloseTo(pValue, 12);
  });

  it('equals the sum in whole numbers, and does not care which way is which', () => {
    fc.assert(
      fc.property(fc.nat({ max: 150 }), fc.nat({ max: 150 }), (lost, gained) => {
        const expected = exactTail(lost, gained);
        expect(Math.abs(mcNemarExact(lost, gained) - expected)).toBeLessThanOrEqual(1e-11 * expected);
        expect(mcNemarExact(gained, lost)).toBe(mcNemarExact(lost, gained));
      }),
    );
  });

  it('stands on its feet where a binomial coefficient is beyond a double', () => {
    // Normal approximation with continuity correction: z = (|b - c| - 1) / sqrt(b + c) = 1.9891, p = 0.0467.
    expect(mcNemarExact(49_685, 50_315)).toBeCloseTo(0.0467, 3);
    expect(mcNemarExact(0, 5000)).toBe(0);
  });

  it('falls as the split grows more uneven', () => {
    const pValues = Array.from({ length: 21 }, (_, i) => mcNemarExact(i, 40 - i));
    expect(pValues).toEqual([...pValues].sort((a, b) => a - b));
  });

  it('refuses what is no count', () => {
    expect(() => mcNemarExact(1.5, 2)).toThrow('lost is 1.5, expected a whole number from 0');
  });
});

/** The same probability in whole numbers: 2 × Σ choose(n, i) / 2^n. */
function exactTail(lost: number, gained: number): number {
  const changed = BigInt(lost + gained);
  let coefficient = 1n;
  let sum = 0n;
  for (let i = 0n; i <= BigInt(Math.min(lost, gained)); i++) {
    sum += coefficient;
    coefficient = (coefficient * (changed - i)) / (i + 1n);
  }
  const scale = 10n ** 110n;
  const [whole, all] = [2n * sum, 2n ** changed];
  return whole >= all ? 1 : Number((whole * scale) / all) / Number(scale);
}
