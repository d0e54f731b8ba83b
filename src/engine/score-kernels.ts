import {
  type Code,
  f32x4,
  f64x2,
  i32,
  i64x2,
  type KernelFunction,
  type Local,
  local,
  repeat,
  v128,
} from '../util/webassembly.ts';
import { ROW_STEP } from './logit-rows.ts';

// Sums over one row of logits in double precision. Rows are floats in memory, a multiple of ROW_STEP of them and at
// least so many; what pads a row is -Infinity, which has probability 0. Sums are written in LANES parts.

export const LANES = 4;

/** Below it exp(x) is 0 in a double, but for the subnormal ones. */
const LOWEST_EXPONENT = -708;
/** Stands for -Infinity where it is multiplied by a probability, which may be 0. */
const RULED_OUT = -1e300;
/** Added to a double it leaves the nearest integer in the low bits. */
const ROUND = 1.5 * 2 ** 52;
const MANTISSA_BITS = 52;
/** 1/0!, 1/1!, ... 1/7!: |x| is at most ln(2)/2, so that what is left out is less than 6e-9 of the value. */
const SERIES = [1, 1, 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040] as const;

const pairAt = (row: Local, offset: number): Code => f64x2.fromLowFloats(v128.loadHalf(row.get, offset));

/** A run of locals from an index on. */
function locals<Names extends readonly string[]>(
  index: number,
  ...names: Names
): Record<Names[number], Local> {
  const entries = names.map((name, i) => [name, local(index + i)]);
  // fromEntries forgets the keys.
  return Object.fromEntries(entries) as Record<Names[number], Local>;
}

/** exp of doubles from LOWEST_EXPONENT to 0, with what it needs in locals from an index on. */
function exponentialAt(index: number) {
  const names = ['log2e', 'ln2', 'round', 'scaled', 'square', 'power'] as const;
  const { log2e, ln2, round, scaled, square, power } = locals(index, ...names);
  const series = SERIES.map((_, i) => local(index + names.length + i));
  const prepare: Code = [
    ...log2e.set(v128.constant(Math.LOG2E)),
    ...ln2.set(v128.constant(Math.LN2)),
    ...round.set(v128.constant(ROUND)),
    ...SERIES.flatMap((value, i) => local(index + names.length + i).set(v128.constant(value))),
  ];
  /** Pairs of terms, then pairs of those: shorter chains of operations that wait for each other than term by term. */
  const sum = (x: Local, from: number, terms: number): Code => {
    if (terms === 1) return series[from]?.get ?? [];
    const [low, high] = [sum(x, from, terms / 2), sum(x, from + terms / 2, terms / 2)];
    const factor = terms === 2 ? x.get : terms === 4 ? square.get : f64x2.multiply(square.get, square.get);
    return f64x2.add(low, f64x2.multiply(high, factor));
  };
  /** Leaves exp(x) in `power`, and x reduced to at most ln(2)/2 to both sides of 0. */
  const compute = (x: Local): Code => [
    ...scaled.set(f64x2.add(f64x2.multiply(x.get, log2e.get), round.get)),
    ...x.set(f64x2.subtract(x.get, f64x2.multiply(f64x2.subtract(scaled.get, round.get), ln2.get))),
    ...square.set(f64x2.multiply(x.get, x.get)),
    // The integer's low bits, moved into the exponent, multiply by that power of 2.
    ...power.set(
      i64x2.add(sum(x, 0, SERIES.length), i64x2.shiftLeft(scaled.get, i32.constant(MANTISSA_BITS))),
    ),
  ];
  return { count: names.length + SERIES.length, prepare, compute, power };
}

const [row, end, out, other] = [local(0), local(1), local(2), local(3)];
const advance = (by: Local): Code => by.set(i32.add(by.get, i32.constant(4 * ROW_STEP)));
const whileInRow = i32.lessThan(row.get, end.get);

/** The largest of a row, as LANES floats. Called with: the row's address, that after it, and where to write. */
export const maximum: KernelFunction = {
  name: 'maximum',
  parameters: 3,
  locals: ['v128'],
  code: [
    ...local(3).set(v128.load(row.get)),
    ...repeat(
      [...local(3).set(f32x4.pseudoMax(local(3).get, v128.load(row.get))), ...advance(row)],
      whileInRow,
    ),
    ...v128.store(out.get, local(3).get),
  ],
};

/**
 * Sum of exp(logit - max). Called with: the row's address, that after it, where to write, and the address of max, a
 * double.
 */
export const exponentialSum: KernelFunction = (() => {
  const { max, lowest, x, even, odd } = locals(4, 'max', 'lowest', 'x', 'even', 'odd');
  const exponential = exponentialAt(9);
  const addPair = (sum: Local, offset: number): Code => [
    ...x.set(f64x2.pseudoMax(f64x2.subtract(pairAt(row, offset), max.get), lowest.get)),
    ...exponential.compute(x),
    ...sum.set(f64x2.add(sum.get, exponential.power.get)),
  ];
  return {
    name: 'exponentialSum',
    parameters: 4,
    locals: Array.from({ length: 5 + exponential.count }, () => 'v128'),
    code: [
      ...max.set(v128.loadTwice(other.get)),
      ...lowest.set(v128.constant(LOWEST_EXPONENT)),
      ...exponential.prepare,
      ...repeat([...addPair(even, 0), ...addPair(odd, 8), ...advance(row)], whileInRow),
      ...v128.store(out.get, even.get),
      ...v128.store(out.get, odd.get, 16),
    ],
  };
})();

/**
 * Sum of p (ln p - ln q) over two rows, the reference's p and a candidate's q, where the logarithm of a probability is
 * a logit less the row's log-sum. Called with: the address of the reference's row, that after it, where to write, the
 * address of the candidate's row, and that of the two log-sums, doubles.
 */
export const divergence: KernelFunction = (() => {
  const sums = local(4);
  const names = [
    'logSum',
    'otherLogSum',
    'lowest',
    'ruledOut',
    'x',
    'difference',
    'isPossible',
    'even',
    'odd',
  ] as const;
  const { logSum, otherLogSum, lowest, ruledOut, x, difference, isPossible, even, odd } = locals(5, ...names);
  const exponential = exponentialAt(14);
  const addPair = (sum: Local, offset: number): Code => [
    ...x.set(f64x2.subtract(pairAt(row, offset), logSum.get)),
    ...isPossible.set(f64x2.atLeast(x.get, lowest.get)),
    ...x.set(f64x2.pseudoMax(x.get, lowest.get)),
    ...difference.set(
      f64x2.subtract(
        x.get,
        f64x2.pseudoMax(f64x2.subtract(pairAt(other, offset), otherLogSum.get), ruledOut.get),
      ),
    ),
    ...exponential.compute(x),
    ...sum.set(
      f64x2.add(sum.get, f64x2.multiply(v128.and(exponential.power.get, isPossible.get), difference.get)),
    ),
  ];
  return {
    name: 'divergence',
    parameters: 5,
    locals: Array.from({ length: 9 + exponential.count }, () => 'v128'),
    code: [
      ...logSum.set(v128.loadTwice(sums.get)),
      ...otherLogSum.set(v128.loadTwice(sums.get, 8)),
      ...lowest.set(v128.constant(LOWEST_EXPONENT)),
      ...ruledOut.set(v128.constant(RULED_OUT)),
      ...exponential.prepare,
      ...repeat([...addPair(even, 0), ...addPair(odd, 8), ...advance(row), ...advance(other)], whileInRow),
      ...v128.store(out.get, even.get),
      ...v128.store(out.get, odd.get, 16),
    ],
  };
})();
