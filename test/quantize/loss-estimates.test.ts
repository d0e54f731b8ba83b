import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TensorType } from '../../src/gguf/index.ts';
import { estimateLosses } from '../../src/quantize/loss-estimates.ts';

const offered = (...types: [TensorType, number][]) =>
  types.map(([type, error], index) => ({ type, bytes: 10 + index, error }));
const lossOf = (choices: ReturnType<typeof estimateLosses>, wanted: TensorType) =>
  choices.find(({ type }) => type === wanted)?.loss ?? Number.NaN;

describe('estimates of losses', () => {
  it('are in proportion to the error of the weights', () => {
    const types = offered(['Q2_K', 8], ['Q4_K', 2], ['Q6_K', 0.5]);
    const choices = estimateLosses({ types, measured: new Map([['Q4_K', 0.01]]) });
    expect(lossOf(choices, 'Q2_K')).toBeCloseTo(0.04, 12);
    expect(lossOf(choices, 'Q6_K')).toBeCloseTo(0.0025, 12);
    expect(choices.map(({ measured }) => measured)).toEqual([false, true, false]);
  });

  it('take the ratio between two that were measured', () => {
    const types = offered(['Q2_K', 16], ['Q4_K', 4], ['Q6_K', 1]);
    // A loss of 1 an error at Q2_K and of 4 at Q6_K: of 2 half way, as logarithms go.
    const choices = estimateLosses({
      types,
      measured: new Map([
        ['Q2_K', 16],
        ['Q6_K', 4],
      ]),
    });
    expect(lossOf(choices, 'Q4_K')).toBeCloseTo(8, 12);
  });

  it('are low for a kind of blocks that was not measured', () => {
    const types = offered(['Q5_0', 1], ['Q5_K', 1], ['Q4_K', 2]);
    const choices = estimateLosses({
      types,
      measured: new Map([
        ['Q5_K', 0.3],
        ['Q4_K', 0.2],
      ]),
    });
    expect(lossOf(choices, 'Q5_0')).toBeCloseTo(0.1, 12);
  });

  it('are numbers for whatever errors and losses there are', () => {
    const value = fc.double({ min: 0, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(value, value, value, value, (a, b, c, loss) => {
        const types = offered(['Q2_K', a], ['Q4_K', b], ['Q8_0', c]);
        for (const choice of estimateLosses({ types, measured: new Map([['Q4_K', loss]]) })) {
          expect(choice.loss).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
