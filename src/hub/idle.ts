/** A server that drips bytes is as good as silent: fewer than this do not begin the time anew. */
const LEAST_BYTES = 16 * 1024;

/** Aborts its signal when too little happens for too long in an awaited step, or when the caller's own is aborted. */
export class IdleWatch {
  readonly #silence = new AbortController();
  readonly #timeoutMs: number;
  #timer: NodeJS.Timeout | undefined;
  #bytes = 0;
  readonly signal: AbortSignal;

  constructor(timeoutMs: number, outer: AbortSignal) {
    this.#timeoutMs = timeoutMs;
    this.signal = AbortSignal.any([outer, this.#silence.signal]);
  }

  /** Whether silence, and not the caller, has ended it. */
  get timedOut(): boolean {
    return this.#silence.signal.aborted;
  }

  async during<T>(step: Promise<T>): Promise<T> {
    this.resume();
    try {
      return await step;
    } finally {
      this.pause();
    }
  }

  /** Bytes have arrived within the step. */
  count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < LEAST_BYTES) return;
    this.#bytes = 0;
    this.#timer?.refresh();
  }

  /** Within the step nothing is expected for a while: this side is busy. */
  pause(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  resume(): void {
    this.pause();
    this.#bytes = 0;
    this.#timer = setTimeout(() => {
      const what = this.#bytes === 0 ? 'nothing' : `only ${this.#bytes} bytes`;
      this.#silence.abort(new Error(`${what} arrived for ${this.#timeoutMs / 1000} s`));
    }, this.#timeoutMs);
  }
}
