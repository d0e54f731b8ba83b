import { describe, expect, it } from 'vitest';
import { decimalsFor, formatFixed, formatPValue } from '../../src/report/numbers.ts';

describe('the decimals of a column', () => {
  it('follow its smallest number', () => {
    expect(decimalsFor([12_284, 8.31], { significant: 4, most: 3 })).toBe(3);
    expect(decimalsFor([12_284, 831], { significant: 4, most: 3 })).toBe(1);
    expect(decimalsFor([12_284, 8310], { significant: 4, most: 3 })).toBe(0);
  });

  it('have a limit, and zero does not count', () => {
    expect(decimalsFor([0, 0.000_001], { significant: 3, most: 5 })).toBe(5);
    expect(decimalsFor([0, 25], { significant: 3, most: 5 })).toBe(1);
    expect(decimalsFor([0], { significant: 3, most: 2 })).toBe(2);
  });
});

describe('formatFixed', () => {
  it('knows no negative zero', () => {
    expect(formatFixed(-0.001, 2)).toBe('0.00');
    expect(formatFixed(-0.01, 2)).toBe('-0.01');
  });

  it('turns to powers of ten before a column bursts', () => {
    expect(formatFixed(1.5e12, 2)).toBe('1.50e+12');
    expect(formatFixed(9_999_999, 0)).toBe('9999999');
  });
});

describe('formatPValue', () => {
  it('is never zero', () => {
    expect(formatPValue(1)).toBe('1.00');
    expect(formatPValue(0.0312)).toBe('0.031');
    expect(formatPValue(1e-9)).toBe('<.001');
  });
});
