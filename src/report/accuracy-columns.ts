import { isAvailable, notAskedFor, type Unavailable } from '../schema/availability.ts';
import type { Divergence, Results, Tasks, VariantResult } from '../schema/results.ts';
import type { FigureColumn, Reading } from './figure-column.ts';
import { formatPValue } from './numbers.ts';

const PERCENT = 100;

/** What a variant loses: perplexity, divergence from the reference, answers. */
export function accuracyColumns({ reference }: Results): FigureColumn[] {
  return [
    {
      title: 'perplexity',
      unit: '',
      label: 'perplexity',
      read: (variant) => perplexityOf(variant, reference),
      precision: { significant: 4, most: 3 },
      best: 'lowest',
    },
    {
      title: 'mean KLD',
      unit: 'nats',
      label: 'mean KLD',
      read: (variant) =>
        divergenceOf(variant, ({ meanKld, stderrKld }) => ({ value: meanKld, error: stderrKld })),
      precision: { significant: 3, most: 5 },
      best: 'lowest',
      againstReference: true,
    },
    {
      title: 'p99 KLD',
      unit: 'nats',
      label: 'p99 KLD',
      read: (variant) => divergenceOf(variant, ({ p99Kld }) => ({ value: p99Kld })),
      precision: { significant: 3, most: 4 },
      best: 'lowest',
      againstReference: true,
    },
    {
      title: 'same top',
      unit: '%',
      label: 'same top token',
      read: (variant) =>
        divergenceOf(variant, ({ sameTop, sameTopStderr }) => ({
          value: sameTop * PERCENT,
          error: sameTopStderr * PERCENT,
        })),
      precision: { significant: 4, most: 2 },
      best: 'highest',
      againstReference: true,
    },
    {
      title: 'tasks',
      unit: '% correct',
      label: 'tasks correct',
      read: ({ tasks }) => (isAvailable(tasks) ? shareCorrect(tasks) : tasks),
      precision: { significant: 3, most: 1 },
      best: 'highest',
    },
    {
      title: 'flips',
      unit: 'n',
      label: 'answer flips',
      read: (variant) => flipsOf(variant, ({ count }) => ({ value: count })),
      precision: { significant: 1, most: 0 },
      best: 'lowest',
      againstReference: true,
    },
    {
      title: '',
      unit: 'p',
      joined: true,
      label: 'p of the flips',
      read: (variant) => flipsOf(variant, ({ pValue }) => ({ value: pValue })),
      precision: { significant: 2, most: 3 },
      write: formatPValue,
      best: 'none',
      againstReference: true,
      optional: true,
    },
    {
      title: 'choices',
      unit: '% right',
      label: 'choices right',
      read: ({ choices }) =>
        choices === undefined
          ? notAskedFor('choices')
          : isAvailable(choices)
            ? shareCorrect(choices)
            : choices,
      precision: { significant: 3, most: 1 },
      best: 'highest',
    },
  ];
}

/**
 * The standard error of a perplexity is the text's, shared by all variants; what tells two variants apart
 * is the error of their ratio on the same tokens, which is far smaller.
 */
function perplexityOf({ name, perplexity, divergence }: VariantResult, reference: string | null) {
  if (!isAvailable(perplexity)) return perplexity;
  const { value, stderr } = perplexity;
  const reading: Reading = { value, error: stderr };
  if (name === reference) return { ...reading, resolution: 0 };
  return isAvailable(divergence) ? { ...reading, resolution: value * divergence.lnPplRatioStderr } : reading;
}

function divergenceOf(
  { divergence }: VariantResult,
  pick: (divergence: Divergence) => Reading,
): Reading | Unavailable {
  return isAvailable(divergence) ? pick(divergence) : divergence;
}

function shareCorrect({ correct, total, low, high }: Tasks): Reading {
  const interval = { low: low * PERCENT, high: high * PERCENT };
  return {
    value: total === 0 ? 0 : (correct / total) * PERCENT,
    interval,
    resolution: (interval.high - interval.low) / 2,
  };
}

type Flips = Exclude<Tasks['flips'], Unavailable>;

function flipsOf({ tasks }: VariantResult, pick: (flips: Flips) => Reading): Reading | Unavailable {
  if (!isAvailable(tasks)) return tasks;
  return isAvailable(tasks.flips) ? pick(tasks.flips) : tasks.flips;
}
