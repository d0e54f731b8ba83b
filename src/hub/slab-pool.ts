/** Each slab costs the hand-over to a thread that writes and two wake-ups, a fifth of a millisecond in all. */
const LEAST_SLAB_BYTES = 128 * 1024;
/**
 * Measured with one connection on the loopback (two x64 cores, `bench/download.ts`), in shares of curl's rate: 0.68 by
 * slabs of 512 KiB, 0.81 by 1 MiB, 0.90 by 2 MiB, 0.97 by 4 MiB, no more by 8 MiB.
 */
const MOST_SLAB_BYTES = 4 * 1024 * 1024;

/**
 * The memory between the connections of a download and its file. It is used again and again: memory outside the heap
 * that is left to the garbage collector is taken for long.
 */
export class SlabPool {
  readonly #connections: () => number;
  #free: Uint8Array[] = [];

  /** @param connections how many share the memory now, as they share the network */
  constructor(connections: () => number) {
    this.#connections = connections;
  }

  take(): Uint8Array {
    const bytes = this.#slabBytes();
    // The others are of a time with fewer connections, or more.
    this.#free = this.#free.filter(({ length }) => length === bytes);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(bytes);
  }

  give(slab: Uint8Array): void {
    this.#free.push(slab);
  }

  #slabBytes(): number {
    return Math.max(LEAST_SLAB_BYTES, Math.floor(MOST_SLAB_BYTES / this.#connections()));
  }
}
