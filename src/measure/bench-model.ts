import type { EngineSession, LoadedModel } from '../engine/engine.ts';
import type { BenchModel, BenchPoint } from './bench-plan.ts';
import { type Starting, startIn } from './environment.ts';
import type { ThreadSearch } from './threads.ts';

/** What is known of a file from one configuration to the next. */
export interface KnownFile {
  /** By backend. */
  readonly searches: Map<string, ThreadSearch>;
  /** It was read once, so that later loads find it in memory. */
  warm: boolean;
}

export interface Loaded {
  readonly session: EngineSession;
  readonly facts: LoadedModel;
  readonly known: KnownFile;
  /** The system has spread the process's threads. */
  spread: boolean;
}

/** The process of one configuration: started and loaded when it is first needed, and again after a failure. */
export class OpenedModel implements AsyncDisposable {
  readonly #model: BenchModel;
  readonly #point: BenchPoint;
  readonly #starting: Starting;
  readonly #known: KnownFile;
  #loaded: Loaded | undefined;

  constructor(model: BenchModel, point: BenchPoint, starting: Starting, known: KnownFile) {
    this.#model = model;
    this.#point = point;
    this.#starting = starting;
    this.#known = known;
  }

  async load(step: (what: 'start' | 'load', done: number, total: number) => void): Promise<Loaded> {
    if (this.#loaded !== undefined) return this.#loaded;
    const { gpu, gpuLayers } = this.#point;
    const { path } = this.#model;
    step('start', 0, 1);
    const session = await startIn(this.#starting, gpu);
    try {
      step('load', 0, 1);
      if (!this.#known.warm) await session.loadModel({ path, gpuLayers });
      this.#known.warm = true;
      const facts = await session.loadModel({ path, gpuLayers });
      this.#loaded = { session, facts, known: this.#known, spread: false };
      return this.#loaded;
    } catch (thrown) {
      await session[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  async close(): Promise<void> {
    await this.#loaded?.session[Symbol.asyncDispose]();
    this.#loaded = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
