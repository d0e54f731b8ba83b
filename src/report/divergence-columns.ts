import { isAvailable, type Unavailable } from '../schema/availability.ts';
import type { Divergence, VariantResult } from '../schema/results.ts';
import type { FigureColumn, Reading } from './figure-column.ts';

const PERCENT = 100;

/** The rest of what llama-perplexity's --kl-divergence says of a variant, for who wants to see the tails. */
export const divergenceColumns: readonly FigureColumn[] = [
  column('ln PPL ratio', '', 'ln PPL ratio', { significant: 3, most: 5 }, (divergence) => ({
    value: divergence.lnPplRatio,
    error: divergence.lnPplRatioStderr,
  })),
  column('median', 'KLD', 'median KLD', { significant: 3, most: 5 }, ({ medianKld }) => ({
    value: medianKld,
  })),
  column('p90', 'KLD', 'p90 KLD', { significant: 3, most: 4 }, ({ p90Kld }) => ({ value: p90Kld })),
  column('p99.9', 'KLD', 'p99.9 KLD', { significant: 3, most: 3 }, ({ p999Kld }) => ({ value: p999Kld })),
  column('max', 'KLD', 'maximum KLD', { significant: 3, most: 3 }, ({ maxKld }) => ({ value: maxKld })),
  column('mean Δp', '%', 'mean Δp', { significant: 2, most: 3 }, ({ meanDeltaP, stderrDeltaP }) => ({
    value: meanDeltaP * PERCENT,
    error: stderrDeltaP * PERCENT,
  })),
  column('RMS Δp', '%', 'RMS Δp', { significant: 3, most: 2 }, ({ rmsDeltaP, stderrRmsDeltaP }) => ({
    value: rmsDeltaP * PERCENT,
    error: stderrRmsDeltaP * PERCENT,
  })),
];

function column(
  title: string,
  unit: string,
  label: string,
  precision: FigureColumn['precision'],
  pick: (divergence: Divergence) => Reading,
): FigureColumn {
  const read = ({ divergence }: VariantResult): Reading | Unavailable =>
    isAvailable(divergence) ? pick(divergence) : divergence;
  return { title, unit, label, precision, read, best: 'none', againstReference: true, optional: true };
}
