import { describe, expect, it } from 'vitest';
import type { Imatrix, ImatrixEntry } from '../../src/quantize/imatrix-file.ts';
import { compareImatrices, summarizeImatrix } from '../../src/quantize/imatrix-summary.ts';

const entry = (name: string, sums: readonly number[], counts: readonly number[]): ImatrixEntry => ({
  name,
  sums: Float32Array.from(sums),
  counts: Float32Array.from(counts),
});
const imatrix = (...entries: ImatrixEntry[]): Imatrix => ({
  datasets: ['a.txt'],
  chunks: 1,
  chunkSize: 512,
  entries,
  isLegacy: false,
});

describe('an importance matrix', () => {
  it('tells what was used most, and what no token reached', () => {
    const summary = summarizeImatrix(
      imatrix(
        entry('weak', [2, 2], [2]),
        entry('strong', [12, 6], [1]),
        entry('experts', [3, 3, 0, 0], [3, 0]),
        entry('unused', [0, 0], [0]),
      ),
    );
    expect(summary).toMatchObject({
      weights: 4,
      coverage: 3 / 5,
      empty: ['unused'],
      partial: [{ name: 'experts', reached: 1, experts: 2 }],
      // Means of 9, 1 and 1 (of the expert that has data).
      strongest: [
        { name: 'strong', meanSquare: 9 },
        { name: 'weak', meanSquare: 1 },
        { name: 'experts', meanSquare: 1 },
      ],
      weakest: [],
    });
  });

  it('is like one of a text twice as long, and unlike one of other columns', () => {
    const short = imatrix(entry('same', [1, 2], [1]), entry('other', [3, 4], [1]), entry('gone', [1], [1]));
    const long = imatrix(entry('same', [2, 4], [2]), entry('other', [4, 3], [1]), entry('new', [1], [1]));
    const { matrices, ...names } = compareImatrices(short, long);
    expect(names).toEqual({ onlyInA: ['gone'], onlyInB: ['new'], reshaped: [] });
    expect(matrices).toEqual([
      // (1 + 1) / (9 + 16), and 24 / 25.
      { name: 'other', relativeRmse: Math.sqrt(2 / 25), cosine: 24 / 25 },
      { name: 'same', relativeRmse: 0, cosine: 1 },
    ]);
  });

  it('has no distance from zeros, nor from a matrix of another size', () => {
    const zeros = imatrix(entry('zero', [0, 0], [1]), entry('wide', [1, 2, 3], [1]));
    const others = imatrix(entry('zero', [1, 0], [1]), entry('wide', [1, 2], [1]));
    expect(compareImatrices(zeros, others)).toEqual({
      onlyInA: [],
      onlyInB: [],
      reshaped: ['wide'],
      matrices: [{ name: 'zero', relativeRmse: null, cosine: null }],
    });
  });
});
