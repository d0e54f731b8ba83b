import { isAvailable } from '../schema/availability.ts';
import type { Results, VariantResult } from '../schema/results.ts';
import type { Table } from './column-layout.ts';

/**
 * What the marks and short names in the tables mean, one subject a line; only what the tables use.
 */
export function describeMarks(results: Results, tables: readonly Table[]): string[] {
  const { variants, reference, recommendation, settings } = results;
  const { promptTokens, generationTokens, depth, repetitions } = settings;
  const has = (test: (variant: VariantResult) => boolean) => variants.some(test);
  const hasSpeed = has(({ speed }) => isAvailable(speed));
  const hasPerplexity = has(({ perplexity }) => isAvailable(perplexity));
  const hasDivergence = has(({ divergence }) => isAvailable(divergence));
  const hasTasks = has(({ tasks }) => isAvailable(tasks));
  const hasFlips = has(({ tasks }) => isAvailable(tasks) && isAvailable(tasks.flips));
  const hasBest = tables.some(({ columns }) =>
    columns.some(({ cells }) => cells.some(({ tone }) => tone === 'best')),
  );

  const lines: string[][] = [
    [
      ...(isAvailable(recommendation) ? ['> recommended'] : []),
      ...(hasBest ? ['* best, or within the error of the best'] : []),
      ...(reference !== null && hasDivergence ? ['ref: KLD, same top and flips are against it'] : []),
    ],
    hasSpeed
      ? [
          `pp${promptTokens}: ${promptTokens} tokens read`,
          `tg${generationTokens}: ${generationTokens} written, @d${depth}: after ${depth} others`,
          `±: standard deviation of ${repetitions} runs`,
        ]
      : [],
    [
      ...(hasFlips ? ["flips: answers gone right or wrong, p by McNemar's test"] : []),
      ...(hasPerplexity || hasDivergence ? ['±: standard error'] : []),
      ...(hasTasks ? ['(-): 95 % interval'] : []),
    ],
    (results.devices ?? []).length > 0
      ? [
          'phones: ✓ fits, ~ tight, ✗ no, ? not known; = measured on that phone, ≈ predicted, after 256 tokens',
        ]
      : [],
  ];
  return lines.filter((parts) => parts.length > 0).map((parts) => parts.join('; '));
}
