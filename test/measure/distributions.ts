import fc from 'fast-check';
import type { ComparedScores } from '../../src/engine/scores.ts';

/** A model's ln p over the vocabulary at each position, in full precision. */
export type Distributions = readonly (readonly number[])[];

export function logSoftmax(logits: readonly number[]): number[] {
  const max = Math.max(...logits);
  const logSum = max + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - max), 0));
  return logits.map((logit) => logit - logSum);
}

/** What an engine would say of a candidate beside a reference. */
export function comparedScores(
  reference: Distributions,
  candidate: Distributions,
  next: readonly number[],
): ComparedScores {
  const [own, theirs] = [scalarsOf(candidate, next), scalarsOf(reference, next)];
  return {
    kind: 'compare',
    ...own,
    referenceLogProb: theirs.nextLogProb,
    referenceTopToken: theirs.topToken,
    kld: Float64Array.from(reference, (logProbs, i) => divergenceOf(logProbs, candidate[i] ?? [])),
  };
}

/** The definition, term by term. */
function divergenceOf(reference: readonly number[], candidate: readonly number[]): number {
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
