import type { Limits } from '../schema/results.ts';
import type { EvaluatedChunk } from './text-evaluation.ts';

/** How often a verdict reached early may be wrong, over all limits of a variant together. */
export const SEQUENTIAL_ERROR_RATE = 0.05;

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
  #count = 0;
  #mean = 0;
  #squares = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(value: number): void {
    this.#count += 1;
    const before = value - this.#mean;
    this.#mean += before / this.#count;
    this.#squares += before * (value - this.#mean);
  }

  verdict(errorRate: number): 'below' | 'above' | 'open' {
    if (this.#count < FIRST_LOOK) return 'open';
    const deviation = Math.sqrt(this.#squares / (this.#count - 1));
    const radius = sequenceRadius(this.#count, deviation, errorRate);
    if (this.#mean + radius < this.#limit) return 'below';
    return this.#mean - radius > this.#limit ? 'above' : 'open';
  }
}

/**
 * Whether a variant's loss on the text is within the limits, judged after each chunk: one limit broken decides, or all
 * met. Task accuracy is no part of it.
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
    const verdicts = each.map((mean) => mean.verdict(SEQUENTIAL_ERROR_RATE / each.length));
    if (verdicts.includes('above')) return 'broken';
    return verdicts.every((verdict) => verdict === 'below') ? 'met' : 'open';
  }
}

function meanOf(values: Float64Array | Uint8Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
