import fc from 'fast-check';
import { sampleCorrelation, sampleCovariance } from 'simple-statistics';
import { describe, expect, it } from 'vitest';
import { Comoments, Moments } from '../../src/measure/moments.ts';
import { mean, standardError } from '../../src/measure/statistics.ts';

const values = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 2, maxLength: 60 });

describe('moments of a stream', () => {
  it('are those of the whole list', () => {
    fc.assert(
      fc.property(values, (list) => {
        const moments = momentsOf(list);
        expect(moments.count).toBe(list.length);
        expect(moments.mean).toBeCloseTo(mean(list), 9);
        expect(moments.standardError).toBeCloseTo(standardError(list), 9);
      }),
    );
  });

  it('do not cancel beside a large mean (NIST NumAcc4: deviation 0.1 around 1e7)', () => {
    const moments = momentsOf([10_000_000.2]);
    for (let i = 0; i < 500; i++) {
      moments.add(10_000_000.1);
      moments.add(10_000_000.3);
    }
    expect(moments.standardError).toBeCloseTo(0.1 / Math.sqrt(1001), 8);
  });

  it('have no error to show for fewer than two values', () => {
    expect(momentsOf([]).mean).toBe(0);
    expect(momentsOf([]).standardError).toBe(0);
    expect(momentsOf([5]).standardError).toBe(0);
  });
});

describe('comoments of a stream', () => {
  it('give the published covariance and correlation of Anscombe’s first set', () => {
    // F. J. Anscombe, The American Statistician 27 (1973), 17-21: r = 0.816; the covariance of x and y is 5.501.
    const x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5];
    const y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
    const comoments = comomentsOf(x, y);
    expect(comoments.covariance).toBeCloseTo(5.501, 9);
    expect(comoments.correlation).toBeCloseTo(0.816420516, 9);
  });

  it('are those of the whole lists', () => {
    const pairs = fc.array(fc.tuple(fc.integer({ min: -99, max: 99 }), fc.integer({ min: -99, max: 99 })), {
      minLength: 2,
    });
    fc.assert(
      fc.property(pairs, (list) => {
        const x = list.map(([value]) => value);
        const y = list.map(([, value]) => value);
        const comoments = comomentsOf(x, y);
        expect(comoments.covariance).toBeCloseTo(sampleCovariance(x, y), 8);
        if (comoments.correlation === undefined)
          expect(new Set(x).size === 1 || new Set(y).size === 1).toBe(true);
        else expect(comoments.correlation).toBeCloseTo(sampleCorrelation(x, y), 8);
      }),
    );
  });

  it('leave the correlation with a constant undefined', () => {
    expect(comomentsOf([1, 1, 1], [1, 2, 3]).correlation).toBeUndefined();
    expect(comomentsOf([1], [1]).correlation).toBeUndefined();
    expect(comomentsOf([1], [1]).covariance).toBe(0);
  });
});

function momentsOf(list: readonly number[]): Moments {
  const moments = new Moments();
  for (const value of list) moments.add(value);
  return moments;
}

function comomentsOf(x: readonly number[], y: readonly number[]): Comoments {
  const comoments = new Comoments();
  for (const [i, value] of x.entries()) comoments.add(value, y[i] ?? Number.NaN);
  return comoments;
}
