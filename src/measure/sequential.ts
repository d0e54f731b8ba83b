import type { Limits } from '../schema/results.ts';
import { Moments } from './moments.ts';
import type { EvaluatedChunk } from './text-evaluation.ts';

/** How often a verdict reached early may be wrong, over all limits of a variant together. */
export const SEQUENTIAL_ERROR_RATE = 0.05;

/** Of the text mean KLD, top tokens and perplexity, and the accuracy of tasks: each has its share of the error. */
const LIMITS = 4;

/** Before so many chunks nothing is decided: the bounds hold for means that are nearly normal. */
const FIRST_LOOK = 8;

/** Chunks at which the bounds are tightest. */
const TIGHTEST_AT = 30;

/**
 * Half the width of a confidence sequence: with probability 1 - errorRate the true mean lies within it of the mean so
 * far after every value at once, so that one may look after each and stop when one likes. Robbins' normal mixture with
 * the estimated deviation (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, arXiv 2103.06476, theorem 2.2).
 */
function sequenceRadius(count: number, deviation: number, errorRate: number): number {
  const lnRate = -2 * Math.log(errorRate);
  const rho2 = (lnRate + Math.log(lnRate) + 1) / TIGHTEST_AT;
  const scaled = count * rho2 + 1;
  return (
    deviation * Math.sqrt(((2 * scaled) / (count ** 2 * rho2)) * Math.log(Math.sqrt(scaled) / errorRate))
  );
}

/** A mean that is held against a limit after each value. */
class RunningMean {
  readonly #moments = new Moments();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(value: number): void {
    this.#moments.add(value);
  }

  verdict(errorRate: number): 'below' | 'above' | 'open' {
    const { count, mean, standardError } = this.#moments;
    if (count < FIRST_LOOK) return 'open';
    const radius = sequenceRadius(count, standardError * Math.sqrt(count), errorRate);
    if (mean + radius < this.#limit) return 'below';
    return mean - radius > this.#limit ? 'above' : 'open';
  }
}

/**
 * Whether a variant's loss on the text is within the limits, judged after each chunk: one limit broken decides, or all
 * met. Task accuracy is judged by itself, see {@link SequentialDrop}.
 */
export class SequentialVerdict {
  readonly #divergence: RunningMean;
  readonly #changedTop: RunningMean;
  readonly #lnRatio: RunningMean;

  constructor({ maxMeanKld, minSameTop, maxPerplexityIncrease }: Limits) {
    this.#divergence = new RunningMean(maxMeanKld);
    this.#changedTop = new RunningMean(1 - minSameTop);
    this.#lnRatio = new RunningMean(Math.log1p(maxPerplexityIncrease));
  }

  add({ divergence }: EvaluatedChunk): void {
    if (divergence === null) return;
    const { kld, sameTop, referenceLogProb, candidateLogProb } = divergence;
    this.#divergence.add(meanOf(kld));
    this.#changedTop.add(1 - meanOf(sameTop));
    this.#lnRatio.add(meanOf(referenceLogProb) - meanOf(candidateLogProb));
  }

  verdict(): 'met' | 'broken' | 'open' {
    const each = [this.#divergence, this.#changedTop, this.#lnRatio];
    const verdicts = each.map((mean) => mean.verdict(SEQUENTIAL_ERROR_RATE / LIMITS));
    if (verdicts.includes('above')) return 'broken';
    return verdicts.every((verdict) => verdict === 'below') ? 'met' : 'open';
  }
}

/** Stakes as shares of the largest that cannot ruin: small ones win slowly of near limits, large ones soon of far ones. */
const STAKES = [0.1, 0.3, 0.9] as const;

/**
 * A bet that the mean of values from -1 to 1 is above a bound, of a gambler who starts with 1. If it is not, the wealth
 * is a supermartingale: it ever reaches 1/rate with probability `rate` at most (Ville), whatever the values are like,
 * rare flips among them (Waudby-Smith and Ramdas, arXiv 2010.09686).
 */
class Bet {
  readonly #bound: number;
  readonly #lnWealth = STAKES.map(() => 0);

  constructor(bound: number) {
    this.#bound = bound;
  }

  add(value: number): void {
    for (const [index, stake] of STAKES.entries()) {
      const gain = Math.log1p((stake / (1 + this.#bound)) * (value - this.#bound));
      this.#lnWealth[index] = (this.#lnWealth[index] ?? 0) + gain;
    }
  }

  isWon(errorRate: number): boolean {
    const wealth = this.#lnWealth.reduce((sum, ln) => sum + Math.exp(ln), 0) / STAKES.length;
    return wealth >= 1 / errorRate;
  }
}

/**
 * Whether the drop of task accuracy is within its limit, judged after any number of items that come in an order drawn by
 * lot: each is a right answer lost, one gained, or neither.
 */
export class SequentialDrop {
  readonly #within: Bet;
  readonly #beyond: Bet;

  /** @param maxDrop share of the items */
  constructor(maxDrop: number) {
    this.#within = new Bet(-maxDrop);
    this.#beyond = new Bet(maxDrop);
  }

  add(reference: boolean, candidate: boolean): void {
    const drop = Number(reference) - Number(candidate);
    this.#within.add(-drop);
    this.#beyond.add(drop);
  }

  verdict(): 'met' | 'broken' | 'open' {
    const errorRate = SEQUENTIAL_ERROR_RATE / LIMITS;
    if (this.#beyond.isWon(errorRate)) return 'broken';
    return this.#within.isWon(errorRate) ? 'met' : 'open';
  }
}

function meanOf(values: Float64Array | Uint8Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** Whether so many seconds have passed since it was made: whatever is decided by then. */
export function timeLimit(maxSeconds: number | null): () => boolean {
  const started = performance.now();
  return () => (performance.now() - started) / 1000 >= (maxSeconds ?? Number.POSITIVE_INFINITY);
}
