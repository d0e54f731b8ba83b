const END = 2 ** 31 - 1;

/**
 * How far the first of two threads is in a file that both read: the second stays behind it, so that its reads are
 * answered from the cache and the disk is read once.
 */
export class ContentPace {
  readonly #pieces: Int32Array;

  /** @param shared from {@link sharedPace} */
  constructor(shared: SharedArrayBuffer) {
    this.#pieces = new Int32Array(shared);
  }

  /** The first thread has read so many pieces. */
  reached(pieces: number): void {
    Atomics.store(this.#pieces, 0, pieces);
    Atomics.notify(this.#pieces, 0);
  }

  /** The first thread reads no further, at the end of the file or because it failed. */
  end(): void {
    this.reached(END);
  }

  /** Blocks the second thread until the first has read so many pieces. */
  waitFor(pieces: number): void {
    let reached = Atomics.load(this.#pieces, 0);
    while (reached < pieces) {
      Atomics.wait(this.#pieces, 0, reached);
      reached = Atomics.load(this.#pieces, 0);
    }
  }
}

/** What the two threads share. */
export function sharedPace(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
}
