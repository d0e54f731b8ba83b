import { isAvailable, type Unavailable, unavailableBecause } from '../schema/availability.ts';
import type { KitCheck, KitGolden, KitResults } from '../schema/kit.ts';
import type { DeviceState, Energy, SustainedWindow } from '../schema/sustained.ts';
import { sum } from '../util/sum.ts';
import { formatDuration, formatPhoneRate } from '../util/units.ts';
import { type KitFindings, quoted } from './kit-finding.ts';
import { sustainedFrom } from './sustained.ts';

/** What minutes of use on a phone are judged by. */
export interface SustainedLimits {
  /** Tokens a second that a phone must sustain. */
  readonly minSustainedTps?: number | undefined;
  /** What the phone's battery holds. Default: of a new one, where that is known. */
  readonly batteryWh?: number | undefined;
}

/** Fewer steps of the battery's level say no more than that it fell. */
const LEAST_STEPS = 2;
/** Phones tell whole percents, or less often: then the steps are seen. */
const STEP_PERCENT = 1;
const JOULES_PER_WH = 3600;

/** What the phone's minutes say, with findings on its heat and on the limit. */
export function checkedSustained(
  { expected }: KitGolden,
  { sustained: measured }: KitResults,
  { minSustainedTps, batteryWh = expected.device?.batteryWh ?? undefined }: SustainedLimits,
  findings: KitFindings,
): KitCheck['sustained'] {
  if (measured.status === 'unavailable') {
    requireSpeed(measured, minSustainedTps, findings);
    return measured;
  }
  const { minutes, before, windows, brokenOff } = measured;
  const energy = batteryEnergy(before, windows, batteryWh);
  const sustained = sustainedFrom({ minutes, before, windows, energy });
  if (brokenOff !== null) {
    const [ran, asked] = [sustained.seconds, minutes * 60].map((seconds) => formatDuration(seconds * 1000));
    findings.warning('kit/broken-off', `the run ended after ${ran} of ${asked}: ${quoted(brokenOff)}`);
  }
  const { generation } = sustained;
  if (isAvailable(generation) && isAvailable(generation.throttledAfterS)) {
    const { startTps, sustainedTps, sustainedShare, throttledAfterS } = generation;
    findings.warning(
      'kit/throttled',
      `from ${formatDuration(throttledAfterS * 1000)} on the phone is slower, and sustains ${formatPhoneRate(sustainedTps)} ` +
        `of ${formatPhoneRate(startTps)} tokens/s (${(100 * sustainedShare).toFixed(0)} %)`,
    );
  }
  requireSpeed(isAvailable(generation) ? generation.sustainedTps : generation, minSustainedTps, findings);
  return sustained;
}

/** A speed that is not known has not been shown to suffice. */
function requireSpeed(
  sustainedTps: number | Unavailable,
  least: number | undefined,
  findings: KitFindings,
): void {
  if (least === undefined) return;
  if (!isAvailable(sustainedTps)) {
    findings.error(
      'kit/too-slow',
      `no sustained speed to hold against ${least} tokens/s: ${sustainedTps.reason}`,
    );
  } else if (sustainedTps < least) {
    findings.error(
      'kit/too-slow',
      `the phone sustains ${formatPhoneRate(sustainedTps)} tokens/s, at least ${least} were asked for`,
    );
  }
}

/** What the fall of the battery's level says. */
function batteryEnergy(
  before: DeviceState,
  windows: readonly SustainedWindow[],
  batteryWh: number | undefined,
): Energy {
  const states = [before, ...windows.map(({ state }) => state)];
  const levels = states.flatMap(({ batteryPercent }) => batteryPercent ?? []);
  const [start] = levels;
  const end = levels.at(-1);
  if (start === undefined || end === undefined) {
    return unavailableBecause('the app tells no level of the battery (readDevice)');
  }
  if (states.some(({ charging }) => charging === true)) {
    return unavailableBecause('the phone was charging: unplug it');
  }
  const fall = start - end;
  const steps = levels.flatMap((level, index) => {
    const step = Math.abs(level - (levels[index - 1] ?? level));
    return step > 0 ? [step] : [];
  });
  // Levels that are fractions of one, times 100, are a little off whole percents.
  const step = Math.max(STEP_PERCENT, Math.round(Math.min(...steps, 100)));
  if (fall < LEAST_STEPS * step - 0.5 || steps.length === 0) {
    return unavailableBecause(
      `the level of the battery fell by ${Math.max(0, fall).toFixed(0)} %, which is too few of its steps: let it run for longer`,
    );
  }
  const tokens = sum(windows.map(({ generatedTokens }) => generatedTokens));
  return {
    joulesPerToken:
      batteryWh === undefined
        ? unavailableBecause('what the battery holds is not known: --battery-wh says it')
        : ((fall / 100) * batteryWh * JOULES_PER_WH) / tokens,
    percentPer1000Tokens: (1000 * fall) / tokens,
    within: step / fall,
    source:
      `the battery fell from ${start.toFixed(0)} to ${end.toFixed(0)} %` +
      `${batteryWh === undefined ? '' : ` of ${batteryWh} Wh`}: the whole phone`,
  };
}
