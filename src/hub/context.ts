import { setTimeout as wait } from 'node:timers/promises';
import type { HubSettings } from './settings.ts';

/** What downloads and requests depend on. Clock and chance are given, so that tests can set them. */
export interface HubContext {
  readonly settings: HubSettings;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Resolves after so many milliseconds; rejects with the signal's reason. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** From 0 to 1, 1 excluded. */
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** A server that sends nothing for this long is given up and asked again. */
  readonly idleTimeoutMs: number;
  /** Failures in a row, without a byte of progress between them, until a request is given up. */
  readonly attempts: number;
  /** The first pause between attempts; doubled each time, with jitter. */
  readonly backoffMs: number;
  /** Something a person may want to know while it goes on: a pause, a fallback to the cache. */
  readonly notice: (text: string) => void;
  readonly userAgent: string;
  /** Where files from plain addresses are kept. Without it they can be read and not downloaded. */
  readonly urlFolder?: string;
}

const IDLE_TIMEOUT_MS = 30_000;
const ATTEMPTS = 6;
const BACKOFF_MS = 500;

/** The real world, except for what is given. */
export function hubContext(given: Partial<HubContext> & Pick<HubContext, 'settings'>): HubContext {
  return {
    now: () => performance.now(),
    sleep: async (milliseconds, signal) => {
      try {
        await wait(milliseconds, undefined, { signal });
      } catch (thrown) {
        signal.throwIfAborted();
        throw thrown;
      }
    },
    random: Math.random,
    signal: new AbortController().signal,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    attempts: ATTEMPTS,
    backoffMs: BACKOFF_MS,
    notice: () => {},
    userAgent: 'quantscope',
    ...given,
  };
}
