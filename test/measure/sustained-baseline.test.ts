import { describe, expect, it } from 'vitest';
import { sustainedFrom } from '../../src/device/sustained.ts';
import { compareBenches, pooledBench } from '../../src/measure/baseline-rows.ts';
import { isAvailable, unavailableBecause } from '../../src/schema/availability.ts';
import type { BenchResults, BenchRow } from '../../src/schema/bench.ts';
import { benchRow, nanoBench } from '../helpers/measurements.ts';

/** Six minutes: the first four at one speed, the last two, hot, at another; a percent of noise on both. */
function minutes(coolTps: number, hotTps: number): BenchResults {
  const windows = Array.from({ length: 36 }, (_, index) => ({
    startS: 10 * index,
    endS: 10 * (index + 1),
    turns: 5,
    promptTokens: 0,
    promptTps: null,
    generatedTokens: 80,
    generationTps: (index < 24 ? coolTps : hotTps) * (1 + ((index % 3) - 1) / 100),
    state: {},
  }));
  const curve = sustainedFrom({ minutes: 6, before: {}, windows, energy: unavailableBecause('none') });
  const samplesNs = windows.map(({ generationTps }) => Math.round(16e9 / generationTps));
  const row: BenchRow = {
    ...benchRow('Q4_K_M', 0, 16, 10),
    speed: { tokens: 16, meanTps: 10, medianTps: 10, stddevTps: 1, samplesNs },
    sustained: { ...curve, cooledS: 0, isStopped: false },
  };
  return nanoBench('AMD EPYC', 10, { minutes: 6, repetitions: 1, rows: [row] });
}

describe('minutes of use', () => {
  it('are compared with earlier ones by the speed that is left, not by the mean alone', () => {
    const { changes } = compareBenches(minutes(10, 6), minutes(10, 9));
    expect(changes.find(({ figure }) => figure === 'sustained.generation.sustainedTps')).toMatchObject({
      label: 'sustained generation speed',
      before: 9,
      after: 6,
      verdict: 'worse',
    });
    expect(changes.map(({ figure }) => figure)).not.toContain('sustained.prompt.sustainedTps');
    const same = compareBenches(minutes(10, 9.05), minutes(10, 9)).changes;
    expect(same.find(({ figure }) => figure.startsWith('sustained.'))?.verdict).toBe('within noise');
    const once = compareBenches(nanoBench('AMD EPYC', 9), nanoBench('AMD EPYC', 10)).changes;
    expect(once.map(({ figure }) => figure).filter((figure) => figure.startsWith('sustained.'))).toEqual([]);
  });

  it('are one curve where runs are pooled: the middle one', () => {
    for (const order of [
      [6, 8, 7],
      [7, 6, 8],
      [8, 7, 6],
    ]) {
      const [row] = pooledBench(order.map((hot) => minutes(10, hot))).rows;
      const generation = row?.sustained?.generation;
      expect(generation !== undefined && isAvailable(generation) && generation.sustainedTps).toBe(7);
    }
  });
});
