import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { studentTwoSided } from '../../src/measure/student.ts';

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
