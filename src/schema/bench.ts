import { z } from 'zod';
import { disturbances, memory, rate } from './figures.ts';
import {
  bytes,
  count,
  type Document,
  engineBackend,
  finite,
  gpuChoice,
  gpuLayers,
  orUnavailable,
} from './parts.ts';
import { failure, machine, triedThreads, warning } from './results.ts';
import { sustained } from './sustained.ts';
import { FLASH_ATTENTION, SCHEMA_IDS } from './terms.ts';

const flashAttention = z.enum(FLASH_ATTENTION);

const test = z.strictObject({
  /** As llama-bench names it: pp512, tg128, tg128@d512, pp512+tg128; with the minutes that it is repeated for. */
  name: z.string(),
  promptTokens: count,
  generationTokens: count,
  depth: count,
  minutes: finite.optional(),
});

/** One point of the grid, but for the test. Threads are null until an engine has said what it would choose. */
const config = z.strictObject({
  gpu: gpuChoice,
  gpuLayers,
  threads: count.nullable(),
  promptThreads: count.nullable(),
  threadsBy: z.enum(['asked', 'engine', 'auto']),
  batchSize: count,
  keyType: z.string(),
  valueType: z.string(),
  flashAttention,
});

export const benchRow = z.strictObject({
  ref: z.string(),
  model: z.strictObject({
    /** Short, for a table: the architecture and the quantization. */
    label: z.string(),
    architecture: z.string().nullable(),
    name: z.string().nullable(),
    quantization: z.string().nullable(),
    parameters: count.nullable(),
    sizeBytes: bytes,
  }),
  config,
  /** Where it ran; unavailable when no engine came up. */
  backend: orUnavailable(engineBackend),
  test,
  status: z.enum(['ok', 'failed']),
  failure: failure.nullable(),
  /** Prompt and generation together where the test has both. */
  speed: orUnavailable(z.strictObject({ ...rate.shape, medianTps: finite })),
  /** With `--minutes`: the curve, which is there also where the run was stopped or broke off. */
  sustained: z
    .strictObject({
      ...sustained.shape,
      /** How long the machine was left to cool down before. */
      cooledS: finite,
      isStopped: z.boolean(),
    })
    .optional(),
  /** Weights and this test's context, the file being in memory already where the system keeps it. */
  loadMs: orUnavailable(finite),
  /** Of generation: bytes that a token must read, times its rate. */
  effectiveBandwidthBytesPerSecond: orUnavailable(finite),
  /** Of the machine's copy bandwidth; above 1 where weights stay in a cache. */
  shareOfCopyBandwidth: orUnavailable(finite),
  /** `peakRssBytes` is the high-water mark of the row's process, which runs the tests of one configuration in order. */
  memory: orUnavailable(memory),
  /** What the GPU's backend has no kernels for, so that the CPU did it: the rate is not the GPU's alone. */
  onCpu: z.array(z.string()),
  /** What else the machine did while it was timed: such a speed is no ground for a verdict. */
  disturbed: disturbances.optional(),
  /** Rate over that of the same test on the CPU in this run. */
  speedUp: orUnavailable(finite),
});

const threadSearch = z.strictObject({
  ref: z.string(),
  backend: engineBackend,
  promptThreads: count,
  generationThreads: count,
  tried: triedThreads,
});

/**
 * What `bench --json` prints, and the file that `--out` rewrites after every row; `-o jsonl` prints the rows alone.
 * Shares are fractions.
 */
export const benchSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.bench),
  createdAt: z.iso.datetime(),
  tool: z.strictObject({ version: z.string() }),
  machine,
  repetitions: count,
  minutes: finite.optional().describe('That each test was repeated for instead.'),
  seed: count,
  shard: z
    .strictObject({ index: z.int().positive(), count: z.int().positive(), models: count })
    .optional()
    .describe('Which part of the models this is, and how many models there are in all.'),
  rows: z.array(benchRow),
  threadSearches: z.array(threadSearch),
  warnings: z.array(warning),
});

export type BenchResults = Document<typeof benchSchema>;
export type BenchRow = BenchResults['rows'][number];
export type BenchConfig = BenchRow['config'];
