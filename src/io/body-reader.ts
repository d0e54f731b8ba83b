import { setMaxListeners } from 'node:events';
import { messageOf, QuantscopeError } from '../util/errors.ts';
import type { BytesReader, HttpAnswer } from './http-get.ts';

/** The body of a response, read forward in pieces of one's own size. */
export interface BodyReader {
  /** Bytes received so far, used or not. */
  readonly received: number;
  /** Fills `target` and yields how many bytes it got: fewer only where the body has ended. */
  fill(target: Uint8Array): Promise<number>;
  /** Ends the request; what has not been read is not fetched. */
  cancel(): Promise<void>;
}

/** A server that drips bytes is as good as silent: fewer than this do not begin the time anew. */
const LEAST_BYTES = 16 * 1024;
/** Of the clock, for one request: the largest header comes through a slow line in this time. */
const MOST_MS = 10 * 60_000;

/**
 * Sends a request that is given up when the signal says so, when less than 16 KiB of what is wanted arrive within
 * `idleTimeoutMs`, or after ten minutes.
 * @throws QuantscopeError `io/timeout`, `io/read-failed`, or the signal's reason
 */
export async function bodyReaderOf(
  name: string,
  signal: AbortSignal | undefined,
  idleTimeoutMs: number,
  send: (signal: AbortSignal) => Promise<HttpAnswer>,
): Promise<{ response: HttpAnswer; body: BodyReader }> {
  const idle = new IdleTimer(idleTimeoutMs, signal);
  const failed = (cause: unknown): unknown => {
    if (signal?.aborted === true) return signal.reason;
    if (idle.signal.aborted) {
      return new QuantscopeError('io/timeout', `${name}: ${idle.reason}`, { hint: 'Try again.' });
    }
    return new QuantscopeError('io/read-failed', `${name}: ${describeFailure(cause)}`, {
      cause,
      hint: 'Check the address and the network.',
    });
  };
  try {
    const response = await idle.during(send(idle.signal));
    return { response, body: new StreamBody(response, idle, failed) };
  } catch (cause) {
    idle.end();
    throw failed(cause);
  }
}

class StreamBody implements BodyReader {
  received = 0;
  readonly #reader: BytesReader | undefined;
  readonly #idle: IdleTimer;
  readonly #failed: (cause: unknown) => unknown;
  /** What arrived beyond the last `fill`. */
  #left: Uint8Array = new Uint8Array(0);

  constructor(response: HttpAnswer, idle: IdleTimer, failed: (cause: unknown) => unknown) {
    this.#reader = response.body?.getReader();
    this.#idle = idle;
    this.#failed = failed;
  }

  fill(target: Uint8Array): Promise<number> {
    return this.#idle.during(this.#fill(target));
  }

  async #fill(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.length) {
      if (this.#left.length === 0) {
        const chunk = await this.#next();
        if (chunk === undefined) break;
        this.#left = chunk;
      }
      const part = this.#left.subarray(0, target.length - filled);
      target.set(part, filled);
      filled += part.length;
      this.#left = this.#left.subarray(part.length);
    }
    return filled;
  }

  async cancel(): Promise<void> {
    this.#idle.end();
    try {
      await this.#reader?.cancel();
    } catch {
      // The connection is being given up; how it ends does not matter any more.
    }
  }

  async #next(): Promise<Uint8Array | undefined> {
    if (this.#reader === undefined) return undefined;
    try {
      const { done, value } = await this.#reader.read();
      if (done || value === undefined) return undefined;
      this.received += value.length;
      this.#idle.count(value.length);
      return value;
    } catch (cause) {
      throw this.#failed(cause);
    }
  }
}

/**
 * Aborts its signal when too little comes of an awaited step for too long, when all take too long together, or when the
 * outer one is aborted. `AbortSignal.any` would do the last, and leaves a trace of each of its signals on an outer one
 * that outlives thousands of requests.
 */
class IdleTimer {
  readonly #controller = new AbortController();
  readonly #timeoutMs: number;
  readonly #outer: AbortSignal | undefined;
  #leftMs = MOST_MS;
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  reason = '';

  constructor(timeoutMs: number, outer: AbortSignal | undefined) {
    this.#timeoutMs = timeoutMs;
    this.#outer = outer;
    if (outer?.aborted === true) this.#onAbort();
    else if (outer !== undefined) {
      // Many requests at once listen to it, which is no leak: each takes its listener away again.
      setMaxListeners(0, outer);
      outer.addEventListener('abort', this.#onAbort, { once: true });
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The outer signal knows it no more. */
  end(): void {
    this.#outer?.removeEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (): void => this.#controller.abort(this.#outer?.reason);

  async during<T>(step: Promise<T>): Promise<T> {
    const began = performance.now();
    this.#bytes = 0;
    this.#timer = setTimeout(() => {
      const what = this.#bytes === 0 ? 'nothing' : `only ${this.#bytes} bytes`;
      this.#end(`${what} arrived for ${this.#timeoutMs / 1000} s`);
    }, this.#timeoutMs);
    const most = setTimeout(() => this.#end(`it takes more than ${MOST_MS / 60_000} minutes`), this.#leftMs);
    try {
      return await step;
    } finally {
      clearTimeout(this.#timer);
      clearTimeout(most);
      this.#leftMs -= performance.now() - began;
    }
  }

  /** Bytes have arrived within the step. */
  count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < LEAST_BYTES) return;
    this.#bytes = 0;
    this.#timer?.refresh();
  }

  #end(reason: string): void {
    this.reason = reason;
    this.#controller.abort();
  }
}

/** fetch says "fetch failed" and hides the reason in the cause. */
function describeFailure(thrown: unknown): string {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  return cause instanceof Error && cause.message !== '' ? messageOf(cause) : messageOf(thrown);
}
