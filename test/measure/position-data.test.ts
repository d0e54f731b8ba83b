import { describe, expect, it } from 'vitest';
import { type KeptPositions, pairPositions } from '../../src/measure/position-data.ts';
import { QuantscopeError } from '../../src/util/errors.ts';
import { fullOf, keptOf } from './distributions.ts';

const even = [
  [Math.log(0.5), Math.log(0.5)],
  [Math.log(0.5), Math.log(0.5)],
];
const full = fullOf(even, [0, 1]);
const kept = keptOf(even, [0, 1], [[0], [0, 1]]);

describe('two models’ data of a chunk', () => {
  it('pair when they line up', () => {
    expect(pairPositions(full, full).kind).toBe('full');
    expect(pairPositions(kept, kept).kind).toBe('kept');
  });

  it('do not pair in different forms', () => {
    expect(() => pairPositions(full, kept)).toThrow(
      'the reference has full distributions, the candidate kept ones',
    );
  });

  it('do not pair over different positions or vocabularies', () => {
    expect(() => pairPositions(full, fullOf(even.slice(1), [0]))).toThrow(
      'positions differ: 2 in the reference, 1 in the candidate',
    );
    expect(() => pairPositions(full, { ...full, vocabularySize: 1, logProbs: new Float32Array(2) })).toThrow(
      'vocabulary sizes differ: 2 in the reference, 1 in the candidate',
    );
  });

  it('do not pair over different tokens', () => {
    expect(() => pairPositions(kept, keptOf(even, [0, 1], [[1], [0, 1]]))).toThrow('tokens at 0 differ: 0');
    expect(() => pairPositions(kept, keptOf(even, [0, 1], [[0, 1], [0]]))).toThrow('offsets at 1 differ: 1');
    expect(() => pairPositions(kept, keptOf(even, [0, 1], [[0], [0]]))).toThrow('offsets at 2 differ');
  });

  const defects: [string, Partial<KeptPositions>, string][] = [
    [
      'a short list of next tokens',
      { nextLogProb: new Float64Array(1) },
      'nextLogProb has 1 entries, expected 2',
    ],
    ['a short list of top tokens', { topToken: new Uint32Array(1) }, 'topToken has 1 entries, expected 2'],
    ['too few offsets', { offsets: Uint32Array.of(0, 3) }, 'offsets has 2 entries, expected 3'],
    ['offsets that fall', { offsets: Uint32Array.of(0, 4, 3) }, 'offsets do not rise from 0'],
    ['offsets that begin late', { offsets: Uint32Array.of(1, 2, 3) }, 'offsets do not rise from 0'],
    ['too many tokens', { tokens: new Uint32Array(4) }, 'tokens has 4 entries, expected 3'],
    ['too few values', { logProbs: new Float64Array(2) }, 'logProbs has 2 entries, expected 3'],
  ];
  it.each(defects)('are refused with %s', (_, defect, message) => {
    expect(() => pairPositions(kept, { ...kept, ...defect })).toThrow(QuantscopeError);
    expect(() => pairPositions(kept, { ...kept, ...defect })).toThrow(`the candidate's ${message}`);
    expect(() => pairPositions({ ...kept, ...defect }, kept)).toThrow(`the reference's ${message}`);
  });
});
