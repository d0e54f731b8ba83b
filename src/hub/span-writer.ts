/** Large enough to cost few calls, small enough to stay in a core’s cache between the network, the hash and the file. */
const BUFFER_BYTES = 256 * 1024;

/** Writes the bytes of one connection, in order; one buffer is filled while the other is being written. */
export class SpanWriter {
  /** Where the bytes that are safely written end. */
  written: number;
  readonly #store: (bytes: Uint8Array, at: number) => Promise<void>;
  #filling: Uint8Array = new Uint8Array(0);
  #spare: Uint8Array | undefined;
  #filled = 0;
  #position: number;
  #writing: Promise<void> | undefined;

  constructor(start: number, store: (bytes: Uint8Array, at: number) => Promise<void>) {
    this.written = start;
    this.#position = start;
    this.#store = store;
  }

  async append(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#filling.length === 0) this.#filling = this.#spare ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
      const part = rest.subarray(0, this.#filling.length - this.#filled);
      this.#filling.set(part, this.#filled);
      this.#filled += part.length;
      rest = rest.subarray(part.length);
      if (this.#filled === this.#filling.length) await this.#startWrite();
    }
  }

  /** Writes what is collected and waits until all of it is written. */
  async flush(): Promise<void> {
    if (this.#filled > 0) await this.#startWrite();
    await this.#settle();
  }

  async #startWrite(): Promise<void> {
    await this.#settle();
    const full = this.#filling;
    const [length, at] = [this.#filled, this.#position];
    this.#position += length;
    this.#filled = 0;
    this.#filling = new Uint8Array(0);
    if (this.#spare === full) this.#spare = undefined;
    const writing = this.#store(full.subarray(0, length), at).then(() => {
      this.written = at + length;
      this.#spare = full;
    });
    // Its failure is thrown by the next step that waits for it.
    writing.catch(() => {});
    this.#writing = writing;
  }

  async #settle(): Promise<void> {
    const writing = this.#writing;
    this.#writing = undefined;
    await writing;
  }
}
