import type { AnswerHeaders } from '../io/content-headers.ts';
import { QuantscopeError } from '../util/errors.ts';
import { formatDuration } from '../util/units.ts';
import type { HubContext } from './context.ts';

/** Longer than this is not waited: the limit of the Hub is counted over five minutes. */
const LONGEST_ASKED_PAUSE_MS = 330_000;
const LONGEST_BACKOFF_MS = 30_000;

/** Statuses after which the same request may succeed. */
export function isTransient(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501);
}

/**
 * How long the server asks to be left alone, in milliseconds. `RateLimit: "api";r=0;t=55` counts to the end of the
 * window (as huggingface_hub reads it); Retry-After is seconds or a date (RFC 9110, 10.2.3).
 * @param wallClockMs the date of now, for a Retry-After that is a date
 */
function askedPauseMs(headers: AnswerHeaders, wallClockMs: number): number | undefined {
  const limit = headers.get('ratelimit');
  const seconds = /;\s*t=(\d+)/.exec(limit ?? '')?.[1];
  if (limit !== null && /;\s*r=0(?:;|$|,|\s)/.test(limit) && seconds !== undefined) {
    return (Number(seconds) + 1) * 1000;
  }
  const after = headers.get('retry-after')?.trim();
  if (!after) return undefined;
  if (/^\d{1,12}(?:\.\d+)?$/.test(after)) return Number(after) * 1000;
  const date = Date.parse(after);
  return Number.isNaN(date) ? undefined : Math.max(0, date - wallClockMs);
}

/**
 * Exponential backoff with jitter between half and the whole of it, so that clients that failed together do not come
 * back together.
 * @param failures in a row, from 1
 */
function backoffMs(failures: number, context: Pick<HubContext, 'backoffMs' | 'random'>): number {
  const whole = Math.min(LONGEST_BACKOFF_MS, context.backoffMs * 2 ** (failures - 1));
  return whole * (0.5 + context.random() / 2);
}

export interface Pause {
  readonly milliseconds: number;
  /** What the server asked for, where that is more than is waited. */
  readonly askedMs?: number;
}

/** The pause before the next attempt: what the server asked for and a little, or the backoff. */
export function pauseBefore(
  failures: number,
  headers: AnswerHeaders | undefined,
  context: HubContext,
): Pause {
  const own = backoffMs(failures, context);
  const askedMs = headers === undefined ? undefined : askedPauseMs(headers, Date.now());
  if (askedMs === undefined) return { milliseconds: own };
  const jitter = Math.min(own, 1000) * context.random();
  if (askedMs <= LONGEST_ASKED_PAUSE_MS) return { milliseconds: askedMs + jitter };
  return { milliseconds: LONGEST_ASKED_PAUSE_MS + jitter, askedMs };
}

export function describePause({ milliseconds, askedMs }: Pause): string {
  const asked =
    askedMs === undefined ? '' : ` (it asked for ${formatDuration(askedMs)}, longer than is waited)`;
  return `trying again in ${formatDuration(milliseconds)}${asked}`;
}

/** What is here and what the server has are not one file: thrown to begin again with an empty one. */
export class Restart extends Error {
  override readonly cause: QuantscopeError;

  constructor(cause: QuantscopeError) {
    super(cause.message);
    this.cause = cause;
  }
}

/** A failure after which the same thing may work. */
export class Transient extends Error {
  override readonly cause: QuantscopeError;
  /** Of a server that answered to be left alone for a while; undefined where it was not that. */
  readonly refusal: AnswerHeaders | undefined;

  constructor(cause: QuantscopeError, refusal?: AnswerHeaders) {
    super(cause.message);
    this.cause = cause;
    this.refusal = refusal;
  }
}

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
