import { z } from 'zod';
import { disturbances, memory, rate, rateAtDepth } from './figures.ts';
import {
  bytes,
  count,
  type Document,
  finite,
  fraction,
  gpuChoice,
  gpuLayers,
  orUnavailable,
} from './parts.ts';
import { failure, machine, warning } from './results.ts';
import { FLASH_ATTENTION, SCHEMA_IDS } from './terms.ts';

const estimate = z.strictObject({
  weightsBytes: bytes,
  /** Of these, what the CPU keeps rearranged for its kernels: of this machine by the engine, of ARM by the header. */
  repackedBytes: bytes,
  kvBytes: bytes,
  computeBytes: bytes,
  totalBytes: bytes,
  /** What llama.cpp would allocate on this machine, by its own reckoning; or a formula's estimate from the header. */
  basis: z.enum(['engine', 'header']),
});

export const contextRow = z.strictObject({
  contextSize: count,
  /** Of keys and values alike. */
  cacheType: z.string(),
  /** llama.cpp keeps values in another type than f16, bf16 or f32 only with flash attention. */
  flashAttention: z.enum(FLASH_ATTENTION),
  /** From the header, nothing run: what `inspect` and `fit` say. */
  estimated: orUnavailable(estimate),
  /** Whether the estimate is within the budget. */
  fits: z.boolean().nullable(),
  /** By the engine's own account, and the process's peak. */
  measured: orUnavailable(memory),
  loadMs: orUnavailable(finite),
  /** Reading all of the context but the part generated, from empty. */
  prompt: orUnavailable(rate),
  /** Generation that ends with the context full. */
  generationAtDepth: orUnavailable(rateAtDepth),
  /** What else the machine did while it was timed: such speeds are no ground for a verdict. */
  disturbed: disturbances.optional(),
  failure: failure.nullable(),
});

/** What a cache type costs in accuracy against f16, on the same text and context. */
export const cacheAccuracy = z.strictObject({
  contextSize: count,
  chunks: count,
  perplexity: finite,
  /** perplexity / perplexity with f16, minus 1. */
  perplexityIncrease: finite,
  meanKld: finite,
  stderrKld: finite,
  sameTop: finite,
});

/** What a cache type loses in a context that is full, on the same words at every depth, against f16 there. */
export const depthLoss = z.strictObject({
  /** Of the words whose loss it is: the last of the text. */
  positions: count,
  perplexity: finite,
  perplexityIncrease: finite,
  meanKld: finite,
  stderrKld: finite,
  maxKld: finite,
  sameTop: finite,
  /** Facts hidden in the text before: whether the model, asked at its end, continues with the right number. */
  needles: z.strictObject({
    found: count,
    total: count,
    /** McNemar's exact test against f16 at the same depth. */
    pValue: fraction,
    /** By their place in the text, from 0 at its beginning to 1. */
    facts: z.array(z.strictObject({ at: fraction, found: z.boolean() })),
  }),
});

const depthRow = z.strictObject({
  /** Tokens of the context, all of which are read. */
  depth: count,
  cacheType: z.string(),
  measured: orUnavailable(depthLoss),
});

const cacheType = z.strictObject({
  cacheType: z.string(),
  /** While no window is full. */
  kvBytesPerToken: orUnavailable(finite),
  /** Past every window. */
  kvBytesPerTokenBeyondWindows: orUnavailable(finite),
  accuracy: orUnavailable(cacheAccuracy),
  /** The largest context within the budget, by the estimate, at most the model's own. */
  largest: orUnavailable(z.strictObject({ contextSize: count, totalBytes: bytes })),
});

/** What `context --json` prints. Divergences are in nats. */
export const contextSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.context),
  createdAt: z.iso.datetime(),
  tool: z.strictObject({ version: z.string() }),
  machine,
  model: z.strictObject({
    ref: z.string(),
    name: z.string().nullable(),
    architecture: z.string(),
    quantization: z.string(),
    parameters: count,
    sizeBytes: bytes,
    contextLength: count.nullable(),
  }),
  settings: z.strictObject({
    contextSizes: z.array(count),
    cacheTypes: z.array(z.string()),
    generationTokens: count,
    repetitions: count,
    batchSize: count,
    threads: count,
    promptThreads: count,
    gpu: gpuChoice,
    gpuLayers,
    seed: count,
    /** Where loss and hidden facts are measured. */
    depths: z.array(count),
    evaluation: z
      .strictObject({
        text: z.string(),
        textSha256: z.string(),
        contextSize: count,
        chunks: count.nullable(),
      })
      .nullable(),
  }),
  budget: z.strictObject({
    bytes,
    /** Given with --memory, or what this machine had free. */
    basis: z.enum(['asked', 'free']),
  }),
  rows: z.array(contextRow),
  cacheTypes: z.array(cacheType),
  /** From the least deep; f16 first of each depth, where it was asked for. */
  depths: z.array(depthRow),
  /**
   * Accuracy at the size that is advised, where its positions get other rope factors than those of the evaluation's
   * context; null where they get the same.
   */
  stretched: orUnavailable(
    z.strictObject({
      contextSize: count,
      cacheType: z.string(),
      chunks: count,
      perplexity: finite,
      /** Against the same chunks in the evaluation's context, with the same cache. */
      perplexityIncrease: finite,
      /** The largest context whose positions get the evaluation's factors. */
      unstretched: count,
    }),
  ).nullable(),
  recommendation: orUnavailable(
    z.strictObject({ contextSize: count, cacheType: z.string(), sentence: z.string() }),
  ),
  warnings: z.array(warning),
});

export type ContextResults = Document<typeof contextSchema>;
export type ContextRow = ContextResults['rows'][number];
export type DepthRow = ContextResults['depths'][number];
export type CacheTypeResult = ContextResults['cacheTypes'][number];
export type ContextSettings = ContextResults['settings'];
