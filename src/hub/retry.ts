import type { HubContext } from './context.ts';

/** Longer than this nobody waits: the limit of the Hub is counted over five minutes. */
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
function askedPauseMs(headers: Headers, wallClockMs: number): number | undefined {
  const limit = headers.get('ratelimit');
  const seconds = /;\s*t=(\d+)/.exec(limit ?? '')?.[1];
  if (limit !== null && /;\s*r=0(?:;|$|,|\s)/.test(limit) && seconds !== undefined) {
    return clampPause((Number(seconds) + 1) * 1000);
  }
  const after = headers.get('retry-after')?.trim();
  if (!after) return undefined;
  if (/^\d+(?:\.\d+)?$/.test(after)) return clampPause(Number(after) * 1000);
  const date = Date.parse(after);
  return Number.isNaN(date) ? undefined : clampPause(date - wallClockMs);
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

/** The pause before the next attempt: what the server asked for and a little, or the backoff. */
export function pauseBefore(failures: number, headers: Headers | undefined, context: HubContext): number {
  const own = backoffMs(failures, context);
  const asked = headers === undefined ? undefined : askedPauseMs(headers, Date.now());
  return asked === undefined ? own : asked + Math.min(own, 1000) * context.random();
}

function clampPause(milliseconds: number): number {
  return Math.min(LONGEST_ASKED_PAUSE_MS, Math.max(0, milliseconds));
}
