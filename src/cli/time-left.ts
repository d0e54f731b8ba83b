/**
 * Estimates how long a comparison still takes, from nothing but what it has taken so far. Stages cost very
 * different times (accuracy often most of all), so each is judged by its own past: the mean of its finished
 * runs, or its present run carried forward. As long as a stage that is still to come has never run, there
 * is no honest figure for the whole, and none is given.
 */
export interface TimeLeft {
  /** A variant has done so many of the steps of a stage. Moving to another stage ends the one before. */
  readonly advance: (
    variant: string,
    stage: string,
    done: number,
    total: number,
  ) => FinishedStage | undefined;
  /** The variant is done. If it is not complete, its last stage broke off and says nothing about a whole one. */
  readonly finish: (variant: string, complete: boolean) => FinishedStage | undefined;
  /** Milliseconds until all is done, or undefined as long as the past says nothing about it. */
  readonly whole: () => number | undefined;
  /** Milliseconds until the running stage is done, or undefined as long as it has not got anywhere. */
  readonly stage: () => number | undefined;
}

export interface FinishedStage {
  readonly variant: string;
  readonly stage: string;
  readonly elapsedMs: number;
}

interface RunningStage {
  readonly variant: string;
  readonly stage: string;
  readonly startedAt: number;
  reportedAt: number;
  /** Of the whole stage, from 0 to 1: what is done, and how much one more step is. */
  share: number;
  step: number;
}

/** Less of a stage, in less time, is its start alone, which says nothing of the rest. */
const LEAST_SHARE = 0.01;
const LEAST_MS = 10_000;

/**
 * @param variants what is to be measured, in order
 * @param stages what each goes through, in order; if empty, the first complete variant shows it
 * @param now a clock in milliseconds
 */
export function createTimeLeft(
  variants: readonly string[],
  stages: readonly string[],
  now: () => number,
): TimeLeft {
  const unfinished = new Set(variants);
  const order = [...stages];
  let isOrderKnown = stages.length > 0;
  const past = new Map<string, number[]>();
  // A stage begins when the one before it ended, so that the work between two reports belongs to one of them.
  let lastEnd = now();
  let running: RunningStage | undefined;

  const endRunning = (): FinishedStage | undefined => {
    if (running === undefined) return undefined;
    const { variant, stage, startedAt } = running;
    running = undefined;
    lastEnd = now();
    const elapsedMs = lastEnd - startedAt;
    past.set(stage, [...(past.get(stage) ?? []), elapsedMs]);
    return { variant, stage, elapsedMs };
  };

  const typical = (stage: string): number | undefined => {
    const times = past.get(stage);
    if (times === undefined) return undefined;
    return times.reduce((total, time) => total + time, 0) / times.length;
  };

  const leftOfRunning = (): number | undefined => {
    if (running === undefined) return undefined;
    const elapsed = now() - running.startedAt;
    const isTelling = running.share >= LEAST_SHARE || (running.share > 0 && elapsed >= LEAST_MS);
    if (isTelling) return elapsed * (1 / presentShare(running, now()) - 1);
    const usual = typical(running.stage);
    return usual === undefined ? undefined : Math.max(0, usual - elapsed);
  };

  return {
    advance(variant, stage, done, total) {
      const isSame = running?.variant === variant && running.stage === stage;
      const ended = isSame ? undefined : endRunning();
      if (!order.includes(stage)) order.push(stage);
      running ??= { variant, stage, startedAt: lastEnd, reportedAt: lastEnd, share: 0, step: 1 };
      running.reportedAt = now();
      running.share = total > 0 ? Math.min(1, Math.max(0, done / total)) : 0;
      running.step = total > 0 ? 1 / total : 1;
      return ended;
    },

    finish(variant, complete) {
      const ended = complete ? endRunning() : undefined;
      running = undefined;
      unfinished.delete(variant);
      lastEnd = now();
      isOrderKnown ||= complete;
      return ended;
    },

    whole() {
      if (!isOrderKnown) return undefined;
      const current = running;
      let total = 0;
      for (const variant of unfinished) {
        const at = variant === current?.variant ? order.indexOf(current.stage) : -1;
        const ahead = order.slice(at + 1).map(typical);
        if (at >= 0) ahead.push(leftOfRunning());
        for (const time of ahead) {
          if (time === undefined) return undefined;
          total += time;
        }
      }
      return total;
    },

    stage: leftOfRunning,
  };
}

/**
 * The share a stage has probably reached since its last report, at the pace it had until then. It stops just
 * short of the next step, so that the time left counts down between reports but grows when one is overdue.
 */
function presentShare({ share, step, startedAt, reportedAt }: RunningStage, at: number): number {
  const before = reportedAt - startedAt;
  if (before <= 0) return share;
  const sinceReport = share * ((at - reportedAt) / before);
  return Math.min(1, share + Math.min(sinceReport, step * 0.9));
}

/** No finer than an estimate deserves: whole seconds, and minutes beyond a few. */
export function roughly(milliseconds: number): string {
  const seconds = Math.max(1, Math.ceil(milliseconds / 1000));
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}
