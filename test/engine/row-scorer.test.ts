import { readFile, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type RowForm, rowBytes } from '../../src/engine/logit-rows.ts';
import { blockRows, COLUMN_COUNT, COLUMNS, type RowJob, RowScorer } from '../../src/engine/row-scorer.ts';
import { scratchFolder } from '../helpers/cli.ts';

/** Logits stand for llama.cpp's memory: an address is an offset in them. */
function score(rows: readonly Float32Array[], nextTokens: readonly number[], file: RowJob['file'] = null) {
  const vocabularySize = rows[0]?.length ?? 0;
  const memory = Float32Array.from(rows.flatMap((row) => [...row]));
  const job: RowJob = {
    address: 0n,
    vocabularySize,
    nextTokens: Int32Array.from(nextTokens),
    file,
    scores: new Float64Array(rows.length * COLUMN_COUNT),
    progress: new Int32Array(3),
  };
  new RowScorer(vocabularySize, (_, bytes) => memory.buffer.slice(0, bytes)).work(job);
  return rows.map((_, row) => {
    const at = (column: keyof typeof COLUMNS) =>
      job.scores[row * COLUMN_COUNT + COLUMNS[column]] ?? Number.NaN;
    return {
      nextLogProb: at('nextLogProb'),
      topToken: at('topToken'),
      kld: at('kld'),
      referenceLogProb: at('referenceLogProb'),
      referenceTopToken: at('referenceTopToken'),
    };
  });
}

/** The same by the definition, a token at a time. */
function logProbs(row: Float32Array): number[] {
  const max = Math.max(...row);
  const logSum = max + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - max), 0));
  return Array.from(row, (logit) => logit - logSum);
}

function divergence(reference: readonly number[], candidate: readonly number[]): number {
  return reference.reduce((sum, logP, token) => {
    const p = Math.exp(logP);
    return p === 0 ? sum : sum + p * (logP - (candidate[token] ?? Number.NaN));
  }, 0);
}

const logit = fc.double({ min: -60, max: 60, noNaN: true });
/** Two rows of one vocabulary, and a token of it. */
const pair = fc.integer({ min: 1, max: 70 }).chain((size) =>
  fc.record({
    reference: fc.array(logit, { minLength: size, maxLength: size }).map((row) => Float32Array.from(row)),
    candidate: fc.array(logit, { minLength: size, maxLength: size }).map((row) => Float32Array.from(row)),
    next: fc.nat({ max: size - 1 }),
  }),
);

async function compared(
  form: RowForm,
  references: readonly Float32Array[],
  candidates: readonly Float32Array[],
  next: readonly number[],
) {
  await using scratch = await scratchFolder();
  const path = scratch.path('rows');
  await writeFile(path, 'head');
  const file = { path, form, offsetBytes: 4 };
  score(references, next, { ...file, mode: 'write' });
  const bytes = await readFile(path);
  expect(bytes.length).toBe(4 + references.length * rowBytes(form, references[0]?.length ?? 0));
  return { bytes, rows: score(candidates, next, { ...file, mode: 'compare' }) };
}

describe('scored rows', () => {
  it('have the log-probabilities and the divergence of their definition', async () => {
    await fc.assert(
      fc.asyncProperty(pair, async ({ reference, candidate, next }) => {
        const [p, q] = [logProbs(reference), logProbs(candidate)];
        const { rows } = await compared('float32', [reference], [candidate], [next]);
        const [row] = rows;
        expect(row?.nextLogProb).toBeCloseTo(q[next] ?? Number.NaN, 8);
        expect(row?.referenceLogProb).toBeCloseTo(p[next] ?? Number.NaN, 8);
        expect(row?.topToken).toBe(candidate.indexOf(Math.max(...candidate)));
        expect(row?.referenceTopToken).toBe(reference.indexOf(Math.max(...reference)));
        const expected = divergence(p, q);
        expect(Math.abs((row?.kld ?? Number.NaN) - expected)).toBeLessThan(1e-7 * Math.max(1, expected));
      }),
      { numRuns: 100 },
    );
  });

  it('are at no distance from themselves', async () => {
    const row = Float32Array.from({ length: 1541 }, (_, token) => 9 * Math.sin(token * token));
    const { rows } = await compared('float32', [row], [row], [3]);
    expect(rows[0]?.kld).toBe(0);
    expect(rows[0]?.nextLogProb).toBe(rows[0]?.referenceLogProb);
  });

  it('come in blocks of a file, each in its place', async () => {
    const vocabularySize = 50_001;
    const made = (seed: number) =>
      Array.from({ length: 23 }, (_, row) =>
        Float32Array.from({ length: vocabularySize }, (_, token) => 7 * Math.sin(seed + row + token * 1.3)),
      );
    const [references, candidates] = [made(0), made(0.2)];
    const next = references.map((_, row) => row * 7);
    expect(blockRows({ vocabularySize, file: null })).toBeLessThan(references.length);
    const { rows } = await compared('float32', references, candidates, next);
    for (const [index, row] of rows.entries()) {
      const p = logProbs(references[index] ?? new Float32Array());
      const q = logProbs(candidates[index] ?? new Float32Array());
      expect(row.referenceLogProb).toBeCloseTo(p[next[index] ?? -1] ?? Number.NaN, 8);
      expect(row.kld).toBeCloseTo(divergence(p, q), 8);
    }
  });

  it('leave out tokens that both models rule out, and are infinite where the candidate alone does', async () => {
    const no = Number.NEGATIVE_INFINITY;
    const row = Float32Array.of(1, no, 2, 0.5, no);
    const other = Float32Array.of(1.5, no, 2, 0, no);
    const { rows } = await compared('float32', [row], [other], [0]);
    expect(rows[0]?.kld).toBeCloseTo(divergence(logProbs(row), logProbs(other)), 8);
    const { rows: ruledOut } = await compared('float32', [row], [Float32Array.of(no, no, 2, 0, no)], [2]);
    expect(ruledOut[0]?.kld).toBeGreaterThan(1e100);
  });

  it('say NaN where logits are not finite', () => {
    const nan = Float32Array.of(1, 2, Number.NaN, 0);
    const infinite = Float32Array.of(1, Number.POSITIVE_INFINITY, 3, 0);
    for (const { nextLogProb } of score([nan, infinite], [0, 0])) expect(nextLogProb).toBeNaN();
  });
});

describe("llama-perplexity's rows", () => {
  it('are clipped at 16 nats below the largest and otherwise within a step', async () => {
    await fc.assert(
      fc.asyncProperty(pair, async ({ reference, candidate, next }) => {
        const { bytes, rows } = await compared('llama-perplexity', [reference], [candidate], [next]);
        const [scale, lowest] = [bytes.readFloatLE(4), bytes.readFloatLE(8)];
        const p = logProbs(reference);
        const top = Math.max(...p);
        for (const [token, logProb] of p.entries()) {
          const stored = scale * bytes.readUInt16LE(12 + 2 * token) + lowest;
          expect(Math.abs(stored - Math.max(logProb, top - 16))).toBeLessThan(0.6 * scale + 1e-5);
        }
        const stored = p.map((_, token) => {
          const value = scale * bytes.readUInt16LE(12 + 2 * token) + lowest;
          return value > -16 ? value : Number.NEGATIVE_INFINITY;
        });
        const expected = divergence(stored, logProbs(candidate));
        const got = rows[0]?.kld ?? Number.NaN;
        expect(Math.abs(got - expected)).toBeLessThan(1e-5 * Math.max(1, Math.abs(expected)));
      }),
      { numRuns: 100 },
    );
  });
});
