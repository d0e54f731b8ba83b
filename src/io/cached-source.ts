import type { ByteSource } from './byte-source.ts';

export interface CacheOptions {
  /** The unit of fetching and of forgetting. Default: 1 MiB. */
  readonly blockBytes?: number;
  /** What is kept at most; the blocks used longest ago go first. Default: 64 MiB. */
  readonly maximumBytes?: number;
}

/**
 * Remembers what was read, by blocks: for sources where a read is dear and readers come back. Neighbouring
 * missing blocks are fetched with one read. Disposing of it disposes of the source.
 */
export function cachedSource(source: ByteSource, options: CacheOptions = {}): ByteSource {
  return new CachedSource(source, options);
}

class CachedSource implements ByteSource {
  readonly name: string;
  readonly byteLength: number;
  readonly #source: ByteSource;
  readonly #blockBytes: number;
  readonly #maximumBlocks: number;
  /** In the order of last use: Map keeps insertion order. */
  readonly #blocks = new Map<number, Uint8Array>();

  constructor(source: ByteSource, { blockBytes = 2 ** 20, maximumBytes = 64 * 2 ** 20 }: CacheOptions) {
    this.name = source.name;
    this.byteLength = source.byteLength;
    this.#source = source;
    this.#blockBytes = blockBytes;
    this.#maximumBlocks = Math.max(1, Math.floor(maximumBytes / blockBytes));
  }

  async read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array> {
    // Past the end, and larger than the cache: the source's own answer is the right one.
    const larger = end - start > this.#blockBytes * this.#maximumBlocks;
    if (end > this.byteLength || larger || end <= start) return this.#source.read(start, end, signal);
    const target = new Uint8Array(end - start);
    const last = Math.floor((end - 1) / this.#blockBytes);
    let index = Math.floor(start / this.#blockBytes);
    while (index <= last) {
      const held = this.#blocks.get(index);
      if (held !== undefined) {
        this.#keep(index, held);
        this.#copy(index, held, start, target);
        index++;
        continue;
      }
      let missingEnd = index + 1;
      while (missingEnd <= last && !this.#blocks.has(missingEnd)) missingEnd++;
      const runStart = index * this.#blockBytes;
      const runEnd = Math.min(this.byteLength, missingEnd * this.#blockBytes);
      const run = await this.#source.read(runStart, runEnd, signal);
      for (; index < missingEnd; index++) {
        const from = index * this.#blockBytes - runStart;
        // A copy, so that forgetting a block frees it and not only a view of the run.
        const block = run.slice(from, from + this.#blockBytes);
        this.#keep(index, block);
        this.#copy(index, block, start, target);
      }
    }
    return target;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#blocks.clear();
    await this.#source[Symbol.asyncDispose]();
  }

  #copy(index: number, block: Uint8Array, start: number, target: Uint8Array): void {
    const blockStart = index * this.#blockBytes;
    const from = Math.max(0, start - blockStart);
    const to = Math.min(block.length, start + target.length - blockStart);
    target.set(block.subarray(from, to), blockStart + from - start);
  }

  #keep(index: number, block: Uint8Array): void {
    this.#blocks.delete(index);
    this.#blocks.set(index, block);
    if (this.#blocks.size <= this.#maximumBlocks) return;
    const [oldest] = this.#blocks.keys();
    if (oldest !== undefined) this.#blocks.delete(oldest);
  }
}
