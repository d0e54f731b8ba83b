import type { BufferPool } from './buffer-pool.ts';

/** One is filled, one is being written, one waits: more would only hide a disk that is slower than the network. */
const MOST_BUFFERS = 3;

/** Where the bytes of a connection go. */
export interface RangeStore {
  /** Takes bytes that are about to be stored; their memory is used again once the promise, where there is one, resolves. */
  readonly hash: (bytes: Uint8Array, at: number) => Promise<void> | undefined;
  readonly store: (bytes: Uint8Array, at: number) => Promise<void>;
}

/** Writes the bytes of one connection, in order: buffers of memory that are filled while others are being written. */
export class RangeWriter {
  /** Where the bytes that are safely written end. */
  written: number;
  readonly #pool: BufferPool;
  readonly #target: RangeStore;
  /** The buffers that are being written and hashed, or wait for it, first to last. */
  readonly #busy: Promise<void>[] = [];
  #last: Promise<void> = Promise.resolve();
  #filling: Uint8Array;
  #filled = 0;
  #position: number;

  constructor(start: number, pool: BufferPool, target: RangeStore) {
    this.written = start;
    this.#position = start;
    this.#pool = pool;
    pool.join();
    this.#filling = pool.acquire();
    this.#target = target;
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
    return this.#busy.length < MOST_BUFFERS - 1 ? undefined : this.#busy[0];
  }

  /** Starts to write what is collected, unless earlier writes are still under way. */
  send(): void {
    if (this.#filled > 0 && this.#busy.length === 0) this.#write();
  }

  /** Writes what is collected and waits until all of it is written, and hashed where it is to be. */
  async flush(): Promise<void> {
    if (this.#filled > 0) this.#write();
    await Promise.all(this.#busy);
  }

  /** Gives its memory back. To be called at the end, when the connection reads into it no more. */
  release(): void {
    this.#pool.release(this.#filling);
    this.#filling = new Uint8Array(0);
    this.#pool.leave();
  }

  #write(): void {
    const buffer = this.#filling;
    const [length, at] = [this.#filled, this.#position];
    this.#position += length;
    this.#filling = this.#pool.acquire();
    this.#filled = 0;
    const bytes = buffer.subarray(0, length);
    const hashed = this.#target.hash(bytes, at);
    // After a failure nothing more is written: what is counted as written has no gap.
    this.#last = this.#last.then(async () => {
      await this.#target.store(bytes, at);
      this.written = at + length;
    });
    const free = Promise.all([this.#last, hashed]).then(() => {
      this.#busy.shift();
      this.#pool.release(buffer);
    });
    // Its failure is thrown by the step that waits for it.
    free.catch(() => {});
    this.#busy.push(free);
  }
}
