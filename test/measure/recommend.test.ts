import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/measure/limits.ts';
import { recommend } from '../../src/measure/recommend.ts';
import { isAvailable, unavailableBecause } from '../../src/schema/availability.ts';
import { resultsSchema, type VariantResult } from '../../src/schema/results.ts';
import { buildVariant, failedVariant, nanoVariant } from '../helpers/results.ts';
import { variantOf } from './variants.ts';

const nano = ['F16', 'Q8_0', 'Q4_K_M', 'Q2_K'].map((name) => nanoVariant(name));
const absent = unavailableBecause('accuracy was not asked for (--only)');
const withoutAccuracy = { perplexity: absent, divergence: absent, tasks: absent };

function reasonsFor(variants: readonly VariantResult[], reference = 'F16') {
  const recommendation = recommend(variants, reference, DEFAULT_LIMITS);
  if (!isAvailable(recommendation)) throw new Error(recommendation.reason);
  return recommendation;
}

describe('the recommendation', () => {
  it('is Q4_K_M for the nano family, in two sentences with the figures', () => {
    expect(reasonsFor(nano)).toEqual({
      variant: 'Q4_K_M',
      reasons: [
        'Q4_K_M is the smallest variant within the limits: 2.6 MiB, 68 % smaller than F16 and 1.29 times as fast at ' +
          'generation; mean KLD 0.0127 (limit 0.05), same top token 94.5 % (limit 90 %), perplexity +0.48 % ' +
          '(limit +5 %) and task accuracy unchanged (limit 2 points).',
        'Q2_K, the next smaller, loses too much: mean KLD 0.144 (limit 0.05), same top token 85.9 % (limit 90 %) ' +
          'and perplexity +5.05 % (limit +5 %).',
      ],
      dominated: [],
    });
  });

  it('is the same in any order of the variants', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(nano, { minLength: 4 }), (shuffled) => {
        expect(reasonsFor(shuffled).variant).toBe('Q4_K_M');
      }),
    );
  });

  it('is the reference when nothing smaller is within the limits', () => {
    const { variant, reasons } = reasonsFor(nano.filter(({ name }) => name === 'F16' || name === 'Q2_K'));
    expect(variant).toBe('F16');
    expect(reasons[0]).toBe(
      'No smaller variant is within the limits, which leaves F16, the reference (8.0 MiB).',
    );
    expect(reasons[1]).toMatch(/^Q2_K, the next smaller, loses too much: mean KLD 0\.144/);
  });

  it('is the reference when that is the smallest', () => {
    const large = variantOf('F32', { bytes: 16_000_000, speed: 1000, kld: 0 });
    expect(reasonsFor([nanoVariant('F16'), large]).reasons).toEqual([
      'F16, the reference, is also the smallest variant that could be measured (8.0 MiB).',
    ]);
  });

  it('is the reference when the others failed, and says so', () => {
    const failed = failedVariant('Q2_K', 'engine/killed', 'killed by the system while loading');
    const { variant, reasons } = reasonsFor([nanoVariant('F16'), failed]);
    expect(variant).toBe('F16');
    expect(reasons).toEqual([
      'F16, the reference, is the only variant that could be measured.',
      'Q2_K, the next smaller, could not be measured.',
    ]);
  });

  it('is what loses least when even the reference did not run to its end', () => {
    const failed = { ...nanoVariant('F16'), status: 'failed' as const };
    const worse = variantOf('Q3_K_S', { bytes: 1_900_000, speed: 2000, kld: 0.2 });
    const { variant, reasons } = reasonsFor([failed, worse, nanoVariant('Q2_K')]);
    expect(variant).toBe('Q2_K');
    expect(reasons[0]).toBe(
      'No variant is within the limits and the reference could not be measured: Q2_K (1.7 MiB) loses least, with ' +
        'mean KLD 0.144 (limit 0.05) and same top token 85.9 % (limit 90 %).',
    );
    expect(reasons).toContain(
      'Not checked: the rise of perplexity and the drop of task accuracy (the reference was not measured).',
    );
  });

  it('says which limits could not be checked', () => {
    const variants = nano.map((variant) => ({
      ...variant,
      tasks: unavailableBecause('there were no task items'),
    }));
    const { variant, reasons } = reasonsFor(variants);
    expect(variant).toBe('Q4_K_M');
    expect(reasons.at(-1)).toBe('Not checked: the drop of task accuracy (there were no task items).');
  });

  it('passes over a variant of which nothing was checked', () => {
    const blank = buildVariant('Q3_K_M', { file: { bytes: 2_000_000, sha256: absent } }, 'it timed out');
    const { variant, reasons } = reasonsFor([...nano, blank]);
    expect(variant).toBe('Q4_K_M');
    expect(reasons[1]).toBe('Q3_K_M, the next smaller, could not be judged: it timed out.');
  });

  it('speaks of speed only as far as it was measured', () => {
    const silent = nano.map((variant) => ({ ...variant, speed: unavailableBecause('not asked for') }));
    expect(reasonsFor(silent).reasons[0]).toContain('68 % smaller than F16; mean KLD');
    const alike = variantOf('Q8_0', { bytes: 4_504_128, speed: 1890, speedDeviation: 40, kld: 0.0004 });
    expect(reasonsFor([nanoVariant('F16'), alike]).reasons[0]).toContain(
      '47 % smaller than F16 and as fast at generation within the noise;',
    );
  });

  it('lists the dominated', () => {
    const bad = variantOf('Q4_1', { bytes: 3_000_000, speed: 1000, kld: 0.02 });
    expect(reasonsFor([...nano, bad]).dominated).toEqual([{ variant: 'Q4_1', by: 'Q4_K_M' }]);
  });

  it.each<[string, readonly VariantResult[], string | null, string]>([
    ['there is no reference', nano, null, 'no variant was taken as the reference'],
    ['there is one variant', nano.slice(0, 1), 'F16', 'there is only one variant, nothing to choose between'],
    [
      'accuracy was not asked for',
      nano.map((variant) => ({ ...variant, ...withoutAccuracy })),
      'F16',
      'no loss of accuracy was measured (Q2_K: accuracy was not asked for (--only))',
    ],
    [
      'all failed',
      nano.map((variant) => ({ ...variant, status: 'failed' as const })),
      'F16',
      'no variant could be measured',
    ],
    [
      'the reference alone ran, without accuracy',
      [{ ...nanoVariant('F16'), ...withoutAccuracy }, failedVariant('Q2_K', 'engine/killed', 'killed')],
      'F16',
      'no accuracy was measured',
    ],
  ])('is unavailable when %s', (_, variants, reference, reason) => {
    expect(recommend(variants, reference, DEFAULT_LIMITS)).toEqual(unavailableBecause(reason));
  });

  it('never throws, names a variant that ran and fits the contract, whatever was measured', () => {
    const row = fc.record({
      variant: fc.constantFrom(...nano),
      status: fc.constantFrom('ok' as const, 'failed' as const),
      drop: fc.subarray(['speed', 'perplexity', 'divergence', 'tasks'] as const),
    });
    const contract = resultsSchema.shape.recommendation;
    fc.assert(
      fc.property(fc.uniqueArray(row, { selector: ({ variant }) => variant.name }), (rows) => {
        const variants = rows.map(({ variant, status, drop }) => ({
          ...variant,
          status,
          ...Object.fromEntries(drop.map((figure) => [figure, absent])),
        }));
        const recommendation = recommend(variants, 'F16', DEFAULT_LIMITS);
        expect(contract.parse(recommendation)).toEqual(recommendation);
        if (!isAvailable(recommendation)) return;
        const chosen = variants.find(({ name }) => name === recommendation.variant);
        expect(chosen?.status).toBe('ok');
        expect(recommendation.reasons.length).toBeGreaterThan(0);
      }),
      { numRuns: 300 },
    );
  });
});
