import {
  type Code,
  f64x2,
  i32,
  type KernelFunction,
  type Local,
  local,
  repeat,
  v128,
} from '../util/webassembly.ts';

const [a, b, end, out] = [local(0), local(1), local(2), local(3)];
/** Two floats of each side as doubles, and their difference. */
const [left, right, error] = [local(4), local(5), local(6)];
/** One of each for even and one for odd pairs of floats: an addition that waits for the last one takes four cycles. */
const even = { a2: local(7), b2: local(8), e2: local(9), max: local(10) };
const odd = { a2: local(11), b2: local(12), e2: local(13), max: local(14) };
type Sums = typeof even;

/** Doubles that the kernel writes: four sums, each in two lanes for even and two for odd pairs. */
export const SUMS = { count: 4, lanes: 4 } as const;

function addPair(sums: Sums, offset: number): Code {
  const add = (sum: Local, one: Code, other: Code) => sum.set(f64x2.add(sum.get, f64x2.multiply(one, other)));
  return [
    ...left.set(f64x2.fromLowFloats(v128.loadHalf(a.get, offset))),
    ...right.set(f64x2.fromLowFloats(v128.loadHalf(b.get, offset))),
    ...error.set(f64x2.subtract(left.get, right.get)),
    ...add(sums.a2, left.get, left.get),
    ...add(sums.b2, right.get, right.get),
    ...error.set(f64x2.multiply(error.get, error.get)),
    ...sums.e2.set(f64x2.add(sums.e2.get, error.get)),
    ...sums.max.set(f64x2.pseudoMax(sums.max.get, error.get)),
  ];
}

function writeSums(index: number, sum: Local, otherSum: Local): Code {
  const offset = index * SUMS.lanes * Float64Array.BYTES_PER_ELEMENT;
  return [...v128.store(out.get, sum.get, offset), ...v128.store(out.get, otherSum.get, offset + 16)];
}

/**
 * Sums of a^2, b^2 and (a - b)^2, and the largest (a - b)^2, of floats a and b in double precision. Called with: the
 * address of the floats a, that of b, that after the last of a (a multiple of four floats, at least four), and that of
 * the sums.
 */
export const weightError: KernelFunction = {
  name: 'weightError',
  parameters: 4,
  locals: Array.from({ length: 11 }, () => 'v128'),
  code: [
    ...repeat(
      [
        ...addPair(even, 0),
        ...addPair(odd, 8),
        ...a.set(i32.add(a.get, i32.constant(16))),
        ...b.set(i32.add(b.get, i32.constant(16))),
      ],
      i32.lessThan(a.get, end.get),
    ),
    ...writeSums(0, even.a2, odd.a2),
    ...writeSums(1, even.b2, odd.b2),
    ...writeSums(2, even.e2, odd.e2),
    ...writeSums(3, even.max, odd.max),
  ],
};
