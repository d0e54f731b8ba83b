import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseTypes, mixCurve, type TensorGroup, type TypeChoice } from '../../src/quantize/choose-types.ts';

const choice = (type: TypeChoice['type'], bytes: number, loss: number): TypeChoice => ({ type, bytes, loss });
const group = (name: string, ...choices: TypeChoice[]): TensorGroup => ({ name, tensors: [name], choices });

const groups = fc.array(
  fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 90 })), {
    minLength: 1,
    maxLength: 4,
  }),
  { minLength: 1, maxLength: 4 },
);
const groupsOf = (list: readonly (readonly (readonly [number, number])[])[]) =>
  list.map((choices, index) =>
    group(String(index), ...choices.map(([bytes, loss]) => choice('Q4_K', bytes, loss))),
  );

/** Every mix there is. */
function allMixes(list: readonly TensorGroup[]): { bytes: number; loss: number }[] {
  return list.reduce(
    (mixes, { choices }) =>
      mixes.flatMap((mix) =>
        choices.map(({ bytes, loss }) => ({ bytes: mix.bytes + bytes, loss: mix.loss + loss })),
      ),
    [{ bytes: 0, loss: 0 }],
  );
}

describe('the choice of types', () => {
  it('gives bits where they save most', () => {
    const sensitive = group('a', choice('Q2_K', 10, 0.9), choice('Q4_K', 20, 0.1), choice('Q6_K', 30, 0.01));
    const robust = group('b', choice('Q2_K', 10, 0.05), choice('Q4_K', 20, 0.01), choice('Q6_K', 30, 0));
    expect(
      chooseTypes([sensitive, robust], { of: 'bytes', most: 40 })?.choices.map(({ type }) => type),
    ).toEqual(['Q6_K', 'Q2_K']);
  });

  it('has none where the smallest types are too large', () => {
    expect(chooseTypes([group('a', choice('Q2_K', 10, 0.9))], { of: 'bytes', most: 9 })).toBeNull();
  });

  it('stays within the budget, leaves no better type unpaid, and lies above the best mix there is', () => {
    fc.assert(
      fc.property(groups, fc.integer({ min: 1, max: 240 }), (list, budget) => {
        const offered = groupsOf(list);
        const mix = chooseTypes(offered, { of: 'bytes', most: budget });
        const within = allMixes(offered).filter(({ bytes }) => bytes <= budget);
        if (mix === null) {
          expect(within).toEqual([]);
          return;
        }
        expect(mix.bytes).toBeLessThanOrEqual(budget);
        expect(mix.loss).toBeGreaterThanOrEqual(Math.min(...within.map(({ loss }) => loss)));
        for (const [index, { choices }] of offered.entries()) {
          const taken = mix.choices[index];
          if (taken === undefined) throw new Error('a group without a type');
          const better = choices.filter(({ loss }) => loss < taken.loss);
          for (const { bytes } of better) expect(mix.bytes - taken.bytes + bytes).toBeGreaterThan(budget);
        }
      }),
    );
  });

  it('follows a curve that falls with size', () => {
    fc.assert(
      fc.property(groups, (list) => {
        const curve = mixCurve(groupsOf(list));
        for (const [index, mix] of curve.entries()) {
          expect(mix.loss).toBeLessThanOrEqual(curve[index - 1]?.loss ?? Number.POSITIVE_INFINITY);
        }
      }),
    );
  });
});
