/** Few system calls for each, and small enough to stay in a core's cache between the network, the hash and the file. */
const SLAB_BYTES = 512 * 1024;
/** One is filled, one is being written, two wait: more would only hide a disk that is slower than the network. */
const MOST_SLABS = 4;

/** Writes the bytes of one connection, in order: slabs of memory that are filled while others are being written. */
export class SpanWriter {
  /** Where the bytes that are safely written end. */
  written: number;
  readonly #store: (bytes: Uint8Array, at: number) => Promise<void>;
  readonly #free: Uint8Array[] = [];
  /** The writes under way and waiting, first to last. */
  readonly #writes: Promise<void>[] = [];
  #last: Promise<void> = Promise.resolve();
  #filling: Uint8Array = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #filled = 0;
  #position: number;

  constructor(start: number, store: (bytes: Uint8Array, at: number) => Promise<void>) {
    this.written = start;
    this.#position = start;
    this.#store = store;
  }

  /** Memory for the next bytes: those that are put there before they are appended are not copied. Never empty. */
  room(): Uint8Array {
    return this.#filling.subarray(this.#filled);
  }

  /**
   * Takes the next bytes.
   * @returns a promise to wait for before more is read: the disk is behind; it rejects when a write has failed
   */
  append(bytes: Uint8Array): Promise<void> | undefined {
    let rest = bytes;
    while (rest.length > 0) {
      const room = this.room();
      const part = rest.subarray(0, room.length);
      const isThere = part.buffer === room.buffer && part.byteOffset === room.byteOffset;
      if (!isThere) room.set(part);
      this.#filled += part.length;
      rest = rest.subarray(part.length);
      if (part.length === room.length) this.#write();
    }
    return this.#writes.length < MOST_SLABS - 1 ? undefined : this.#writes[0];
  }

  /** Starts to write what is collected, unless earlier writes are still under way. */
  send(): void {
    if (this.#filled > 0 && this.#writes.length === 0) this.#write();
  }

  /** Writes what is collected and waits until all of it is written. */
  async flush(): Promise<void> {
    if (this.#filled > 0) this.#write();
    await this.#last;
  }

  #write(): void {
    const slab = this.#filling;
    const [length, at] = [this.#filled, this.#position];
    this.#position += length;
    this.#filling = this.#free.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.#filled = 0;
    // After a failure nothing more is written: what is counted as written has no gap.
    const write = this.#last.then(async () => {
      await this.#store(slab.subarray(0, length), at);
      this.written = at + length;
      this.#writes.shift();
      this.#free.push(slab);
    });
    // Its failure is thrown by the step that waits for it.
    write.catch(() => {});
    this.#writes.push(write);
    this.#last = write;
  }
}
