/** Each slab costs the hand-over to a thread that writes and two wake-ups, a fifth of a millisecond in all. */
const LEAST_SLAB_BYTES = 128 * 1024;
/**
 * Measured with one connection on the loopback (two x64 cores, `bench/download.ts`), in shares of curl's rate: 0.68 by
 * slabs of 512 KiB, 0.81 by 1 MiB, 0.90 by 2 MiB, 0.97 by 4 MiB, no more by 8 MiB.
 */
const MOST_SLAB_BYTES = 4 * 1024 * 1024;

/**
 * The memory between connections and files, shared by all downloads that go on at once as they share the network: the
 * more connections, the smaller the slabs. It is used again and again, for memory outside the heap that is left to the
 * garbage collector is taken for long.
 */
export class SlabPool {
  readonly #free: Uint8Array[] = [];
  #connections = 0;
  #slabBytes = MOST_SLAB_BYTES;

  /** One connection more shares the memory, until it leaves. */
  join(): void {
    this.#connections++;
    // Halves and never grows again: what is free is then cut to size, and none of it is thrown away.
    while (this.#slabBytes > LEAST_SLAB_BYTES && this.#slabBytes * this.#connections > MOST_SLAB_BYTES) {
      this.#slabBytes /= 2;
    }
  }

  leave(): void {
    this.#connections--;
  }

  take(): Uint8Array {
    const slab = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#slabBytes);
    if (slab.length === this.#slabBytes) return slab;
    this.#free.push(slab.subarray(this.#slabBytes));
    return slab.subarray(0, this.#slabBytes);
  }

  give(slab: Uint8Array): void {
    this.#free.push(slab);
  }
}
