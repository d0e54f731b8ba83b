import type { ComparedScores } from '../engine/scores.ts';
import type { Divergence } from '../schema/figures.ts';
import { QuantscopeError } from '../util/errors.ts';
import { GrowingFloats } from './growing-floats.ts';
import { Comoments, Moments } from './moments.ts';
import { percentile } from './statistics.ts';

/** What rounding leaves of no divergence. */
const ROUNDING = 1e-6;
/**
 * A divergence further below 0 is none: one of the two does not sum to 1. llama-perplexity's base leaves out what it
 * clipped, so that against it some positions come out a little below.
 */
const LOWEST = -0.1;
/** As the engine has it where the candidate rules out a token that the reference allows. */
const INFINITE = 1e9;

/**
 * How far a candidate's predictions are from the reference's, with the statistics of llama-perplexity's
 * --kl-divergence (llama.cpp, tools/perplexity/perplexity.cpp), gathered chunk by chunk. Two numbers a position are
 * kept, for the percentiles; the rest is constant memory.
 *
 * Its ln PPL ratio is llama-perplexity's only against a base that llama-perplexity wrote: there every row is clipped at
 * 16 nats below its maximum, which biases the base's perplexity.
 */
export class DivergenceAccumulator {
  readonly #klds = new GrowingFloats();
  readonly #deltaPs = new GrowingFloats();
  readonly #kld = new Moments();
  readonly #deltaP = new Moments();
  readonly #squaredDeltaP = new Moments();
  readonly #lnPplRatio = new Moments();
  readonly #losses = new Comoments();
  #sameTop = 0;

  /** Takes one chunk. */
  add({ kld, referenceLogProb, candidateLogProb, sameTop }: ChunkDivergence): void {
    for (let i = 0; i < kld.length; i++) {
      const value = kld[i] ?? Number.NaN;
      this.#klds.push(value);
      this.#kld.add(value);
      const [reference, candidate] = [referenceLogProb[i] ?? Number.NaN, candidateLogProb[i] ?? Number.NaN];
      const deltaP = Math.exp(candidate) - Math.exp(reference);
      this.#deltaPs.push(deltaP);
      this.#deltaP.add(deltaP);
      this.#squaredDeltaP.add(deltaP * deltaP);
      // Its error is llama-perplexity's sqrt(var(Q) + var(base) - 2 cov), without the cancellation.
      this.#lnPplRatio.add(reference - candidate);
      this.#losses.add(-candidate, -reference);
      this.#sameTop += sameTop[i] ?? 0;
    }
  }

  /**
   * The statistics over all positions taken.
   * @throws QuantscopeError `measure/too-few-positions` before two positions were taken
   */
  finish(): Divergence {
    const count = this.#kld.count;
    if (count < 2) {
      throw new QuantscopeError(
        'measure/too-few-positions',
        `${count} compared positions, need at least 2 to give an error of measurement`,
      );
    }
    const kld = this.#klds.sorted();
    const deltaP = this.#deltaPs.sorted();
    const sameTop = this.#sameTop / count;
    const rmsDeltaP = Math.sqrt(this.#squaredDeltaP.mean);
    const correlation = this.#losses.correlation;
    return {
      meanKld: this.#kld.mean,
      stderrKld: this.#kld.standardError,
      medianKld: percentile(kld, 0.5),
      p90Kld: percentile(kld, 0.9),
      p95Kld: percentile(kld, 0.95),
      p99Kld: percentile(kld, 0.99),
      p999Kld: percentile(kld, 0.999),
      maxKld: percentile(kld, 1),
      meanDeltaP: this.#deltaP.mean,
      stderrDeltaP: this.#deltaP.standardError,
      rmsDeltaP,
      // d sqrt(x) = dx / (2 sqrt(x)), the delta method.
      stderrRmsDeltaP: rmsDeltaP === 0 ? 0 : this.#squaredDeltaP.standardError / (2 * rmsDeltaP),
      p01DeltaP: percentile(deltaP, 0.01),
      p05DeltaP: percentile(deltaP, 0.05),
      p10DeltaP: percentile(deltaP, 0.1),
      p25DeltaP: percentile(deltaP, 0.25),
      medianDeltaP: percentile(deltaP, 0.5),
      p75DeltaP: percentile(deltaP, 0.75),
      p90DeltaP: percentile(deltaP, 0.9),
      p95DeltaP: percentile(deltaP, 0.95),
      p99DeltaP: percentile(deltaP, 0.99),
      p001DeltaP: percentile(deltaP, 0.001),
      p999DeltaP: percentile(deltaP, 0.999),
      minDeltaP: percentile(deltaP, 0),
      maxDeltaP: percentile(deltaP, 1),
      sameTop,
      sameTopStderr: Math.sqrt((sameTop * (1 - sameTop)) / (count - 1)),
      lnPplRatio: this.#lnPplRatio.mean,
      lnPplRatioStderr: this.#lnPplRatio.standardError,
      ...(correlation === undefined ? {} : { lnPplCorrelation: correlation }),
    };
  }
}

/** What one chunk says of the divergence, one value a scored position. */
export interface ChunkDivergence {
  readonly kld: Float64Array;
  /** ln p of the token that follows. */
  readonly referenceLogProb: Float64Array;
  readonly candidateLogProb: Float64Array;
  /** 1 where the most likely token is the same. */
  readonly sameTop: Uint8Array;
}

/**
 * What scores of a chunk beside the reference's rows say.
 * @throws QuantscopeError `measure/not-finite` when a probability is no number or the divergence is infinite;
 *   `measure/not-normalized` when the two cannot both be distributions
 */
export function chunkDivergence(scores: ComparedScores): ChunkDivergence {
  const { kld, nextLogProb, referenceLogProb, topToken, referenceTopToken } = scores;
  for (const [position, logProb] of nextLogProb.entries()) {
    const reference = referenceLogProb[position];
    if (Number.isFinite(logProb) && Number.isFinite(reference)) continue;
    throw new QuantscopeError(
      'measure/not-finite',
      `ln p of the next token at scored position ${position} is ${reference} in the reference and ` +
        `${logProb} in the candidate, expected finite numbers`,
    );
  }
  return {
    kld: kld.map(checked),
    referenceLogProb,
    candidateLogProb: nextLogProb,
    sameTop: Uint8Array.from(topToken, (token, position) => (token === referenceTopToken[position] ? 1 : 0)),
  };
}

/** A reference's divergence from itself. */
export function noDivergence({ nextLogProb }: { readonly nextLogProb: Float64Array }): ChunkDivergence {
  const positions = nextLogProb.length;
  return {
    kld: new Float64Array(positions),
    referenceLogProb: nextLogProb,
    candidateLogProb: nextLogProb,
    sameTop: new Uint8Array(positions).fill(1),
  };
}

function checked(kld: number, position: number): number {
  if (!(Math.abs(kld) < INFINITE)) {
    throw new QuantscopeError(
      'measure/not-finite',
      `the divergence at scored position ${position} is ${kld}, expected a finite number: ` +
        'the candidate rules out a token that the reference allows, or a probability is not a number',
    );
  }
  if (kld < LOWEST) {
    throw new QuantscopeError(
      'measure/not-normalized',
      `the divergence at scored position ${position} is ${kld}, expected at least 0: the probabilities do not sum to 1`,
    );
  }
  return Math.abs(kld) < ROUNDING && kld < 0 ? 0 : kld;
}
