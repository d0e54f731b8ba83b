/** Each buffer costs the hand-over to a thread that writes and two wake-ups, a fifth of a millisecond in all. */
const LEAST_BUFFER_BYTES = 128 * 1024;
/**
 * Measured with one connection on the loopback (two x64 cores, a bare program that receives, writes and hashes), in
 * seconds for each GiB by the same memory in all: 1.37 by buffers of 1 MiB, 1.16 by 2 and by 4 MiB.
 */
const MOST_BUFFER_BYTES = 4 * 1024 * 1024;

/**
 * The memory between connections and files, shared by all downloads that go on at once as they share the network: the
 * more connections, the smaller the buffers. It is used again and again, for memory outside the heap that is left to the
 * garbage collector is taken for long.
 */
export class BufferPool {
  readonly #free: Uint8Array[] = [];
  #connections = 0;
  #bufferBytes = MOST_BUFFER_BYTES;

  /** One connection more shares the memory, until it leaves. */
  join(): void {
    this.#connections++;
    // Halves and never grows again: what is free is then cut to size, and none of it is thrown away.
    while (
      this.#bufferBytes > LEAST_BUFFER_BYTES &&
      this.#bufferBytes * this.#connections > MOST_BUFFER_BYTES
    ) {
      this.#bufferBytes /= 2;
    }
  }

  leave(): void {
    this.#connections--;
  }

  /** Shared with the threads that hash. */
  acquire(): Uint8Array {
    const buffer = this.#free.pop() ?? new Uint8Array(new SharedArrayBuffer(this.#bufferBytes));
    if (buffer.length === this.#bufferBytes) return buffer;
    this.#free.push(buffer.subarray(this.#bufferBytes));
    return buffer.subarray(0, this.#bufferBytes);
  }

  release(buffer: Uint8Array): void {
    this.#free.push(buffer);
  }
}
