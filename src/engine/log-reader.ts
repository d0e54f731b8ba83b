const MEBI = 1024 * 1024;
const KEPT_PROBLEMS = 8;

/** Takes from llama.cpp's log what its C interface does not tell: cache sizes, vocabulary size, why a load failed. */
export class LogReader {
  #cacheBytes: number | null = null;
  #vocabularySize: number | null = null;
  readonly #problems: string[] = [];

  take(level: string, message: string): void {
    for (const line of message.split('\n')) {
      const cache = /\b(?:KV|RS) buffer size =\s+([\d.]+) MiB/.exec(line)?.[1];
      if (cache !== undefined) this.#cacheBytes = (this.#cacheBytes ?? 0) + Math.round(Number(cache) * MEBI);
      const vocabulary = /\bn_vocab\s+= (\d+)/.exec(line)?.[1];
      if (vocabulary !== undefined) this.#vocabularySize = Number(vocabulary);
      if ((level === 'error' || level === 'fatal') && line.trim() !== '') this.#remember(line.trim());
    }
  }

  /** Called before a context is opened: the sizes that follow are its own. */
  forgetBuffers(): void {
    this.#cacheBytes = null;
  }

  /** Bytes of the caches of the context opened last; null when nothing was said. */
  cacheBytes(): number | null {
    return this.#cacheBytes;
  }

  vocabularySize(): number | null {
    return this.#vocabularySize;
  }

  /** The first error since the last time this was asked: llama.cpp says the cause first, its consequences after. */
  firstProblem(): string | undefined {
    return this.#problems.splice(0)[0];
  }

  #remember(problem: string): void {
    if (this.#problems.length < KEPT_PROBLEMS) this.#problems.push(problem);
  }
}
