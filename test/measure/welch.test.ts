import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { studentTwoSided, welchTest } from '../../src/measure/welch.ts';

describe("Student's distribution", () => {
  // Percentage points of table 26.10 of Abramowitz and Stegun, and of the normal distribution.
  it.each([
    [12.706, 1, 0.05],
    [4.303, 2, 0.05],
    [2.776, 4, 0.05],
    [2.228, 10, 0.05],
    [3.169, 10, 0.01],
    [2.042, 30, 0.05],
    [1.959964, 1e7, 0.05],
    [2.575829, 1e7, 0.01],
  ])('leaves %f with %i degrees of freedom at %f', (t, degrees, p) => {
    expect(studentTwoSided(t, degrees)).toBeCloseTo(p, 4);
  });

  it('is the arctangent at one degree of freedom', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e3, noNaN: true }), (t) => {
        expect(studentTwoSided(t, 1)).toBeCloseTo(1 - (2 / Math.PI) * Math.atan(t), 9);
      }),
    );
  });
});

describe("Welch's test", () => {
  it('finds p by hand: t = 3 / sqrt(0.5 + 2) at 2.5² / (0.5²/4 + 2²/4) degrees of freedom', () => {
    const p = welchTest([1, 2, 3, 4, 5], [2, 4, 6, 8, 10]) ?? Number.NaN;
    expect(p).toBeCloseTo(studentTwoSided(3 / Math.sqrt(2.5), 2.5 ** 2 / (0.5 ** 2 / 4 + 2 ** 2 / 4)), 12);
    expect(p).toBeCloseTo(0.1075, 4);
  });

  it('needs two values on each side', () => {
    expect(welchTest([1], [1, 2])).toBeNull();
    expect(welchTest([1, 2], [])).toBeNull();
  });

  it('is certain of values that never vary', () => {
    expect(welchTest([2, 2], [2, 2])).toBe(1);
    expect(welchTest([2, 2], [3, 3])).toBe(0);
  });

  it('gives a probability that does not know which sample came first, nor the unit', () => {
    const sample = fc.array(fc.double({ min: 1, max: 1e4, noNaN: true }), { minLength: 2, maxLength: 12 });
    fc.assert(
      fc.property(sample, sample, (one, other) => {
        const p = welchTest(one, other) ?? Number.NaN;
        expect(p).toBeGreaterThanOrEqual(0);
        expect(p).toBeLessThanOrEqual(1 + 1e-12);
        expect(welchTest(other, one)).toBeCloseTo(p, 9);
        const scaled = (values: number[]) => values.map((value) => value * 1000);
        expect(welchTest(scaled(one), scaled(other))).toBeCloseTo(p, 6);
      }),
    );
  });
});
