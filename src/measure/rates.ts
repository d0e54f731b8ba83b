import type { Rate } from '../schema/figures.ts';
import { QuantscopeError } from '../util/errors.ts';
import { mean, sampleStandardDeviation } from './statistics.ts';

const NS_PER_SECOND = 1e9;

/**
 * Speed from the durations of its repetitions, as llama-bench gives it: the mean of the rates, not the rate of the
 * mean duration, and their sample standard deviation (0 for one repetition).
 * @param tokens evaluated in each repetition
 * @param samplesNs one duration a repetition, in nanoseconds; kept in the result, rounded to whole ones
 * @throws QuantscopeError `measure/no-values` without a repetition, `measure/out-of-range` for a duration that is not
 *   above 0
 */
export function rateOf(tokens: number, samplesNs: readonly number[]): Rate {
  const rates = samplesNs.map((ns) => {
    if (!(ns > 0 && Number.isFinite(ns))) {
      throw new QuantscopeError('measure/out-of-range', `a repetition took ${ns} ns, expected more than 0`);
    }
    return (tokens * NS_PER_SECOND) / ns;
  });
  return {
    tokens,
    meanTps: mean(rates),
    stddevTps: sampleStandardDeviation(rates),
    samplesNs: samplesNs.map(Math.round),
  };
}

export interface TokenRead {
  /** All tensors of the file. */
  readonly weightsBytes: number;
  /** Tables of which a token reads one row only: the token embedding, unless it also serves as the output. */
  readonly lookedUpBytes: number;
  /** Keys and values of one token in the cache, over all layers. */
  readonly kvBytesPerToken: number;
  /** Tokens in the cache before the generation begins. */
  readonly depth: number;
  /** Tokens generated, each of which finds those before it in the cache. */
  readonly generated: number;
}

/**
 * Bytes that generating one token must read on average: every weight once, and the cache as it stands. True for dense
 * models; of a mixture of experts it is an upper bound.
 */
export function bytesReadPerToken(read: TokenRead): number {
  const meanCached = read.depth + Math.max(0, read.generated - 1) / 2;
  return read.weightsBytes - read.lookedUpBytes + meanCached * read.kvBytesPerToken;
}

/**
 * Memory traffic that a generation speed implies. Beside the machine's copy bandwidth it says how near the run is to
 * the physical limit; weights that stay in a CPU's cache can exceed it.
 * @param meanTps generation speed, in tokens per second
 * @param bytesPerToken bytes read for one generated token
 * @returns bytes per second
 */
export function effectiveBandwidth(meanTps: number, bytesPerToken: number): number {
  return meanTps * bytesPerToken;
}
