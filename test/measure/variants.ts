import { mcNemarExact, wilsonInterval } from '../../src/measure/statistics.ts';
import { unavailableBecause } from '../../src/schema/availability.ts';
import type { VariantResult } from '../../src/schema/results.ts';
import { nanoVariant } from '../helpers/results.ts';

/** Task figures with no more in them than what a recommendation reads. */
export function tasksOf(
  correct: number,
  total: number,
  flips: { lost: number; gained: number } | null,
): VariantResult['tasks'] {
  return {
    correct,
    total,
    ...wilsonInterval(correct, total),
    byTask: {},
    outcomes: [],
    flips:
      flips === null
        ? unavailableBecause('no reference')
        : {
            ...flips,
            count: flips.lost + flips.gained,
            share: (flips.lost + flips.gained) / total,
            pValue: mcNemarExact(flips.lost, flips.gained),
          },
  };
}

interface Figures {
  readonly bytes: number;
  /** Generation speed, tokens per second. */
  readonly speed: number;
  readonly speedDeviation?: number;
  readonly kld: number;
  readonly kldError?: number;
  readonly perplexity?: number;
}

/** A complete variant of which just the figures that decide are given. */
export function variantOf(name: string, figures: Figures): VariantResult {
  const like = nanoVariant('Q8_0');
  if ('status' in like.speed || 'status' in like.divergence || 'status' in like.perplexity) {
    throw new Error('the nano family is complete');
  }
  return {
    ...like,
    name,
    file: { ...like.file, bytes: figures.bytes },
    speed: {
      ...like.speed,
      generation: {
        tokens: 128,
        meanTps: figures.speed,
        stddevTps: figures.speedDeviation ?? 0,
        samplesNs: [],
      },
    },
    divergence: { ...like.divergence, meanKld: figures.kld, stderrKld: figures.kldError ?? 0 },
    perplexity: { ...like.perplexity, value: figures.perplexity ?? 6.7 },
  };
}
