/** Aborts its signal when one awaited step takes too long, or when the caller's own signal is aborted. */
export class IdleWatch {
  readonly #silence = new AbortController();
  readonly #timeoutMs: number;
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
    const timer = setTimeout(() => {
      this.#silence.abort(new Error(`nothing arrived for ${this.#timeoutMs / 1000} s`));
    }, this.#timeoutMs);
    try {
      return await step;
    } finally {
      clearTimeout(timer);
    }
  }
}
