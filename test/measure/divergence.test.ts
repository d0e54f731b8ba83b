import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ComparedScores } from '../../src/engine/scores.ts';
import { chunkDivergence, DivergenceAccumulator, noDivergence } from '../../src/measure/divergence.ts';
import type { Divergence } from '../../src/schema/figures.ts';
import { resultsSchema } from '../../src/schema/results.ts';
import { comparedScores, logSoftmax, pairOfModels } from './distributions.ts';

interface NanoStatistics {
  readonly ppl: number;
  readonly pplBase: number;
  readonly lnPplRatio: number;
  readonly sameTopPercent: number;
  readonly sameTopStderrPercent: number;
}
const nano: { variants: Record<string, NanoStatistics> } = JSON.parse(
  readFileSync(new URL('../../fixtures/nano/reference.json', import.meta.url), 'utf8'),
);

describe('divergence of a model from itself', () => {
  it('is 0 in every statistic, with the same top token everywhere', () => {
    fc.assert(
      fc.property(pairOfModels(), ({ reference, next }) => {
        const scores = comparedScores(reference, reference, next);
        const { sameTop, lnPplCorrelation, ...rest } = divergenceOf(scores);
        expect(noDivergence(scores)).toEqual(chunkDivergence(scores));
        expect(sameTop).toBe(1);
        expect(lnPplCorrelation ?? 1).toBeCloseTo(1, 12);
        for (const [name, value] of Object.entries(rest)) expect([name, value]).toEqual([name, 0]);
      }),
    );
  });
});

describe('the statistics', () => {
  it('are those of two positions computed by hand', () => {
    const p = [
      [0.5, 0.5],
      [0.8, 0.2],
    ];
    const q = [
      [0.25, 0.75],
      [0.8, 0.2],
    ];
    const toLog = (rows: number[][]) => rows.map((row) => row.map(Math.log));
    const result = divergenceOf(comparedScores(toLog(p), toLog(q), [0, 1]));
    const kld = Math.log(4 / 3) / 2;
    // Δp is -0.25 and 0; ln p(next) falls by ln 2 and by 0.
    const expected: Partial<Divergence> = {
      meanKld: kld / 2,
      // (E[x²] - E[x]²) / (N - 1) = k²/2 - k²/4 with N = 2.
      stderrKld: kld / 2,
      medianKld: kld / 2,
      p90Kld: 0.9 * kld,
      maxKld: kld,
      meanDeltaP: -0.125,
      stderrDeltaP: 0.125,
      rmsDeltaP: Math.sqrt(0.0625 / 2),
      stderrRmsDeltaP: (0.5 / Math.sqrt(0.0625 / 2)) * (0.0625 / 2),
      minDeltaP: -0.25,
      maxDeltaP: 0,
      p25DeltaP: -0.1875,
      // The first position's reference is a tie, whose top token is the first.
      sameTop: 0.5,
      sameTopStderr: 0.5,
      lnPplRatio: Math.LN2 / 2,
      lnPplRatioStderr: Math.LN2 / 2,
    };
    for (const [name, value] of Object.entries(expected)) {
      expect(result[name as keyof Divergence], name).toBeCloseTo(Number(value), 6);
    }
  });

  it('are llama-perplexity’s formulas over the sums it keeps', () => {
    fc.assert(
      fc.property(pairOfModels(), ({ reference, candidate, next }) => {
        const scores = comparedScores(reference, candidate, next);
        const result = divergenceOf(scores);
        const losses = Array.from(scores.nextLogProb, (logProb) => -logProb);
        const baseLosses = Array.from(scores.referenceLogProb, (logProb) => -logProb);
        const deltaP = losses.map((loss, i) => Math.exp(-loss) - Math.exp(-(baseLosses[i] ?? 0)));
        const [loss, base] = [withUncertainty(losses), withUncertainty(baseLosses)];
        const products = losses.map((value, i) => value * (baseLosses[i] ?? 0));
        const covariance = (average(products) - loss.value * base.value) / (losses.length - 1);
        const squares = withUncertainty(deltaP.map((value) => value * value));
        const variance = loss.error ** 2 + base.error ** 2 - 2 * covariance;
        expect(result.lnPplRatio).toBeCloseTo(loss.value - base.value, 9);
        expect(result.lnPplRatioStderr ** 2).toBeCloseTo(variance, 6);
        expect(result.meanDeltaP).toBeCloseTo(withUncertainty(deltaP).value, 12);
        expect(result.stderrDeltaP).toBeCloseTo(withUncertainty(deltaP).error, 6);
        expect(result.rmsDeltaP).toBeCloseTo(Math.sqrt(squares.value), 9);
        if (squares.value > 1e-6) {
          expect(result.stderrRmsDeltaP).toBeCloseTo((0.5 / Math.sqrt(squares.value)) * squares.error, 5);
        }
        if (loss.error > 1e-3 && base.error > 1e-3) {
          expect(result.lnPplCorrelation).toBeCloseTo(covariance / (loss.error * base.error), 5);
        }
      }),
    );
  });

  it('reproduce llama-perplexity’s error of the same-top share on the nano family, from its 7,395 positions', () => {
    for (const [name, { sameTopPercent, sameTopStderrPercent }] of Object.entries(nano.variants)) {
      const same = Math.round((sameTopPercent / 100) * 7395);
      const { sameTop, sameTopStderr } = divergenceOf({
        ...evenly(7395, 0, 0),
        topToken: Uint32Array.from({ length: 7395 }, (_, i) => (i < same ? 0 : 1)),
      });
      expect(100 * sameTop, name).toBeCloseTo(sameTopPercent, 3);
      expect(100 * sameTopStderr, name).toBeCloseTo(sameTopStderrPercent, 3);
    }
  });

  it('give the ln ratio of the perplexities, as llama-perplexity’s own figures do', () => {
    for (const { ppl, pplBase, lnPplRatio } of Object.values(nano.variants)) {
      const result = divergenceOf(evenly(2, -Math.log(pplBase), -Math.log(ppl)));
      expect(result.lnPplRatio).toBeCloseTo(lnPplRatio, 5);
      expect(result).not.toHaveProperty('lnPplCorrelation');
    }
  });

  it('come in order, and as the results contract has them', () => {
    const contract = resultsSchema.shape.variants.element.shape.divergence;
    fc.assert(
      fc.property(pairOfModels(), ({ reference, candidate, next }) => {
        const d = divergenceOf(comparedScores(reference, candidate, next));
        expect(contract.parse(d)).toEqual(d);
        expectRising([0, d.medianKld, d.p90Kld, d.p95Kld, d.p99Kld, d.p999Kld, d.maxKld]);
        expectRising([d.minDeltaP, d.p01DeltaP, d.p05DeltaP, d.p10DeltaP, d.p25DeltaP, d.medianDeltaP]);
        expectRising([d.medianDeltaP, d.p75DeltaP, d.p90DeltaP, d.p95DeltaP, d.p99DeltaP, d.maxDeltaP]);
        expect(d.meanKld).toBeLessThanOrEqual(d.maxKld * (1 + 1e-12));
        expect(d.rmsDeltaP).toBeGreaterThanOrEqual(Math.abs(d.meanDeltaP) - 1e-12);
      }),
    );
  });

  it('do not depend on how the positions are cut into chunks, nor on the order of these', () => {
    fc.assert(
      fc.property(pairOfModels(), fc.nat(), ({ reference, candidate, next }, at) => {
        const cut = at % (next.length + 1);
        const part = (from: number, to: number) =>
          comparedScores(reference.slice(from, to), candidate.slice(from, to), next.slice(from, to));
        const parts = [part(0, cut), part(cut, next.length)].filter(({ positions }) => positions > 0);
        const whole = divergenceOf(part(0, next.length));
        expectClose(divergenceOf(...parts), whole);
        expectClose(divergenceOf(...parts.reverse()), whole);
        const { nextLogProb, referenceLogProb } = part(0, next.length);
        const spreads = [nextLogProb, referenceLogProb].map((each) => withUncertainty([...each]).error);
        if (Math.min(...spreads) < 1e-3) return;
        expect(divergenceOf(...parts).lnPplCorrelation).toBeCloseTo(whole.lnPplCorrelation ?? Number.NaN, 6);
      }),
    );
  });
});

describe('what cannot be compared', () => {
  const row = logSoftmax([0, 0]);
  const even = comparedScores([row, row], [row, row], [0, 1]);

  it('is a next token without a probability', () => {
    const broken = { ...even, nextLogProb: Float64Array.of(-1, Number.NaN) };
    expect(() => chunkDivergence(broken)).toThrow('ln p of the next token at scored position 1 is -0.69');
  });

  it('is a token that the candidate rules out and the reference allows', () => {
    for (const kld of [Number.NaN, Number.POSITIVE_INFINITY, 1e290]) {
      expect(() => chunkDivergence({ ...even, kld: Float64Array.of(0.1, kld) })).toThrow(
        /the divergence at scored position 1 is .*, expected a finite number/,
      );
    }
  });

  it('is what does not sum to 1; what rounding leaves below 0 is 0', () => {
    expect(() => chunkDivergence({ ...even, kld: Float64Array.of(-0.2, 0) })).toThrow('do not sum to 1');
    expect([...chunkDivergence({ ...even, kld: Float64Array.of(-1e-9, -1e-3) }).kld]).toEqual([0, -1e-3]);
  });

  it('is fewer than two positions', () => {
    expect(() => new DivergenceAccumulator().finish()).toThrow('0 compared positions, need at least 2');
  });
});

/** The same ln p at every position. */
function evenly(positions: number, referenceLogProb: number, logProb: number): ComparedScores {
  return {
    kind: 'compare',
    positions,
    nextLogProb: new Float64Array(positions).fill(logProb),
    referenceLogProb: new Float64Array(positions).fill(referenceLogProb),
    topToken: new Uint32Array(positions),
    referenceTopToken: new Uint32Array(positions),
    kld: new Float64Array(positions),
  };
}

function divergenceOf(...chunks: readonly ComparedScores[]): Divergence {
  const accumulator = new DivergenceAccumulator();
  for (const scores of chunks) accumulator.add(chunkDivergence(scores));
  return accumulator.finish();
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** mean_and_uncertainty of llama.cpp's tools/perplexity/perplexity.cpp. */
function withUncertainty(values: readonly number[]) {
  const value = average(values);
  const variance = average(values.map((each) => each * each)) - value * value;
  return { value, error: Math.sqrt(Math.max(0, variance) / (values.length - 1)) };
}

function expectRising(values: readonly number[]): void {
  expect(values).toEqual([...values].sort((a, b) => a - b));
}

function expectClose(actual: Divergence, expected: Divergence): void {
  for (const [name, value] of Object.entries(expected)) {
    const got = actual[name as keyof Divergence];
    // The correlation of what hardly varies is that of its rounding.
    if (name === 'lnPplCorrelation') continue;
    if (typeof value === 'number') expect(got, name).toBeCloseTo(value, 8);
    else expect(got).toBe(value);
  }
}
