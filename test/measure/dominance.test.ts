import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareMeasured, findDominated } from '../../src/measure/dominance.ts';
import { unavailableBecause } from '../../src/schema/availability.ts';
import type { nanoVariant } from '../helpers/results.ts';
import { variantOf } from './variants.ts';

const f16 = variantOf('F16', { bytes: 800, speed: 10, kld: 0 });

describe('a dominated variant', () => {
  it('is larger, slower and less accurate than another', () => {
    const good = variantOf('Q4_K_M', { bytes: 200, speed: 30, kld: 0.01 });
    const bad = variantOf('Q4_0', { bytes: 210, speed: 25, kld: 0.03 });
    expect(findDominated([f16, bad, good], 'F16')).toEqual([{ variant: 'Q4_0', by: 'Q4_K_M' }]);
  });

  it('is not one that is better in anything beyond noise', () => {
    const good = variantOf('Q4_K_M', { bytes: 200, speed: 30, kld: 0.01 });
    const small = variantOf('Q2_K', { bytes: 150, speed: 20, kld: 0.1 });
    const fast = variantOf('Q4_0', { bytes: 210, speed: 35, kld: 0.03 });
    const exact = variantOf('Q8_0', { bytes: 400, speed: 20, kld: 0.001 });
    expect(findDominated([f16, good, small, fast, exact], 'F16')).toEqual([]);
  });

  it('is not saved by a lead within the noise of the two', () => {
    const good = variantOf('Q4_K_M', { bytes: 200, speed: 30, speedDeviation: 3, kld: 0.01 });
    const bad = variantOf('Q4_1', { bytes: 210, speed: 34, speedDeviation: 3, kld: 0.03 });
    const steady = variantOf('Q4_1', { bytes: 210, speed: 34, speedDeviation: 1, kld: 0.03 });
    expect(findDominated([good, bad], 'F16')).toEqual([{ variant: 'Q4_1', by: 'Q4_K_M' }]);
    expect(findDominated([good, steady], 'F16')).toEqual([]);
  });

  it('names the smallest of those that beat it', () => {
    const best = variantOf('Q4_K_M', { bytes: 200, speed: 30, kld: 0.01 });
    const next = variantOf('Q4_0', { bytes: 205, speed: 40, kld: 0.02 });
    const bad = variantOf('Q4_1', { bytes: 210, speed: 25, kld: 0.03 });
    expect(findDominated([bad, next, best], 'F16')).toEqual([{ variant: 'Q4_1', by: 'Q4_K_M' }]);
  });

  it('may not be the reference’s equal in accuracy: its own KLD is 0 though it has none', () => {
    const reference = { ...f16, divergence: unavailableBecause('it is the reference') };
    const q8 = variantOf('Q8_0', { bytes: 900, speed: 9, kld: 0.001 });
    expect(findDominated([reference, q8], 'F16')).toEqual([{ variant: 'Q8_0', by: 'F16' }]);
  });

  it('is judged by perplexity where KLD is missing, without its error, which both share', () => {
    const noKld = { divergence: unavailableBecause('no reference') };
    const a = { ...variantOf('A', { bytes: 200, speed: 30, kld: 0, perplexity: 6.7 }), ...noKld };
    const b = { ...variantOf('B', { bytes: 210, speed: 25, kld: 0, perplexity: 6.8 }), ...noKld };
    expect(findDominated([a, b], 'F16')).toEqual([{ variant: 'B', by: 'A' }]);
    // Within the errors of ±0.26, and yet more accurate on the very same text.
    expect(findDominated([{ ...a, perplexity: { ...perplexityOf(a), value: 6.9 } }, b], 'F16')).toEqual([]);
  });

  it('is not claimed without all three figures, nor of or by a failed variant', () => {
    const good = variantOf('Q4_K_M', { bytes: 200, speed: 30, kld: 0.01 });
    const bad = variantOf('Q4_0', { bytes: 210, speed: 25, kld: 0.03 });
    const absent = unavailableBecause('not asked for');
    expect(findDominated([good, { ...bad, speed: absent }], 'F16')).toEqual([]);
    expect(findDominated([good, { ...bad, divergence: absent, perplexity: absent }], 'F16')).toEqual([]);
    expect(findDominated([{ ...good, status: 'failed' }, bad], 'F16')).toEqual([]);
  });

  it('is none of two that are alike', () => {
    const one = variantOf('A', { bytes: 200, speed: 30, kld: 0.01 });
    expect(findDominated([one, { ...one, name: 'B' }], 'F16')).toEqual([]);
  });

  it('never beats what beats it', () => {
    const figures = fc.record({
      bytes: fc.integer({ min: 1, max: 5 }),
      speed: fc.integer({ min: 1, max: 9 }),
      speedDeviation: fc.integer({ min: 0, max: 3 }),
      kld: fc.integer({ min: 0, max: 5 }),
      kldError: fc.integer({ min: 0, max: 2 }),
    });
    fc.assert(
      fc.property(figures, figures, (a, b) => {
        expect(findDominated([variantOf('A', a), variantOf('B', b)], 'F16').length).toBeLessThan(2);
      }),
    );
  });
});

describe('two measured figures', () => {
  it('are equal within sqrt(a² + b²) of their noise', () => {
    expect(compareMeasured({ value: 10, noise: 3 }, { value: 15, noise: 4 })).toBe(0);
    expect(compareMeasured({ value: 10, noise: 3 }, { value: 15.1, noise: 4 })).toBe(-1);
    expect(compareMeasured({ value: 2, noise: 0 }, { value: 1, noise: 0 })).toBe(1);
  });
});

function perplexityOf(variant: ReturnType<typeof nanoVariant>) {
  if ('status' in variant.perplexity) throw new Error('it has one');
  return variant.perplexity;
}
