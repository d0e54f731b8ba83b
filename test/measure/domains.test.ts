import { describe, expect, it } from 'vitest';
import { inTurns, isOfAll, joined } from '../../src/measure/domains.ts';
import { type EvaluatedChunk, TextAccumulator } from '../../src/measure/text-evaluation.ts';

const chunkOf = (index: number): EvaluatedChunk => {
  const nextLogProb = Float64Array.from({ length: 4 }, (_, i) => -1 - index - i / 10);
  return {
    index,
    nextLogProb,
    divergence: {
      kld: Float64Array.from({ length: 4 }, (_, i) => index / 10 + i / 100),
      referenceLogProb: nextLogProb.map((value) => value + 0.1),
      candidateLogProb: nextLogProb,
      sameTop: Uint8Array.from([1, 1, 0, 1]),
    },
  };
};

describe('texts of several domains', () => {
  it('take turns while they last', () => {
    expect(inTurns([3, 1, 2])).toEqual([0, 1, 2, 0, 2, 0]);
    expect(inTurns([])).toEqual([]);
    const plans = [['a', 'b', 'c'], ['d'], ['e', 'f']].map((names) => ({
      chunks: names.map((name) => Uint32Array.of(name.charCodeAt(0))),
      firstScored: 0,
    }));
    expect(joined(plans).map(([code = 0]) => String.fromCharCode(code))).toEqual([...'adebfc']);
  });

  it('have the figures that each has by itself, and those of all of them together', () => {
    const domains = [
      { name: 'chat', chunks: 3 },
      { name: 'code', chunks: 1 },
    ];
    const all = new TextAccumulator(8, domains);
    const plain = new TextAccumulator(8);
    const alone = [new TextAccumulator(8), new TextAccumulator(8)];
    for (const [index, domain] of inTurns([3, 1]).entries()) {
      for (const text of [all, plain, alone[domain]]) text?.add(chunkOf(index));
    }
    const { domains: found, ...together } = all.finish();
    expect(together).toEqual(plain.finish());
    expect(found).toEqual([
      { name: 'chat', ...alone[0]?.finish() },
      { name: 'code', ...alone[1]?.finish() },
    ]);
    expect(plain.finish()).not.toHaveProperty('domains');
  });

  it('say of which one nothing was evaluated', () => {
    const text = new TextAccumulator(8, [
      { name: 'chat', chunks: 2 },
      { name: 'code', chunks: 1 },
    ]);
    text.add(chunkOf(0));
    expect(text.finish().domains?.[1]).toEqual({
      name: 'code',
      perplexity: { status: 'unavailable', reason: 'none of its chunks was evaluated' },
      divergence: { status: 'unavailable', reason: 'none of its chunks was evaluated' },
    });
  });

  it('are those of a file only where they make up its chunks', () => {
    expect(isOfAll([{ name: 'a', chunks: 2 }], 2)).toBe(true);
    expect(isOfAll([{ name: 'a', chunks: 2 ** 40 }], 2)).toBe(false);
  });
});
