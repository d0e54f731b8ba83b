import { roughly } from './time-left.ts';

/** The first line comes early enough to be believed, the others seldom enough to be read. */
const FIRST_MS = 10_000;
const EVERY_MS = 60_000;

/** Lines in a log that say now and then that work goes on: one that says nothing for long looks like a hang. */
export interface Heartbeat {
  /** Something was said; the next line is due later. */
  readonly told: () => void;
  readonly stop: () => void;
}

/** @param say writes the line that holds now; false where there is nothing to say */
export function heartbeat(now: () => number, say: () => boolean): Heartbeat {
  let dueAt = now() + FIRST_MS;
  const told = (): void => {
    dueAt = now() + EVERY_MS;
  };
  const timer = setInterval(() => {
    if (now() >= dueAt && say()) told();
  }, FIRST_MS / 4);
  timer.unref();
  return { told, stop: () => clearInterval(timer) };
}

/** The time that is left at the pace so far; empty before anything is done. */
export function leftAt(share: number, elapsedMs: number): string {
  return share > 0 && share < 1 ? `, about ${roughly(elapsedMs * (1 / share - 1))} left` : '';
}
