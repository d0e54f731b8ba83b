import { z } from 'zod';
import { bytes, count, type Document, finite, fraction, orUnavailable } from './parts.ts';

/** The figures of a variant: speed, memory, what it loses, and answers. Other documents have some of them too. */

export const rate = z.strictObject({
  tokens: count,
  /** Mean and sample standard deviation (n-1) of the rates of the repetitions, in tokens per second. */
  meanTps: finite,
  stddevTps: finite,
  /** One duration a repetition, in nanoseconds. */
  samplesNs: z.array(count),
  /** Where several runs were put together: how many of the durations each took, in their order. */
  runs: z.array(count).optional(),
});
export const rateAtDepth = z.strictObject({ depth: count, ...rate.shape });

export const disturbances = z.array(z.strictObject({ code: z.string(), message: z.string() }));

export const speed = z.strictObject({
  prompt: orUnavailable(rate),
  generation: orUnavailable(rate),
  generationAtDepth: orUnavailable(rateAtDepth),
  /** Median over the repetitions, from a tokenized chat prompt to its first sampled token. */
  firstTokenMs: orUnavailable(finite),
  firstTokenPromptTokens: count.optional(),
  effectiveBandwidthBytesPerSecond: orUnavailable(finite),
  /** What else the machine did while this was timed: such speeds are no ground for a verdict. */
  disturbed: disturbances.optional(),
});

export const memory = z.strictObject({
  /** The high-water mark of the variant's own process while it was loaded and timed. */
  peakRssBytes: orUnavailable(bytes),
  /** The share of it that no file stands behind; only Linux tells. */
  anonymousBytes: orUnavailable(bytes),
  weightsBytes: orUnavailable(bytes),
  /** Of the weights, the copy that the CPU keeps rearranged for its kernels. */
  repackedBytes: orUnavailable(bytes).optional(),
  kvBytes: orUnavailable(bytes),
  computeBytes: orUnavailable(bytes),
  /** Of weights, cache and buffers together, what lies in GPU memory. */
  gpuBytes: orUnavailable(bytes),
  /** The context size the cache and the buffers were allocated for. */
  contextSize: count,
});

export const perplexity = z.strictObject({
  value: finite,
  stderr: finite,
  chunks: count,
  tokens: count,
  contextSize: count,
});

export const divergence = z.strictObject({
  meanKld: finite,
  stderrKld: finite,
  medianKld: finite,
  p90Kld: finite,
  p95Kld: finite,
  p99Kld: finite,
  p999Kld: finite,
  maxKld: finite,
  meanDeltaP: finite,
  stderrDeltaP: finite,
  rmsDeltaP: finite,
  stderrRmsDeltaP: finite,
  p01DeltaP: finite,
  p05DeltaP: finite,
  p10DeltaP: finite,
  p25DeltaP: finite,
  medianDeltaP: finite,
  p75DeltaP: finite,
  p90DeltaP: finite,
  p95DeltaP: finite,
  p99DeltaP: finite,
  p001DeltaP: finite,
  p999DeltaP: finite,
  minDeltaP: finite,
  maxDeltaP: finite,
  sameTop: fraction,
  sameTopStderr: finite,
  lnPplRatio: finite,
  lnPplRatioStderr: finite,
  /** Pearson correlation of the two models' ln(perplexity) terms. Undefined, hence absent, when one is constant. */
  lnPplCorrelation: finite.optional(),
});

export const domainLoss = z.strictObject({
  name: z.string().min(1),
  perplexity: orUnavailable(perplexity),
  divergence: orUnavailable(divergence),
});

const taskCount = z.strictObject({ correct: count, total: count, low: fraction, high: fraction });
export const tasks = z.strictObject({
  correct: count,
  total: count,
  /** Wilson 95 % interval of correct / total. */
  low: fraction,
  high: fraction,
  byTask: z.record(z.string(), taskCount),
  /** One bit an item in the order of the task file: what flips are computed from. */
  outcomes: z.array(z.boolean()),
  /** What the model said to each, or the choice it took; the questions are beside the variants. */
  replies: z.array(z.string()).optional(),
  /** By measure and task, where an item is measured in several ways: `acc` and `acc_norm` of multiple choice. */
  measures: z.record(z.string(), z.record(z.string(), taskCount)).optional(),
  flips: orUnavailable(
    z.strictObject({
      count,
      share: fraction,
      /** Right in the reference, wrong here, and the reverse. */
      lost: count,
      gained: count,
      /** McNemar's exact two-sided test. */
      pValue: fraction,
    }),
  ),
});

export type Rate = Document<typeof rate>;
export type Speed = Document<typeof speed>;
export type Disturbance = NonNullable<Speed['disturbed']>[number];
export type Memory = Document<typeof memory>;
export type Perplexity = Document<typeof perplexity>;
export type Divergence = Document<typeof divergence>;
/** What a variant loses in one of several texts. */
export type DomainLoss = Document<typeof domainLoss>;
export type Tasks = Document<typeof tasks>;
