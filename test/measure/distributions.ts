import fc from 'fast-check';
import type { FullPositions, KeptPositions } from '../../src/measure/position-data.ts';

/** A model's ln p over the vocabulary at each position, in full precision: what data of either form is made from. */
export type Distributions = readonly (readonly number[])[];

export function logSoftmax(logits: readonly number[]): number[] {
  const max = Math.max(...logits);
  const logSum = max + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - max), 0));
  return logits.map((logit) => logit - logSum);
}

export function fullOf(distributions: Distributions, next: readonly number[]): FullPositions {
  return {
    kind: 'full',
    vocabularySize: distributions[0]?.length ?? 0,
    logProbs: Float32Array.from(distributions.flat()),
    ...scalarsOf(distributions, next),
  };
}

/** The data of one model at given tokens of each position. */
export function keptOf(
  distributions: Distributions,
  next: readonly number[],
  tokens: readonly (readonly number[])[],
): KeptPositions {
  const offsets = new Uint32Array(tokens.length + 1);
  for (const [i, ofPosition] of tokens.entries()) offsets[i + 1] = (offsets[i] ?? 0) + ofPosition.length;
  return {
    kind: 'kept',
    offsets,
    tokens: Uint32Array.from(tokens.flat()),
    logProbs: Float64Array.from(
      tokens.flatMap((ofPosition, i) => ofPosition.map((token) => at(distributions, i, token))),
    ),
    ...scalarsOf(distributions, next),
  };
}

/** Each position's most likely tokens until `mass` of the probability is covered, at most `limit`. */
export function mostLikely(distributions: Distributions, mass: number, limit: number): number[][] {
  return distributions.map((logProbs) => {
    const byLikelihood = logProbs
      .map((_, token) => token)
      .sort((a, b) => (logProbs[b] ?? 0) - (logProbs[a] ?? 0));
    const kept: number[] = [];
    let covered = 0;
    for (const token of byLikelihood) {
      if (covered >= mass || kept.length === limit) break;
      kept.push(token);
      covered += Math.exp(logProbs[token] ?? Number.NaN);
    }
    return kept;
  });
}

/** The definition, term by term. */
export function divergenceOf(reference: readonly number[], candidate: readonly number[]): number {
  return reference.reduce(
    (sum, logProb, token) => sum + Math.exp(logProb) * (logProb - (candidate[token] ?? Number.NaN)),
    0,
  );
}

/** Two models' distributions of the same shape and the tokens that follow. */
export function pairOfModels(maxPositions = 12, maxVocabulary = 24) {
  return fc
    .tuple(fc.integer({ min: 2, max: maxPositions }), fc.integer({ min: 2, max: maxVocabulary }))
    .chain(([positions, vocabulary]) => {
      // Logits this far apart give tails from none to most of the mass, and tokens of negligible probability.
      const logit = fc.double({ min: -25, max: 25, noNaN: true });
      const model = fc
        .array(fc.array(logit, { minLength: vocabulary, maxLength: vocabulary }), {
          minLength: positions,
          maxLength: positions,
        })
        .map((rows) => rows.map(logSoftmax));
      const next = fc.array(fc.nat({ max: vocabulary - 1 }), { minLength: positions, maxLength: positions });
      return fc.record({ reference: model, candidate: model, next });
    });
}

function scalarsOf(distributions: Distributions, next: readonly number[]) {
  return {
    positions: distributions.length,
    nextLogProb: Float64Array.from(next, (token, i) => at(distributions, i, token)),
    topToken: Uint32Array.from(distributions, (logProbs) => logProbs.indexOf(Math.max(...logProbs))),
  };
}

function at(distributions: Distributions, position: number, token: number): number {
  return distributions[position]?.[token] ?? Number.NaN;
}
