import { setTimeout } from 'node:timers/promises';
import type { LoadedModel } from './engine.ts';

const MEBI = 1024 * 1024;
const KEPT_PROBLEMS = 8;

/** The binding hands log lines over from another thread, some turns of the loop after the call that wrote them. */
const PATIENCE_MS = 2000;
const POLL_MS = 5;
/** For a line that may never come. */
const PROBLEM_PATIENCE_MS = 50;

/** Takes from llama.cpp's log what its C interface does not tell: cache sizes, vocabulary size, layers on the GPU, why a call failed. */
export class LogReader {
  #cacheBytes: number | null = null;
  #computeSeen = false;
  #vocabularySize: number | null = null;
  #layers: LoadedModel['layers'] = null;
  readonly #problems: string[] = [];

  take(level: string, message: string): void {
    for (const line of message.split('\n')) {
      const cache = /\b(?:KV|RS) buffer size =\s+([\d.]+) MiB/.exec(line)?.[1];
      if (cache !== undefined) this.#cacheBytes = (this.#cacheBytes ?? 0) + Math.round(Number(cache) * MEBI);
      if (/\bcompute buffer size =/.test(line)) this.#computeSeen = true;
      const vocabulary = /\bn_vocab\s+= (\d+)/.exec(line)?.[1];
      if (vocabulary !== undefined) this.#vocabularySize = Number(vocabulary);
      const [, onGpu, total] = /\boffloaded (\d+)\/(\d+) layers to GPU/.exec(line) ?? [];
      if (onGpu !== undefined) this.#layers = { onGpu: Number(onGpu), total: Number(total) };
      if ((level === 'error' || level === 'fatal') && line.trim() !== '') this.#remember(line.trim());
    }
  }

  /** To be called before a model is loaded: what follows is about that model. */
  expectModel(): void {
    this.#vocabularySize = null;
    this.#layers = null;
    this.#problems.length = 0;
  }

  /** To be called before a context is opened: what follows is about that context. */
  expectContext(): void {
    this.#cacheBytes = null;
    this.#computeSeen = false;
    this.#problems.length = 0;
  }

  /** Tokens of the vocabulary loaded last; null when llama.cpp did not say. */
  async vocabularySize(): Promise<number | null> {
    await this.#until(() => this.#vocabularySize !== null);
    return this.#vocabularySize;
  }

  /** Layers of the model loaded last that lie on the GPU; null when llama.cpp did not say. */
  async layers(): Promise<LoadedModel['layers']> {
    await this.#until(() => this.#layers !== null);
    return this.#layers;
  }

  /** Bytes of the caches of the context opened last; null when llama.cpp did not say. */
  async cacheBytes(): Promise<number | null> {
    // Caches of all devices are logged before the first compute buffer.
    await this.#until(() => this.#computeSeen);
    return this.#cacheBytes;
  }

  /** The first error since the last call began: llama.cpp says the cause first, its consequences after. */
  async firstProblem(): Promise<string | undefined> {
    await setTimeout(PROBLEM_PATIENCE_MS);
    return this.#problems.splice(0)[0];
  }

  async #until(said: () => boolean): Promise<void> {
    for (let waitedMs = 0; !said() && waitedMs < PATIENCE_MS; waitedMs += POLL_MS) await setTimeout(POLL_MS);
  }

  #remember(problem: string): void {
    if (this.#problems.length < KEPT_PROBLEMS) this.#problems.push(problem);
  }
}
