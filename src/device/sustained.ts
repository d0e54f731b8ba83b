import { median } from 'simple-statistics';
import { type Unavailable, unavailableBecause } from '../schema/availability.ts';
import type { DeviceState, Energy, Sustained, SustainedSpeed, SustainedWindow } from '../schema/sustained.ts';
import { formatDuration } from '../util/units.ts';

/** What minutes of use say: the one computation for `bench --minutes` and for what a phone measured. */

/** The start of a run: no device is hot within it, and it has some windows. */
const START_S = 30;
const START_SHARE = 0.1;
/** As long a part as a device that throttles in the first half has settled in. */
const SETTLED_FROM = 2 / 3;
const THROTTLED_BELOW = 0.9;
/** Fewer have no start, middle and end; and a slower stretch of fewer may be anything. */
const LEAST_WINDOWS = 3;
/** Between and within windows, time in which nothing was evaluated is some milliseconds, or the app was set aside. */
const PAUSE_S = 20;
const MOST_PAUSED = 0.1;

/** What was run, and what is known of it besides its windows. */
export interface SustainedRun {
  /** That were asked for. */
  readonly minutes: number;
  /** As the run began. */
  readonly before: DeviceState;
  readonly windows: readonly SustainedWindow[];
  readonly energy: Energy;
}

/** The document of a run. */
export function sustainedFrom({ minutes, before, windows, energy }: SustainedRun): Sustained {
  const paused = pauseIn(windows);
  const speedOf = (read: (window: SustainedWindow) => number | null) =>
    paused ?? sustainedSpeed(windows.map((window) => ({ ...window, tps: read(window) })));
  const states = [before, ...windows.map(({ state }) => state)];
  const changeOf = (what: string, read: (state: DeviceState) => number | undefined) => {
    const values = states.flatMap((state) => read(state) ?? []);
    const [start] = values;
    const end = values.at(-1);
    if (start === undefined || end === undefined) return unavailableBecause(`the device tells no ${what}`);
    return { start, end, least: Math.min(...values), most: Math.max(...values) };
  };
  const told = states.flatMap(({ thermalState }) => thermalState ?? []);
  return {
    minutes,
    seconds: windows.at(-1)?.endS ?? 0,
    generation: speedOf(({ generationTps }) => generationTps),
    prompt: speedOf(({ promptTps }) => promptTps),
    energy,
    celsius: changeOf('temperature', ({ celsius }) => celsius),
    clockShare: changeOf('clock', ({ clockShare }) => clockShare),
    batteryPercent: changeOf('battery level', ({ batteryPercent }) => batteryPercent),
    thermalStates:
      told.length === 0
        ? unavailableBecause('the device tells no thermal state')
        : told.filter((state, index) => state !== told[index - 1]),
    before,
    windows,
  };
}

/** A stretch of a curve, in seconds since the run began, and its speed in tokens a second; null where it had none. */
interface CurvePart {
  readonly startS: number;
  readonly endS: number;
  readonly tps: number | null;
}

/**
 * The speed at the start, what is left of it, and when it fell.
 * @param curve in the order of time
 */
export function sustainedSpeed(curve: readonly CurvePart[]): SustainedSpeed | Unavailable {
  const parts = curve.flatMap(({ tps, ...part }) => (tps === null ? [] : [{ ...part, tps }]));
  const totalS = parts.at(-1)?.endS ?? 0;
  if (parts.length === 0) return unavailableBecause('none was timed');
  if (parts.length < LEAST_WINDOWS) {
    return unavailableBecause(
      `the run of ${formatDuration(totalS * 1000)} has ${parts.length} of the ${LEAST_WINDOWS} windows that a curve takes at least`,
    );
  }
  const rates = parts.map(({ tps }) => tps);
  const startsIn = Math.max(
    Math.min(START_S, START_SHARE * totalS),
    (parts[0]?.startS ?? 0) + Number.EPSILON,
  );
  const startTps = median(parts.filter(({ startS }) => startS < startsIn).map(({ tps }) => tps));
  const sustainedTps = median(settledPart(parts).map(({ tps }) => tps));
  // One slow window is no throttling, and one fast one does not end it.
  const smooth = rates.map((_, index) => median(rates.slice(Math.max(0, index - 1), index + 2)));
  const from = Math.max(1, smooth.findLastIndex((tps) => tps >= THROTTLED_BELOW * startTps) + 1);
  const isThrottled = parts.length - from >= LEAST_WINDOWS && sustainedTps < startTps;
  return {
    startTps,
    sustainedTps,
    sustainedShare: sustainedTps / startTps,
    throttledAfterS: isThrottled
      ? (parts[from]?.startS ?? 0)
      : unavailableBecause(`none within ${formatDuration(totalS * 1000)}`),
  };
}

/** The last third of a curve, at least its last part: what the sustained speed is the median of. */
export function settledPart<Part extends Pick<CurvePart, 'startS' | 'endS'>>(curve: readonly Part[]): Part[] {
  const totalS = curve.at(-1)?.endS ?? 0;
  const late = curve.filter(({ startS, endS }) => (startS + endS) / 2 >= SETTLED_FROM * totalS);
  return late.length === 0 ? curve.slice(-1) : late;
}

/** Why a curve says nothing of heat: a device that stood still for a while has cooled. Null where it did not. */
function pauseIn(windows: readonly SustainedWindow[]): Unavailable | null {
  let before = 0;
  let pausedS = 0;
  for (const { endS, generatedTokens, generationTps, promptTokens, promptTps } of windows) {
    const idleS =
      endS - before - generatedTokens / generationTps - (promptTps ? promptTokens / promptTps : 0);
    if (idleS > PAUSE_S) pausedS += idleS;
    before = endS;
  }
  if (pausedS <= MOST_PAUSED * before) return null;
  return unavailableBecause(
    `the run stood still for ${formatDuration(pausedS * 1000)} of ${formatDuration(before * 1000)}, and a device cools meanwhile`,
  );
}
