import { isAvailable, notAskedFor } from '../schema/availability.ts';
import type { Divergence, Tasks } from '../schema/figures.ts';
import type { Results, VariantResult } from '../schema/results.ts';
import type { AnswerKind } from '../schema/terms.ts';
import { formatPValue, type Precision } from './numbers.ts';
import { type Column, given, type Reading } from './table.ts';
import { printable, shortenMiddle } from './text-width.ts';

/** What a variant loses. */
type VariantColumn = Column<VariantResult>;

const PERCENT = 100;
const MOST_TITLE_WIDTH = 20;

/** What a variant loses: perplexity, divergence from the reference, answers. */
export function accuracyColumns({ reference }: Pick<Results, 'reference'>): VariantColumn[] {
  return [
    {
      title: 'perplexity',
      label: 'perplexity',
      read: (variant) => perplexityOf(variant, reference),
      precision: { significant: 4, most: 3 },
      best: 'lowest',
    },
    {
      ...divergenceColumn('mean KLD', 'nats', 'mean KLD', [3, 5], (known) => [
        known.meanKld,
        known.stderrKld,
      ]),
      best: 'lowest',
    },
    { ...divergenceColumn('p99 KLD', 'nats', 'p99 KLD', [3, 4], ({ p99Kld }) => [p99Kld]), best: 'lowest' },
    {
      ...divergenceColumn('same top', '%', 'same top token', [4, 2], ({ sameTop, sameTopStderr }) => [
        sameTop * PERCENT,
        sameTopStderr * PERCENT,
      ]),
      best: 'highest',
    },
    {
      title: 'tasks',
      unit: '% correct',
      label: 'tasks correct',
      read: ({ tasks }) => given(tasks, correctReading),
      precision: { significant: 3, most: 1 },
      best: 'highest',
    },
    ...flipColumns('tasks', 'answer flips'),
    {
      title: 'choices',
      unit: '% right',
      label: 'choices right',
      read: ({ choices = notAskedFor('choices') }) => given(choices, correctReading),
      precision: { significant: 3, most: 1 },
      best: 'highest',
    },
  ];
}

/** Answers gone right or wrong against the reference, and how likely that is by chance. */
export function flipColumns(kind: AnswerKind, label: string): VariantColumn[] {
  const read = (variant: VariantResult, figure: 'count' | 'pValue') =>
    given(variant[kind] ?? notAskedFor(kind), ({ flips }) => given(flips, (known) => known[figure]));
  return [
    {
      title: 'flips',
      unit: 'n',
      label,
      read: (variant) => read(variant, 'count'),
      best: 'lowest',
      againstReference: true,
    },
    {
      title: '',
      unit: 'p',
      heading: 'flips',
      joined: true,
      label: `p of the ${label}`,
      read: (variant) => read(variant, 'pValue'),
      write: formatPValue,
      againstReference: true,
      optional: true,
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

export function correctReading({ correct, total, low, high }: Tasks | Tasks['byTask'][string]): Reading {
  const interval = { low: low * PERCENT, high: high * PERCENT };
  return {
    value: total === 0 ? 0 : (correct / total) * PERCENT,
    interval,
    resolution: (interval.high - interval.low) / 2,
  };
}

/** The rest of what llama-perplexity's --kl-divergence says of a variant: the tails. */
export const divergenceColumns: readonly VariantColumn[] = [
  divergenceColumn('ln PPL ratio', '', 'ln PPL ratio', [3, 5], (known) => [
    known.lnPplRatio,
    known.lnPplRatioStderr,
  ]),
  divergenceColumn('median', 'KLD', 'median KLD', [3, 5], ({ medianKld }) => [medianKld]),
  divergenceColumn('p90', 'KLD', 'p90 KLD', [3, 4], ({ p90Kld }) => [p90Kld]),
  divergenceColumn('p99.9', 'KLD', 'p99.9 KLD', [3, 3], ({ p999Kld }) => [p999Kld]),
  divergenceColumn('max', 'KLD', 'maximum KLD', [3, 3], ({ maxKld }) => [maxKld]),
  divergenceColumn('mean Δp', '%', 'mean Δp', [2, 3], ({ meanDeltaP, stderrDeltaP }) => [
    meanDeltaP * PERCENT,
    stderrDeltaP * PERCENT,
  ]),
  divergenceColumn('RMS Δp', '%', 'RMS Δp', [3, 2], ({ rmsDeltaP, stderrRmsDeltaP }) => [
    rmsDeltaP * PERCENT,
    stderrRmsDeltaP * PERCENT,
  ]),
].map((column) => ({ ...column, optional: true }));

function divergenceColumn(
  title: string,
  unit: string,
  label: string,
  [significant, most]: readonly [Precision['significant'], Precision['most']],
  read: (divergence: Divergence) => readonly [value: number, error?: number],
): VariantColumn {
  return {
    title,
    unit,
    label,
    precision: { significant, most },
    read: ({ divergence }) =>
      given(divergence, (known): Reading => {
        const [value, error] = read(known);
        return error === undefined ? { value } : { value, error };
      }),
    againstReference: true,
  };
}

/** How far the weights are from the reference's, for results that carry it. */
export const weightErrorColumn: VariantColumn = {
  title: 'weight error',
  unit: 'rel. RMS %',
  label: 'weight error',
  read: ({ weights }) => given(weights, ({ relativeRmse }) => relativeRmse * PERCENT),
  precision: { significant: 3, most: 2 },
  best: 'lowest',
  againstReference: true,
  optional: true,
};

/** The kinds of tasks that rows were asked, in the order in which they first appear. */
export function taskKinds(rows: readonly Pick<VariantResult, 'tasks'>[]): string[] {
  return [...new Set(rows.flatMap(({ tasks }) => (isAvailable(tasks) ? Object.keys(tasks.byTask) : [])))];
}

/** Tasks by kind: answered right of asked. */
export function taskColumns({ variants }: Pick<Results, 'variants'>): VariantColumn[] {
  return taskKinds(variants).map((kind) => ({
    title: shortenMiddle(printable(kind), MOST_TITLE_WIDTH),
    read: ({ tasks }) => {
      const counts = isAvailable(tasks) ? tasks.byTask[kind] : undefined;
      return counts === undefined ? '' : `${counts.correct}/${counts.total}`;
    },
  }));
}
