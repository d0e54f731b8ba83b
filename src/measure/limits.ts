import { isAvailable } from '../schema/availability.ts';
import type { Limits, VariantResult } from '../schema/results.ts';

/**
 * How much a variant may lose and still be recommended.
 *
 * The limits lie between what users of llama.cpp take for good and for broken, by its own table for Llama-3-8B
 * (llama.cpp, tools/perplexity/README.md, without importance matrix):
 *
 *     q8_0    mean KLD 0.0014   perplexity + 0.0 %   same top token 97.7 %
 *     q4_K_M           0.0313              + 2.8 %                  91.9 %
 *     q3_K_M           0.1019              +10.5 %
 *     q2_K             0.4451              +56.5 %                  71.1 %
 *
 * They let a 4-bit mix of such a model through and stop a 3-bit one. Two points of accuracy are about what the user
 * of an app may begin to notice; a drop also counts only when it is more than chance (McNemar's exact test), since
 * a few hundred items cannot tell two points from luck.
 */
export const DEFAULT_LIMITS: Limits = {
  /** nats */
  maxMeanKld: 0.05,
  /** share of positions */
  minSameTop: 0.9,
  /** fraction of the reference's perplexity */
  maxPerplexityIncrease: 0.05,
  /** share of the task items: 0.02 is two points */
  maxAccuracyDrop: 0.02,
};

/** Flips at least this likely by chance are no evidence of a loss. */
const SIGNIFICANCE = 0.05;

/** One limit held against one variant. `text` is a phrase for a person, with the figure and the limit. */
export type LimitCheck =
  | {
      readonly verdict: 'met' | 'broken';
      readonly text: string;
      /** Where the limit lies within the 95 % interval of the figure: what would settle it. */
      readonly open: string | null;
    }
  | { readonly verdict: 'unchecked'; readonly what: string; readonly reason: string };

/**
 * Holds a variant against each limit, the most telling first.
 * @param reference the reference's row, undefined when there is none to compare perplexity and accuracy with
 */
export function checkLimits(
  variant: VariantResult,
  reference: VariantResult | undefined,
  limits: Limits,
): LimitCheck[] {
  return [
    checkDivergence(variant, 'mean KLD', ({ meanKld, stderrKld }) => ({
      holds: meanKld <= limits.maxMeanKld,
      open: moreChunks(variant, meanKld - limits.maxMeanKld, stderrKld),
      text: `mean KLD ${figure(meanKld)} (limit ${figure(limits.maxMeanKld)})`,
    })),
    checkDivergence(variant, 'the share of unchanged top tokens', ({ sameTop, sameTopStderr }) => ({
      holds: sameTop >= limits.minSameTop,
      open: moreChunks(variant, sameTop - limits.minSameTop, sameTopStderr),
      text: `same top token ${percent(sameTop)} (limit ${percent(limits.minSameTop)})`,
    })),
    checkPerplexity(variant, reference, limits),
    checkAccuracy(variant, reference, limits),
  ];
}

type AvailableDivergence = Extract<VariantResult['divergence'], { meanKld: number }>;

function checkDivergence(
  { divergence }: VariantResult,
  what: string,
  check: (divergence: AvailableDivergence) => Held,
): LimitCheck {
  if (!isAvailable(divergence)) return { verdict: 'unchecked', what, reason: divergence.reason };
  return verdictOf(check(divergence));
}

function checkPerplexity(
  variant: VariantResult,
  reference: VariantResult | undefined,
  { maxPerplexityIncrease }: Limits,
): LimitCheck {
  const what = 'the rise of perplexity';
  const { perplexity, divergence } = variant;
  if (reference === undefined) return { verdict: 'unchecked', what, reason: NO_REFERENCE };
  if (!isAvailable(perplexity)) return { verdict: 'unchecked', what, reason: perplexity.reason };
  if (!isAvailable(reference.perplexity)) {
    return { verdict: 'unchecked', what, reason: `${reference.name}: ${reference.perplexity.reason}` };
  }
  // Where it stopped early, only the ratio is of the same chunks.
  const increase =
    isAvailable(divergence) && perplexity.chunks !== reference.perplexity.chunks
      ? Math.expm1(divergence.lnPplRatio)
      : perplexity.value / reference.perplexity.value - 1;
  return verdictOf({
    holds: increase <= maxPerplexityIncrease,
    open: isAvailable(divergence)
      ? moreChunks(
          variant,
          divergence.lnPplRatio - Math.log1p(maxPerplexityIncrease),
          divergence.lnPplRatioStderr,
        )
      : null,
    text: `perplexity ${increase < 0 ? '' : '+'}${percent(increase)} (limit +${percent(maxPerplexityIncrease)})`,
  });
}

function checkAccuracy(
  { tasks }: VariantResult,
  reference: VariantResult | undefined,
  { maxAccuracyDrop }: Limits,
): LimitCheck {
  const what = 'the drop of task accuracy';
  if (reference === undefined) return { verdict: 'unchecked', what, reason: NO_REFERENCE };
  if (!isAvailable(tasks)) return { verdict: 'unchecked', what, reason: tasks.reason };
  if (!isAvailable(reference.tasks)) {
    return { verdict: 'unchecked', what, reason: `${reference.name}: ${reference.tasks.reason}` };
  }
  if (tasks.total === 0 || reference.tasks.total === 0) {
    return { verdict: 'unchecked', what, reason: 'there were no task items' };
  }
  const { flips } = tasks;
  // Where it stopped early, only the flips are of the same items.
  const drop = isAvailable(flips)
    ? (flips.lost - flips.gained) / tasks.total
    : reference.tasks.correct / reference.tasks.total - tasks.correct / tasks.total;
  const points = `${(100 * Math.abs(drop)).toFixed(1)} points ${drop < 0 ? 'higher' : 'lower'}`;
  const change = drop === 0 ? 'task accuracy unchanged' : `task accuracy ${points}`;
  const limit = `limit ${figure(100 * maxAccuracyDrop)} points`;
  if (!isAvailable(flips)) {
    return verdictOf({ holds: drop <= maxAccuracyDrop, text: `${change} (${limit})`, open: null });
  }
  // Without the flips nothing says that the drop is luck.
  const { lost, gained, pValue } = flips;
  const { total } = tasks;
  const error = Math.sqrt(Math.max(0, lost + gained - (lost - gained) ** 2 / total)) / total;
  const open = settledBy(drop - maxAccuracyDrop, error, total, 'tasks');
  if (drop <= maxAccuracyDrop) return { verdict: 'met', text: `${change} (${limit})`, open };
  const p = `p = ${figure(pValue)}`;
  return pValue >= SIGNIFICANCE
    ? { verdict: 'met', text: `${change} (${limit}, but within chance: ${p})`, open }
    : { verdict: 'broken', text: `${change} (${limit}, ${p})`, open };
}

const NO_REFERENCE = 'the reference was not measured';

interface Held {
  readonly holds: boolean;
  readonly text: string;
  readonly open: string | null;
}

function verdictOf({ holds, text, open }: Held): LimitCheck {
  return { verdict: holds ? 'met' : 'broken', text, open };
}

/** Standard errors on either side of a figure that hold the truth 95 times of 100. */
const Z_95 = 1.96;

function moreChunks({ perplexity }: VariantResult, gap: number, stderr: number): string | null {
  return isAvailable(perplexity) ? settledBy(gap, stderr, perplexity.chunks, 'chunks') : null;
}

/** How many would be needed for an interval that leaves the limit out, at the figure as it is; null where it does. */
function settledBy(gap: number, stderr: number, count: number, what: string): string | null {
  const reach = Z_95 * stderr;
  if (!(reach > Math.abs(gap))) return null;
  const needed = Math.ceil(count * (reach / gap) ** 2);
  return Number.isFinite(needed) && needed <= 1e6
    ? `about ${needed.toLocaleString('en-US')} ${what} would settle it, ${count} were measured`
    : `it is at the limit, which no number of ${what} would settle`;
}

/** Three significant digits, without trailing zeros. */
function figure(value: number): string {
  return Number(value.toPrecision(3)).toString();
}

/** With two decimals, without trailing zeros: 90 %, 94.5 %, 85.89 %. */
function percent(share: number): string {
  return `${Number((100 * share).toFixed(2))} %`;
}
