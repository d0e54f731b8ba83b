import { isAvailable } from '../schema/availability.ts';
import type { HistoryLine } from '../schema/history.ts';
import type { VariantResult } from '../schema/results.ts';
import { figureAt } from './gate-figures.ts';

/** A figure that is followed over results: by `report --history`, and by other programs. */
export interface FollowedFigure {
  /** Its place in a variant's results. */
  readonly figure: string;
  readonly label: string;
  /** By OpenMetrics' rules: letters, and the unit at the end. */
  readonly metric: string;
  readonly help: string;
  readonly unit: HistoryLine['unit'];
  readonly better: HistoryLine['better'];
  /** Plus or minus so much, in the figure's unit, where the results know it. */
  readonly spread: (row: VariantResult) => number | null;
}

/** @returns null where it could not be taken */
export function figureIn({ figure }: FollowedFigure, row: VariantResult): number | null {
  const value = figureAt(row, figure.split('.'));
  return typeof value === 'number' ? value : null;
}

const unknown = () => null;

const SPEEDS = {
  prompt: 'prompt speed',
  generation: 'generation speed',
  generationAtDepth: 'generation speed at depth',
} as const;

const speeds = (['prompt', 'generation', 'generationAtDepth'] as const).map((test): FollowedFigure => {
  const words = SPEEDS[test].replace(' speed', '');
  return {
    figure: `speed.${test}.meanTps`,
    label: SPEEDS[test],
    metric: `quantscope_${words.replaceAll(' ', '_')}_tokens_per_second`,
    help: `Speed: ${words}.`,
    unit: 'tokens/s',
    better: 'higher',
    spread: ({ speed }) => {
      const rate = isAvailable(speed) ? speed[test] : speed;
      return isAvailable(rate) ? rate.stddevTps : null;
    },
  };
});

export const FOLLOWED_FIGURES: readonly FollowedFigure[] = [
  ...speeds,
  {
    figure: 'file.bytes',
    label: 'size',
    metric: 'quantscope_file_bytes',
    help: 'Size of the file.',
    unit: 'bytes',
    better: 'lower',
    spread: unknown,
  },
  {
    figure: 'memory.peakRssBytes',
    label: 'peak memory',
    metric: 'quantscope_peak_memory_bytes',
    help: 'High-water mark of the process.',
    unit: 'bytes',
    better: 'lower',
    spread: unknown,
  },
  {
    figure: 'perplexity.value',
    label: 'perplexity',
    metric: 'quantscope_perplexity_ratio',
    help: 'Perplexity.',
    unit: 'ratio',
    better: 'lower',
    spread: ({ perplexity }) => (isAvailable(perplexity) ? perplexity.stderr : null),
  },
  {
    figure: 'divergence.meanKld',
    label: 'mean KLD',
    metric: 'quantscope_mean_kld_nats',
    help: 'Mean KL divergence from the reference.',
    unit: 'nats',
    better: 'lower',
    spread: ({ divergence }) => (isAvailable(divergence) ? divergence.stderrKld : null),
  },
  {
    figure: 'divergence.sameTop',
    label: 'same top token',
    metric: 'quantscope_same_top_ratio',
    help: 'Positions with the same most likely token as the reference.',
    unit: 'share',
    better: 'higher',
    spread: unknown,
  },
  {
    figure: 'tasks.accuracy',
    label: 'tasks correct',
    metric: 'quantscope_tasks_correct_ratio',
    help: 'Tasks that were answered right.',
    unit: 'share',
    better: 'higher',
    spread: unknown,
  },
];
