import { QuantscopeError } from '../util/errors.ts';
import type { FullPositions, KeptPositions } from './position-data.ts';

/**
 * Tokens the reference gives less than this ln p (p = 4e-18) are left out: all of a vocabulary's together weigh less
 * than float32's rounding of one likely token. It also keeps 0 × ∞ out, of tokens that both models mask.
 */
const NEGLIGIBLE_LOG_PROB = -40;

/**
 * What a model leaves outside the kept tokens is 1 minus a sum of probabilities from float32 logits, so below this
 * it is rounding and not a measurement.
 */
const TAIL_ROUNDING = 1e-5;

/** A divergence below 0 by more than this is no rounding: one of the two does not sum to 1. */
const NEGATIVE_TOLERANCE = 1e-3;

/** exp at multiples of -1/64, as far down as anything is summed. */
const STEPS_PER_NAT = 64;
const EXP_OF_STEP = Float64Array.from({ length: 1 - NEGLIGIBLE_LOG_PROB * STEPS_PER_NAT }, (_, step) =>
  Math.exp(-step / STEPS_PER_NAT),
);

/**
 * exp of a ln p from NEGLIGIBLE_LOG_PROB to 0, to a relative 1e-11, where float32 values carry 6e-8. Most of the time
 * of an exact divergence goes into this, and with Math.exp the whole takes three times as long. The nearest step of
 * the table towards 0, then the series for the remainder, which is less than 1/64.
 */
function probabilityOf(logProb: number): number {
  const step = (-logProb * STEPS_PER_NAT) | 0;
  const rest = logProb + step / STEPS_PER_NAT;
  const series = 1 + rest * (1 + rest * (1 / 2 + rest * (1 / 6 + rest / 24)));
  return (EXP_OF_STEP[step] ?? Number.NaN) * series;
}

/**
 * Kullback-Leibler divergence of each position, Σ p_ref (ln p_ref - ln p_candidate) over the vocabulary, in nats.
 * @throws QuantscopeError `measure/not-finite`, `measure/not-normalized`
 */
export function exactDivergences(reference: FullPositions, candidate: FullPositions): Float64Array {
  const { positions, vocabularySize } = reference;
  const referenceLogProbs = reference.logProbs;
  const candidateLogProbs = candidate.logProbs;
  const kld = new Float64Array(positions);
  for (let position = 0; position < positions; position++) {
    const end = (position + 1) * vocabularySize;
    let sum = 0;
    for (let i = position * vocabularySize; i < end; i++) {
      const logProb = referenceLogProbs[i] ?? Number.NaN;
      if (logProb < NEGLIGIBLE_LOG_PROB) continue;
      sum += probabilityOf(logProb) * (logProb - (candidateLogProbs[i] ?? Number.NaN));
    }
    kld[position] = checked(sum, position);
  }
  return kld;
}

/**
 * A lower bound of each position's divergence from some tokens alone, with all others as one bucket:
 *
 *     Σ over kept p (ln p - ln q)  +  P ln(P / Q),   P = 1 - Σ kept p,   Q = 1 - Σ kept q
 *
 * By the log sum inequality (Cover and Thomas, Elements of Information Theory, theorem 2.7.1) the bucket's term is at
 * most what its tokens would add one by one, and as much when there is no such token or the ratios are all alike.
 * @returns the bounds in nats, and each position's P, the mass that was not resolved
 * @throws QuantscopeError `measure/not-finite`, `measure/not-normalized`
 */
export function keptDivergences(
  reference: KeptPositions,
  candidate: KeptPositions,
): { readonly kld: Float64Array; readonly unresolved: Float64Array } {
  const { positions, offsets } = reference;
  const kld = new Float64Array(positions);
  const unresolved = new Float64Array(positions);
  for (let position = 0; position < positions; position++) {
    const end = offsets[position + 1] ?? 0;
    let sum = 0;
    let referenceTail = 1;
    let candidateTail = 1;
    for (let i = offsets[position] ?? 0; i < end; i++) {
      const logProb = reference.logProbs[i] ?? Number.NaN;
      const candidateLogProb = candidate.logProbs[i] ?? Number.NaN;
      referenceTail -= Math.exp(logProb);
      candidateTail -= Math.exp(candidateLogProb);
      if (logProb < NEGLIGIBLE_LOG_PROB) continue;
      sum += Math.exp(logProb) * (logProb - candidateLogProb);
    }
    unresolved[position] = Math.max(0, referenceTail);
    kld[position] = checked(sum + tailTerm(referenceTail, candidateTail), position);
  }
  return { kld, unresolved };
}

/**
 * P ln(P / Q) of the two tails. A Q that rounding has pushed towards or below 0 is raised, to P at most: a larger Q
 * can only lower the term, so the whole stays a lower bound, finite, and 0 for equal tails.
 */
function tailTerm(referenceTail: number, candidateTail: number): number {
  if (referenceTail <= 0) return 0;
  const floor = Math.min(referenceTail, TAIL_ROUNDING);
  return referenceTail * Math.log(referenceTail / Math.max(candidateTail, floor));
}

/** No divergence is negative; rounding of float32 values makes some a little so. */
function checked(kld: number, position: number): number {
  if (!Number.isFinite(kld)) {
    throw new QuantscopeError(
      'measure/not-finite',
      `the divergence at scored position ${position} is ${kld}, expected a finite number: ` +
        'the candidate rules out a token that the reference allows, or a probability is not a number',
    );
  }
  if (kld < -NEGATIVE_TOLERANCE) {
    throw new QuantscopeError(
      'measure/not-normalized',
      `the divergence at scored position ${position} is ${kld}, expected at least 0: the probabilities do not sum to 1`,
    );
  }
  return Math.max(0, kld);
}
