import { describe, expect, it } from 'vitest';
import { bytesReadPerToken, effectiveBandwidth, rateOf } from '../../src/measure/rates.ts';
import { QuantscopeError } from '../../src/util/errors.ts';

describe('a rate', () => {
  it('is the mean of the repetitions’ rates with their sample deviation, as in llama-bench', () => {
    // 128 tokens in 1 s and in 2 s: 128 and 64 tokens/s, so 96 ± sqrt(2 × 32²) and not 128 × 2 / 3 s.
    const rate = rateOf(128, [1e9, 2e9]);
    expect(rate.meanTps).toBe(96);
    expect(rate.stddevTps).toBeCloseTo(Math.sqrt(2 * 32 ** 2), 10);
    expect(rate.samplesNs).toEqual([1e9, 2e9]);
    expect(rate.tokens).toBe(128);
  });

  it('of one repetition has no deviation', () => {
    expect(rateOf(512, [41_666_667])).toMatchObject({ stddevTps: 0 });
  });

  it('keeps its samples as whole nanoseconds', () => {
    expect(rateOf(1, [1234.56]).samplesNs).toEqual([1235]);
  });

  it('refuses no repetition, and one that took no time', () => {
    expect(() => rateOf(512, [])).toThrow(QuantscopeError);
    expect(() => rateOf(512, [0])).toThrow('a repetition took 0 ns, expected more than 0');
  });
});

describe('what generation reads', () => {
  it('is every weight but the looked-up table, and the cache as it grows', () => {
    const read = { weightsBytes: 1000, lookedUpBytes: 100, kvBytesPerToken: 2, depth: 10, generated: 5 };
    // The five tokens find 10, 11, 12, 13 and 14 others in the cache.
    expect(bytesReadPerToken(read)).toBe(900 + 12 * 2);
    expect(bytesReadPerToken({ ...read, depth: 0, generated: 0 })).toBe(900);
  });

  it('times the speed is the effective bandwidth', () => {
    // Phi-3-mini Q4_K_M at 10 tokens/s.
    expect(effectiveBandwidth(10, 2_393_231_360)).toBe(23_932_313_600);
  });
});
