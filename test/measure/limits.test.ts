import { describe, expect, it } from 'vitest';
import { checkLimits, DEFAULT_LIMITS } from '../../src/measure/limits.ts';
import { unavailableBecause } from '../../src/schema/availability.ts';
import type { Limits, VariantResult } from '../../src/schema/results.ts';
import { buildVariant, nanoVariant } from '../helpers/results.ts';
import { tasksOf } from './variants.ts';

const reference = nanoVariant('F16');

function textsOf(variant: VariantResult, limits: Partial<Limits> = {}): string[] {
  return checkLimits(variant, reference, { ...DEFAULT_LIMITS, ...limits }).map((check) =>
    check.verdict === 'unchecked'
      ? `unchecked: ${check.what}: ${check.reason}`
      : `${check.verdict}: ${check.text}`,
  );
}

describe('the limits', () => {
  it('pass the nano family’s Q4_K_M, with its figures', () => {
    expect(textsOf(nanoVariant('Q4_K_M'))).toEqual([
      'met: mean KLD 0.0127 (limit 0.05)',
      'met: same top token 94.5 % (limit 90 %)',
      'met: perplexity +0.48 % (limit +5 %)',
      'met: task accuracy unchanged (limit 2 points)',
    ]);
  });

  it('stop its Q2_K, whose task accuracy rose by luck', () => {
    expect(textsOf(nanoVariant('Q2_K'))).toEqual([
      'broken: mean KLD 0.144 (limit 0.05)',
      'broken: same top token 85.9 % (limit 90 %)',
      'broken: perplexity +5.05 % (limit +5 %)',
      'met: task accuracy 1.2 points higher (limit 2 points)',
    ]);
  });

  it('are met by a figure that equals them', () => {
    const variant = nanoVariant('Q4_K_M');
    expect(textsOf(variant, { maxMeanKld: 0.012655, minSameTop: 94.496 / 100 }).slice(0, 2)).toEqual([
      'met: mean KLD 0.0127 (limit 0.0127)',
      'met: same top token 94.5 % (limit 94.5 %)',
    ]);
  });

  it('forgive a drop of accuracy that may be chance, and no other', () => {
    const drop = (lost: number, gained: number) =>
      textsOf(nanoVariant('Q8_0', { tasks: tasksOf(298 - lost + gained, 332, { lost, gained }) }))[3];
    expect(drop(10, 2)).toBe('broken: task accuracy 2.4 points lower (limit 2 points, p = 0.0386)');
    expect(drop(14, 6)).toBe(
      'met: task accuracy 2.4 points lower (limit 2 points, but within chance: p = 0.115)',
    );
    expect(drop(6, 0)).toBe('met: task accuracy 1.8 points lower (limit 2 points)');
  });

  it('do not forgive a drop of which nothing says that it is chance', () => {
    const tasks = tasksOf(288, 332, null);
    expect(textsOf(nanoVariant('Q8_0', { tasks }))[3]).toBe(
      'broken: task accuracy 3.0 points lower (limit 2 points)',
    );
  });

  it('say what could not be checked and why', () => {
    expect(textsOf(buildVariant('Q8_0', {}, 'it timed out'))).toEqual([
      'unchecked: mean KLD: it timed out',
      'unchecked: the share of unchanged top tokens: it timed out',
      'unchecked: the rise of perplexity: it timed out',
      'unchecked: the drop of task accuracy: it timed out',
    ]);
    const variant = nanoVariant('Q8_0');
    const bare = { ...reference, perplexity: unavailableBecause('no text'), tasks: tasksOf(0, 0, null) };
    expect(checkLimits(variant, bare, DEFAULT_LIMITS).slice(2)).toEqual([
      { verdict: 'unchecked', what: 'the rise of perplexity', reason: 'F16: no text' },
      { verdict: 'unchecked', what: 'the drop of task accuracy', reason: 'there were no task items' },
    ]);
    expect(checkLimits(variant, undefined, DEFAULT_LIMITS).map(({ verdict }) => verdict)).toEqual([
      'met',
      'met',
      'unchecked',
      'unchecked',
    ]);
  });

  it('let llama.cpp’s own q4_K_M of Llama-3-8B through and stop its q2_K by default', () => {
    const { maxMeanKld, minSameTop, maxPerplexityIncrease } = DEFAULT_LIMITS;
    expect([0.031273 <= maxMeanKld, 0.91901 >= minSameTop, 0.02816 <= maxPerplexityIncrease]).toEqual([
      true,
      true,
      true,
    ]);
    expect([0.445132 <= maxMeanKld, 0.71138 >= minSameTop, 0.564849 <= maxPerplexityIncrease]).toEqual([
      false,
      false,
      false,
    ]);
  });
});
