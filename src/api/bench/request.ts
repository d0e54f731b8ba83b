import type { BenchResults, BenchRow } from '../../schema/bench.ts';
import type { CacheType, FLASH_ATTENTION, GpuChoice } from '../../schema/terms.ts';
import type { Host } from '../host.ts';
import { ENGINE_DEFAULTS } from '../request.ts';

/** What `bench` times: every combination of the lists. What is left out is as {@link BENCH_DEFAULTS} has it. */
export interface BenchRequest extends Host {
  /** Tokens of the prompt tests; 0 is none. Default: 512, and with `minutes` 64. */
  readonly prompt?: readonly number[];
  /** Tokens of the generation tests; 0 is none. */
  readonly generate?: readonly number[];
  /** A prompt and a generation timed as one, in tokens. */
  readonly promptGenerate?: readonly (readonly [promptTokens: number, generationTokens: number])[];
  /** Tokens in the cache before each test. */
  readonly depth?: readonly number[];
  /** Timed repetitions of each test. */
  readonly repetitions?: number;
  /**
   * Instead of tests: turns of a chat, a prompt and a generation each, repeated for so many minutes with every model and
   * setting, for the curve of their speed. Not with `promptGenerate` or `repetitions`.
   */
  readonly minutes?: number;
  /** Of the random tokens. */
  readonly seed?: number;
  /** `auto` finds the fastest for prompts and for generation. Default: llama.cpp's own choice. */
  readonly threads?: readonly (number | 'auto')[];
  /** Tokens evaluated at once; llama-bench's micro-batch is the same here. */
  readonly batchSize?: readonly number[];
  readonly gpu?: readonly GpuChoice[];
  /** Layers to keep on the GPU. */
  readonly gpuLayers?: readonly (number | 'max')[];
  readonly cacheTypeK?: readonly CacheType[];
  readonly cacheTypeV?: readonly CacheType[];
  readonly flashAttn?: readonly (typeof FLASH_ATTENTION)[number][];
  /** Seconds that any one step may take. */
  readonly timeout?: number;
  /** Whether what is timed waits for what other processes time on this machine. Default: true. */
  readonly lock?: boolean;
  /** Which part of the models is timed: `2/8`, or `auto` as the CI job says. Default: all. */
  readonly shard?: string;
  /** Each row as it ends, with all results so far. */
  readonly onRow?: (row: BenchRow, soFar: BenchResults) => Promise<void>;
}

/** A turn's prompt with `minutes`: what a person types into a phone. */
export const TURN_PROMPT = [64];
/** A day: what is longer is a slip. */
export const MOST_MINUTES = 1440;

export const BENCH_DEFAULTS = {
  prompt: [512],
  generate: [128],
  promptGenerate: [],
  depth: [0],
  repetitions: 5,
  seed: 42,
  batchSize: [512],
  gpu: [ENGINE_DEFAULTS.gpu],
  gpuLayers: [ENGINE_DEFAULTS.gpuLayers],
  cacheTypeK: ['f16'],
  cacheTypeV: ['f16'],
  flashAttn: ['auto'],
  timeout: ENGINE_DEFAULTS.timeout,
} as const satisfies BenchRequest;
