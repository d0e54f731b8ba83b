import { describe, expect, it } from 'vitest';
import { LEAST_RUN_SPREAD, type Runs, SPEED_SIGNIFICANCE, testRuns } from '../../src/measure/run-noise.ts';

/** A generator of its own, so that a failure is the code's and not chance's: mulberry32, and Box and Muller's normals. */
function generator(seed: number) {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** What is simulated: runs of some variants, with effects of the run that they share or not, and of each repetition. */
interface World {
  readonly variants: number;
  readonly runs: number;
  /** Standard deviations of the logarithm of a speed. */
  readonly betweenRuns: number;
  readonly withinRun: number;
  /** Of the variance between runs, the share that all variants of a run have in common. */
  readonly common: number;
}

/** Shares of pairs in which any variant, and in which the slowed one, was found to have changed. */
function alarms({ variants, runs, betweenRuns, withinRun, common }: World, slowdown: number, pairs = 3000) {
  const normal = generator(20261130);
  let any = 0;
  let found = 0;
  const side = (shift: number) => {
    const shared = Array.from({ length: runs }, () => normal() * betweenRuns * Math.sqrt(common));
    return Array.from({ length: variants }, (_, variant) =>
      shared.map((effect) => {
        const own = effect + normal() * betweenRuns * Math.sqrt(1 - common) - (variant === 0 ? shift : 0);
        return Array.from({ length: 5 }, () => own + normal() * withinRun);
      }),
    );
  };
  for (let pair = 0; pair < pairs; pair++) {
    const [before, after] = [side(0), side(-Math.log(1 - slowdown))];
    const all: Runs[] = before.map((each, variant) => ({ before: each, after: after[variant] ?? [] }));
    const changed = all.map((each) => (testRuns(each, all)?.pValue ?? 1) < SPEED_SIGNIFICANCE);
    if (changed.some(Boolean)) any++;
    if (changed[0]) found++;
  }
  return { any: any / pairs, found: found / pairs };
}

/** What chance leaves of 3,000 pairs above 1 in 100: 3 standard errors of the share. */
const MOST_FALSE = 0.01 + 3 * Math.sqrt((0.01 * 0.99) / 3000);

describe('the noise of speeds, simulated', () => {
  const worlds: World[] = [1, 2, 4].flatMap((variants) =>
    [0, 0.5, 1].flatMap((common) =>
      [
        [0.005, 0.02],
        [0.02, 0.01],
        [0.1, 0.02],
      ].map(([betweenRuns = 0, withinRun = 0]) => ({ variants, runs: 3, betweenRuns, withinRun, common })),
    ),
  );

  it.each(worlds)('gives at most one false alarm in 100, all variants together: %o', (world) => {
    expect(alarms(world, 0).any).toBeLessThanOrEqual(MOST_FALSE);
  });

  it.each([1, 2, 4])('finds a loss of 10 %% by 3 runs against 3, of %i variants', (variants) => {
    const world = { variants, runs: 3, betweenRuns: 0.01, withinRun: 0.02, common: 0.5 };
    expect(alarms(world, 0.1).found).toBeGreaterThan(0.97);
  });

  it.each([1, 4])(
    'of one run each holds what it assumes of a quiet machine, with %i variants',
    (variants) => {
      const world = { variants, runs: 1, betweenRuns: LEAST_RUN_SPREAD, withinRun: 0.005, common: 0 };
      expect(alarms(world, 0).any).toBeLessThanOrEqual(MOST_FALSE);
      expect(alarms(world, 0.1).found).toBeGreaterThan(0.95);
    },
  );

  it.each([1, 4])('of one run each assumes more where repetitions differ, with %i variants', (variants) => {
    const world = { variants, runs: 1, betweenRuns: 0.1, withinRun: 0.05, common: 0.5 };
    expect(alarms(world, 0).any).toBeLessThanOrEqual(MOST_FALSE);
    expect(alarms(world, 0.6).found).toBeGreaterThan(0.9);
  });

  it('takes the spread of all variants where one’s repetitions agree by chance', () => {
    const steady = { before: [[1, 1, 1]], after: [[1.1, 1.1, 1.1]] };
    const noisy = { before: [[1, 1.2, 0.8]], after: [[1, 1.2, 0.8]] };
    expect(testRuns(steady, [steady])?.method).toContain('1.5 % between runs assumed');
    // Variances of 0 and 0.04, as many repetitions of each: 2 × √0.02.
    expect(testRuns(steady, [steady, noisy])?.method).toContain('28.3 % between runs assumed');
  });

  it('would cry wolf by the repetitions alone, which is why runs are pooled', () => {
    // Each repetition as a run of its own: what a test on the repetitions of one run comes to.
    const normal = generator(7);
    let wrong = 0;
    for (let pair = 0; pair < 1000; pair++) {
      const run = () => {
        const effect = normal() * 0.02;
        return Array.from({ length: 5 }, () => [effect + normal() * 0.01]);
      };
      const own = { before: run(), after: run() };
      if ((testRuns(own, [own])?.pValue ?? 1) < SPEED_SIGNIFICANCE) wrong++;
    }
    expect(wrong / 1000).toBeGreaterThan(0.2);
  });
});

describe('the test of runs', () => {
  it('is Student’s on the medians', () => {
    const own = { before: [[1, 2, 9], [3, 3], [4]], after: [[5], [6], [7]] };
    // Medians 2, 3, 4 and 5, 6, 7: t = 3 / sqrt(2/3) = 3.674 at 4 degrees of freedom.
    expect(testRuns(own, [own])).toEqual({
      pValue: expect.closeTo(0.02131, 4),
      method: "Student's t-test on the medians of 3 and 3 runs",
    });
  });

  it('never takes a noisy variant for as quiet as the others', () => {
    const noisy = { before: [[0], [1], [2]], after: [[2], [3], [4]] };
    const quiet = { before: [[0], [0.01], [0]], after: [[0], [0], [0.01]] };
    const alone = testRuns(noisy, [noisy])?.pValue ?? 0;
    expect(testRuns(noisy, [noisy, quiet, quiet])?.pValue).toBeCloseTo(alone, 12);
    expect(testRuns(noisy, [noisy, quiet, quiet])?.method).toContain('pooled over 3 variants');
  });

  it('needs two durations a side, and is certain of what never varies', () => {
    expect(testRuns({ before: [[1]], after: [[1, 2]] }, [])).toBeNull();
    const same = { before: [[1], [1]], after: [[1], [1]] };
    const other = { before: [[1], [1]], after: [[2], [2]] };
    expect([testRuns(same, [same])?.pValue, testRuns(other, [other])?.pValue]).toEqual([1, 0]);
  });
});
