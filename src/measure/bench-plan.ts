import type { Backend, CacheType, GpuChoice } from '../engine/engine.ts';
import type { BenchResults, BenchRow } from '../schema/bench.ts';
import type { QuantscopeError } from '../util/errors.ts';
import type { MeasureEnvironment } from './environment.ts';
import type { Share } from './share.ts';
import type { DescribedFile } from './size.ts';
import type { SpeedTest } from './speed.ts';

export interface BenchModel {
  readonly ref: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly described: DescribedFile | QuantscopeError;
  /** Bytes of keys and values that one token leaves in the cache. */
  readonly kvBytesPerToken: (keyType: CacheType, valueType: CacheType) => number;
  /** What a backend has no kernels for at this point, in words. */
  readonly leftToCpu: (backend: Backend, point: BenchPoint) => readonly string[];
}

/** One point of the grid, but for model and test. */
export interface BenchPoint {
  readonly gpu: GpuChoice;
  readonly gpuLayers: number | 'max';
  /** `engine` leaves it to llama.cpp, `auto` finds the fastest. */
  readonly threads: number | 'engine' | 'auto';
  readonly batchSize: number;
  readonly keyType: CacheType;
  readonly valueType: CacheType;
  readonly flashAttention: 'auto' | 'on' | 'off';
}

export interface BenchPlan {
  /** Of one shard its own. */
  readonly models: readonly BenchModel[];
  /** Those on the CPU first, so that a GPU's rows can be held against theirs. */
  readonly points: readonly BenchPoint[];
  readonly tests: readonly SpeedTest[];
  readonly repetitions: number;
  /** Each test is repeated for so long instead. */
  readonly minutes?: number | undefined;
  readonly seed: number;
  readonly toolVersion: string;
  /** The part that `models` are of all `models` that there are. */
  readonly shard?: (Share & { readonly models: number }) | undefined;
}

/** What is being done to which row. */
export interface BenchStep {
  readonly model: string;
  readonly what: 'start' | 'load' | 'threads' | 'warm-up' | 'cool-down' | 'test';
  readonly test: string;
  /** Seconds where it is repeated for minutes, with the tokens a second that it generates now. */
  readonly done: number;
  readonly generationTps?: number | null;
  readonly total: number;
}

export interface BenchEnvironment extends MeasureEnvironment {
  readonly onStep: (step: BenchStep) => void;
  /** Called as each row ends, with all results so far. */
  readonly onRow: (row: BenchRow, results: BenchResults) => Promise<void>;
}
