import type { Divergence } from '../schema/results.ts';
import { QuantscopeError } from '../util/errors.ts';
import { GrowingFloats } from './growing-floats.ts';
import { exactDivergences, keptDivergences } from './kullback-leibler.ts';
import { Comoments, Moments } from './moments.ts';
import { type PositionData, type PositionPair, pairPositions } from './position-data.ts';
import { percentile } from './statistics.ts';

/**
 * How far a candidate's predictions are from the reference's, with the statistics of llama-perplexity's
 * --kl-divergence (llama.cpp, tools/perplexity/perplexity.cpp), gathered chunk by chunk. Two numbers a position are
 * kept, for the percentiles; the rest is constant memory.
 *
 * Its ln PPL ratio is not llama-perplexity's: there the base is stored clipped at 16 nats below its maximum, which
 * biases the base's perplexity.
 */
export class DivergenceAccumulator {
  readonly #klds = new GrowingFloats();
  readonly #deltaPs = new GrowingFloats();
  readonly #kld = new Moments();
  readonly #deltaP = new Moments();
  readonly #squaredDeltaP = new Moments();
  readonly #lnPplRatio = new Moments();
  readonly #losses = new Comoments();
  readonly #unresolved = new Moments();
  #sameTop = 0;
  #kind: PositionData['kind'] | null = null;

  /**
   * Takes one chunk.
   * @throws what {@link chunkDivergence} throws; QuantscopeError `measure/mismatched-positions` for figures of another
   *   form than those before
   */
  add(chunk: ChunkDivergence): void {
    this.#kind ??= chunk.kind;
    if (chunk.kind !== this.#kind) {
      throw new QuantscopeError(
        'measure/mismatched-positions',
        `got ${chunk.kind} distributions after ${this.#kind} ones, expected one form for all chunks`,
      );
    }
    const { kld, unresolved, referenceLogProb, candidateLogProb, sameTop } = chunk;
    for (let i = 0; i < kld.length; i++) {
      const value = kld[i] ?? Number.NaN;
      this.#klds.push(value);
      this.#kld.add(value);
      this.#unresolved.add(unresolved?.[i] ?? 0);
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
      method: this.#kind === 'kept' ? 'bounded' : 'exact',
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
      unresolvedMass: Math.min(1, this.#unresolved.mean),
    };
  }
}

/** What one chunk says of the divergence, one value a scored position. */
export interface ChunkDivergence {
  readonly kind: PositionData['kind'];
  readonly kld: Float64Array;
  /** The reference's probability that was summed as one token; null where all were told apart. */
  readonly unresolved: Float64Array | null;
  /** ln p of the token that follows. */
  readonly referenceLogProb: Float64Array;
  readonly candidateLogProb: Float64Array;
  /** 1 where the most likely token is the same. */
  readonly sameTop: Uint8Array;
}

/**
 * Compares a candidate's scores of a chunk with the reference's.
 * @throws QuantscopeError `measure/mismatched-positions` when the two do not speak of the same positions and tokens;
 *   `measure/not-finite` when a probability is no number or the divergence is infinite; `measure/not-normalized` when
 *   the two cannot both be distributions
 */
export function chunkDivergence(reference: PositionData, candidate: PositionData): ChunkDivergence {
  const pair = pairPositions(reference, candidate);
  const { kld, unresolved } = divergencesOf(pair);
  const { positions, nextLogProb: referenceLogProb } = reference;
  const { nextLogProb: candidateLogProb } = candidate;
  const sameTop = new Uint8Array(positions);
  for (let i = 0; i < positions; i++) {
    if (!Number.isFinite(referenceLogProb[i]) || !Number.isFinite(candidateLogProb[i])) {
      throw new QuantscopeError(
        'measure/not-finite',
        `ln p of the next token at scored position ${i} is ${referenceLogProb[i]} in the reference and ` +
          `${candidateLogProb[i]} in the candidate, expected finite numbers`,
      );
    }
    sameTop[i] = reference.topToken[i] === candidate.topToken[i] ? 1 : 0;
  }
  return { kind: pair.kind, kld, unresolved, referenceLogProb, candidateLogProb, sameTop };
}

function divergencesOf(pair: PositionPair): {
  readonly kld: Float64Array;
  readonly unresolved: Float64Array | null;
} {
  switch (pair.kind) {
    case 'full':
      return { kld: exactDivergences(pair.reference, pair.candidate), unresolved: null };
    case 'kept':
      return keptDivergences(pair.reference, pair.candidate);
  }
}
