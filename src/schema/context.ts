import { z } from 'zod';
import {
  bytes,
  count,
  failure,
  finite,
  machine,
  memory,
  orUnavailable,
  rate,
  rateAtDepth,
  warning,
} from './results.ts';

/**
 * The contract of `context --json`. The types and the published JSON Schema (`schema/context.json`) come from this
 * definition. Names carry units; divergences are in nats. Fields may be added; a rename needs a new `@version`.
 */
export const CONTEXT_SCHEMA_ID = 'quantscope/context@1';

const estimate = z.strictObject({
  weightsBytes: bytes,
  kvBytes: bytes,
  computeBytes: bytes,
  totalBytes: bytes,
});

const row = z.strictObject({
  contextSize: count,
  /** Of keys and values alike. */
  cacheType: z.string(),
  /** llama.cpp keeps values in another type than f16, bf16 or f32 only with flash attention. */
  flashAttention: z.enum(['auto', 'on', 'off']),
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
  failure: failure.nullable(),
});

/** What a cache type costs in accuracy against f16, on the same text and context. */
const accuracy = z.strictObject({
  contextSize: count,
  chunks: count,
  perplexity: finite,
  /** perplexity / perplexity with f16, minus 1. */
  perplexityIncrease: finite,
  meanKld: finite,
  stderrKld: finite,
  sameTop: finite,
  divergenceMethod: z.enum(['exact', 'bounded']),
});

const cacheType = z.strictObject({
  cacheType: z.string(),
  kvBytesPerToken: orUnavailable(finite),
  accuracy: orUnavailable(accuracy),
  /** The largest context within the budget, by the estimate, at most the model's own. */
  largest: orUnavailable(z.strictObject({ contextSize: count, totalBytes: bytes })),
});

export const contextSchema = z.strictObject({
  schema: z.literal(CONTEXT_SCHEMA_ID),
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
    gpu: z.enum(['auto', 'off', 'metal', 'vulkan', 'cuda']),
    gpuLayers: z.union([count, z.literal('max')]),
    seed: count,
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
  rows: z.array(row),
  cacheTypes: z.array(cacheType),
  recommendation: orUnavailable(
    z.strictObject({ contextSize: count, cacheType: z.string(), sentence: z.string() }),
  ),
  warnings: z.array(warning),
});

export type ContextResults = z.infer<typeof contextSchema>;
export type ContextRow = ContextResults['rows'][number];
export type CacheTypeResult = ContextResults['cacheTypes'][number];
export type ContextSettings = ContextResults['settings'];
