import { describe, expect, it } from 'vitest';
import { changePoints, historyOf } from '../../src/measure/history.ts';
import { historySentences } from '../../src/report/history.ts';
import { isAvailable } from '../../src/schema/availability.ts';
import type { Results } from '../../src/schema/results.ts';
import { nanoResults, nanoVariant } from '../helpers/results.ts';

/** Normal numbers of a seed: mulberry32, and Box and Muller. */
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

/** The nano family on a night, at so many tokens a second. */
function night(index: number, tps: number, overrides: Partial<Results> = {}, isDisturbed = false): Results {
  const row = nanoVariant('Q4_K_M');
  if (!isAvailable(row.speed)) throw new Error('the nano family has speeds');
  const generation = { tokens: 128, meanTps: tps, stddevTps: 1, samplesNs: [] };
  const disturbed = isDisturbed ? { disturbed: [{ code: 'machine/others', message: 'busy' }] } : {};
  const createdAt = new Date(Date.UTC(2026, 2, 1 + index)).toISOString();
  const variants = [nanoVariant('F16'), { ...row, speed: { ...row.speed, generation, ...disturbed } }];
  return nanoResults({ createdAt, variants, ...overrides });
}

describe('a series', () => {
  it('that changes for good says where, and one that does not says nothing', () => {
    expect(changePoints([10, 10.1, 9.9, 10, 9, 9.1, 8.9, 9])).toMatchObject([
      { at: 4, before: 10, after: 9 },
    ]);
    expect(changePoints([10, 10.1, 9.9, 10, 10.05, 9.95])).toEqual([]);
    // One result alone is an accident.
    expect(changePoints([10, 10.1, 9.9, 10, 9, 10, 9.9, 10.1])).toEqual([]);
    expect(changePoints([5, 5, 5, 7, 7, 7])).toEqual([{ at: 3, before: 5, after: 7, pValue: 0 }]);
    expect(changePoints([])).toEqual([]);
  });

  it('of nothing but chance changes in at most 1 of 100, simulated', () => {
    const normal = generator(20261130);
    let wrong = 0;
    for (let series = 0; series < 1000; series++) {
      if (changePoints(Array.from({ length: 20 }, () => 100 + normal())).length > 0) wrong++;
    }
    expect(wrong / 1000).toBeLessThanOrEqual(0.01 + 3 * Math.sqrt((0.01 * 0.99) / 1000));
  });

  it('that loses 10 % within noise of 2 % is found at its place, simulated', () => {
    const normal = generator(5);
    let found = 0;
    for (let series = 0; series < 300; series++) {
      const values = Array.from({ length: 20 }, (_, at) => (at < 12 ? 100 : 90) + 2 * normal());
      const changes = changePoints(values);
      if (changes.length === 1 && Math.abs((changes[0]?.at ?? 0) - 12) <= 1) found++;
    }
    expect(found / 300).toBeGreaterThan(0.9);
  });
});

describe('a history', () => {
  it('follows each figure, in the order of time, and says when one changed for good', () => {
    const speeds = [100, 101, 100, 90, 91, 90];
    const lines = historyOf(speeds.map((tps, index) => night(index, tps)).reverse());
    const line = lines.find(
      ({ variant, figure }) => variant === 'Q4_K_M' && figure === 'speed.generation.meanTps',
    );
    expect(line?.points.map(({ value }) => value)).toEqual(speeds);
    expect(line?.changes).toMatchObject([{ createdAt: '2026-03-04T00:00:00.000Z' }]);
    expect(historySentences(lines)).toEqual([
      expect.stringMatching(
        /^Q4_K_M: generation speed changed for good on 2026-03-04, from 100\.3 t\/s to 90\.33 t\/s, -9\.97 %: worse \(p /,
      ),
    ]);
  });

  it('draws what was disturbed, and judges nothing by it', () => {
    const nights = [100, 101, 100, 50, 51, 100, 101].map((tps, index) => night(index, tps, {}, tps < 60));
    const line = historyOf(nights).find(
      ({ figure, variant }) => figure === 'speed.generation.meanTps' && variant === 'Q4_K_M',
    );
    expect(line?.points.filter(({ isDisturbed }) => isDisturbed)).toHaveLength(2);
    expect(line?.changes).toEqual([]);
  });
});
