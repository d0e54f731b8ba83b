import { QuantscopeError } from '../util/errors.ts';
import type { HubContext } from './context.ts';
import { describePause, pauseBefore } from './retry.ts';
import { Transient } from './transfer-errors.ts';

/** Less than this between two failures is no progress: a server that drops every connection must end. */
const PROGRESS_BYTES = 64 * 1024;

/** Decides for all connections of a download whether a failure is the last one, and how long to wait after it. */
export class RetryPolicy {
  readonly #context: HubContext;
  /** In a row, without progress between them. */
  #failures = 0;
  #receivedAtFailure = 0;

  constructor(context: HubContext) {
    this.#context = context;
  }

  /**
   * Waits before the next attempt.
   * @param receivedBytes by the download so far
   * @throws what was thrown, where trying again is of no use; the signal's reason
   */
  async afterFailure(thrown: unknown, receivedBytes: number, signal: AbortSignal): Promise<void> {
    const isConnection = thrown instanceof QuantscopeError && thrown.code === 'hub/unreachable';
    if (!(thrown instanceof Transient) && !isConnection) throw thrown;
    const [error, refusal] =
      thrown instanceof Transient ? [thrown.cause, thrown.refusal] : [thrown, undefined];
    if (receivedBytes - this.#receivedAtFailure >= PROGRESS_BYTES) this.#failures = 0;
    this.#receivedAtFailure = receivedBytes;
    this.#failures++;
    if (this.#failures >= attemptsFor(error, this.#context)) throw error;
    const pause = pauseBefore(this.#failures, refusal, this.#context);
    if (pause.milliseconds >= 1000) this.#context.notice(`${error.message}; ${describePause(pause)}`);
    await this.#context.sleep(pause.milliseconds, signal);
  }
}

/** A page in place of the file, or a refusal, seldom goes away by waiting. */
function attemptsFor({ code }: QuantscopeError, { attempts }: HubContext): number {
  return /^hub\/(?:not-the-file|bad-range|forbidden)$/.test(code) ? Math.min(3, attempts) : attempts;
}
