import { formatDuration } from '../util/units.ts';
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
export function pauseBefore(failures: number, headers: Headers | undefined, context: HubContext): Pause {
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
