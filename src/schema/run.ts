import { z } from 'zod';
import { count, type Document, fraction } from './parts.ts';
import { SCHEMA_IDS } from './terms.ts';

const ms = z.number().nonnegative();

const tracedToken = z.strictObject({ id: count, text: z.string() });

/** llama.rn's and llama-server's names, so that a phone's figures stand beside these. */
const timings = z.strictObject({
  /** Tokens of the prompt that a turn before had left in the cache. */
  cache_n: count,
  prompt_n: count,
  prompt_ms: ms,
  prompt_per_token_ms: ms,
  prompt_per_second: ms,
  /** Tokens of the reply. The first comes out of the prompt's evaluation, and is counted all the same, as there. */
  predicted_n: count,
  predicted_ms: ms,
  predicted_per_token_ms: ms,
  predicted_per_second: ms,
});

const trace = z.strictObject({
  load: z.strictObject({ modelMs: ms, contextMs: ms }),
  tokenizeMs: ms,
  prompt: z.array(tracedToken),
  steps: z.array(
    z.strictObject({
      ...tracedToken.shape,
      /** The evaluation before it: the prompt's for the first token. */
      evaluateMs: ms,
      sampleMs: ms,
      detokenizeMs: ms,
      /** Of the model's own distribution, most likely first. */
      candidates: z.array(z.strictObject({ ...tracedToken.shape, probability: fraction })),
    }),
  ),
});

/** What `run --json` prints: one reply, its timings, and with `--trace` how it came about. Durations are in ms. */
export const runSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.run),
  ref: z.string(),
  engine: z.strictObject({
    version: z.string(),
    llamaCpp: z.string(),
    build: z.string(),
    backend: z.string(),
    devices: z.array(z.string()),
    /** Why `--gpu auto` took the CPU. */
    gpuFallback: z.string().optional(),
  }),
  settings: z.strictObject({
    contextSize: count,
    threads: count,
    /** For the prompt; `--threads auto` may find another count for it than for the reply. */
    promptThreads: count,
    /** Layers on the GPU, the output layer counted as one; null on the CPU. */
    gpuLayers: z.strictObject({ onGpu: count, total: count }).nullable(),
    maxTokens: count,
    temperature: z.number(),
    topK: count,
    topP: z.number(),
    minP: z.number(),
    repeatPenalty: z.number(),
    repeatLastTokens: count,
    seed: count,
  }),
  /** Whether the model's own chat template was used; without it the prompt goes to the model as it is. */
  chatTemplate: z.boolean(),
  reply: z.strictObject({
    text: z.string(),
    tokens: z.array(count),
    stop: z.enum(['end', 'stop-text', 'length', 'context-full', 'aborted']),
  }),
  timings,
  trace: trace.optional(),
});

export type RunResult = Document<typeof runSchema>;
export type Timings = RunResult['timings'];
export type Trace = NonNullable<RunResult['trace']>;
