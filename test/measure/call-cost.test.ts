import { describe, expect, it } from 'vitest';
import { callCostWarnings } from '../../src/measure/call-cost.ts';
import type { BenchRow } from '../../src/schema/bench.ts';

/** As far as the warning looks at a row. */
function rowOf(meanTps: number, promptTokens: number, generationTokens: number): BenchRow {
  return {
    model: { label: 'phi3 Q4_K_M' },
    test: { name: `tg${generationTokens}`, promptTokens, generationTokens, depth: 0 },
    speed: { meanTps, stddevTps: 0, medianTps: meanTps, samples: [] },
  } as unknown as BenchRow;
}

describe('callCostWarnings', () => {
  it('names tokens of less than 5 ms, where a call weighs', () => {
    const [warning, ...more] = callCostWarnings([rowOf(1000, 0, 128), rowOf(201, 0, 64)]);
    expect(more).toEqual([]);
    expect(warning?.code).toBe('speed/call-cost');
    expect(warning?.message).toContain('phi3 Q4_K_M tg128 (1.00 ms a token) and 1 more');
  });

  it('says nothing of longer tokens, of prompts, and of rows without a rate', () => {
    const failed = { ...rowOf(0, 0, 128), speed: { status: 'unavailable', reason: 'it failed' } };
    expect(callCostWarnings([rowOf(199, 0, 128), rowOf(20_000, 512, 0), failed as BenchRow])).toEqual([]);
  });
});
