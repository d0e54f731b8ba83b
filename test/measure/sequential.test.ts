import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/measure/limits.ts';
import { seededRandom } from '../../src/measure/random.ts';
import { SEQUENTIAL_ERROR_RATE, SequentialDrop, SequentialVerdict } from '../../src/measure/sequential.ts';

/** Chunks of a text whose true mean divergence is given: skewed from chunk to chunk, as real ones are. */
function* chunks(meanKld: number, random: () => number) {
  for (let index = 0; ; index++) {
    // A gamma variable of shape 4: its deviation is half its mean.
    const kld = (-meanKld * Math.log(random() * random() * random() * random())) / 4;
    const same = Uint8Array.from({ length: 64 }, () => (random() < 0.97 ? 1 : 0));
    const divergence = {
      kld: Float64Array.of(kld),
      sameTop: same,
      referenceLogProb: Float64Array.of(-2),
      candidateLogProb: Float64Array.of(-2 - 0.01 * random()),
    };
    yield { index, nextLogProb: divergence.candidateLogProb, divergence };
  }
}

/** The verdict and after how many chunks, of a text of so many. */
function decide(meanKld: number, seed: number, most: number) {
  const verdict = new SequentialVerdict(DEFAULT_LIMITS);
  let count = 0;
  for (const chunk of chunks(meanKld, seededRandom(seed))) {
    verdict.add(chunk);
    count += 1;
    if (verdict.verdict() !== 'open' || count === most) break;
  }
  return { verdict: verdict.verdict(), count };
}

const share = (runs: readonly { readonly verdict: string }[], wrong: string) =>
  runs.filter(({ verdict }) => verdict === wrong).length / runs.length;

describe('a text that ends as soon as the loss is decided', () => {
  const runs = (meanKld: number, most: number) =>
    Array.from({ length: 400 }, (_, seed) => decide(meanKld, seed + 1, most));

  it.each([0.052, 0.06])(
    'calls a mean divergence of %f within the limit at most as often as it says',
    (mean) => {
      expect(share(runs(mean, 200), 'met')).toBeLessThanOrEqual(SEQUENTIAL_ERROR_RATE);
    },
  );

  it.each([0.048, 0.04])('calls %f beyond it at most as often as it says', (mean) => {
    expect(share(runs(mean, 200), 'broken')).toBeLessThanOrEqual(SEQUENTIAL_ERROR_RATE);
  });

  it('decides clear cases within a few chunks, and goes on with close ones', () => {
    const clear = [...runs(0.005, 200), ...runs(0.3, 200)];
    expect(share(clear, 'open')).toBe(0);
    expect(Math.max(...clear.map(({ count }) => count))).toBeLessThan(60);
    expect(share(runs(0.0499, 60), 'open')).toBeGreaterThan(0.9);
  });

  it('decides nothing from a handful', () => {
    expect(decide(1, 1, 7).verdict).toBe('open');
  });
});

describe('tasks that end as soon as the drop of accuracy is decided', () => {
  /** @param lost share of the items that are right in the reference alone, and `gained` in the variant alone */
  function ask(lost: number, gained: number, seed: number, most: number) {
    const random = seededRandom(seed);
    const verdict = new SequentialDrop(0.02);
    for (let count = 1; ; count++) {
      const drawn = random();
      const isLost = drawn < lost;
      const isGained = !isLost && drawn < lost + gained;
      const both = random() < 0.7;
      verdict.add(isLost || (!isGained && both), isGained || (!isLost && both));
      if (verdict.verdict() !== 'open' || count === most) return { verdict: verdict.verdict(), count };
    }
  }
  const runs = (lost: number, gained: number, most: number) =>
    Array.from({ length: 400 }, (_, seed) => ask(lost, gained, seed + 1, most));

  it.each([
    [0.02, 0],
    [0.05, 0.03],
    [0.12, 0.1],
    [0.03, 0.005],
  ])('calls %f lost and %f gained within 2 points at most as often as it says', (lost, gained) => {
    expect(share(runs(lost, gained, 2000), 'met')).toBeLessThanOrEqual(SEQUENTIAL_ERROR_RATE);
  });

  it.each([
    [0.02, 0.0001],
    [0.05, 0.031],
    [0.01, 0.01],
  ])('calls %f lost and %f gained beyond them at most as often', (lost, gained) => {
    expect(share(runs(lost, gained, 2000), 'broken')).toBeLessThanOrEqual(SEQUENTIAL_ERROR_RATE);
  });

  it('decides clear cases, and not from a handful', () => {
    const broken = runs(0.2, 0.02, 1000);
    expect(share(broken, 'broken')).toBe(1);
    expect(broken.reduce((sum, { count }) => sum + count, 0) / broken.length).toBeLessThan(150);
    const met = runs(0, 0, 1000);
    expect(share(met, 'met')).toBe(1);
    expect(Math.min(...met.map(({ count }) => count))).toBeGreaterThan(200);
  });
});
