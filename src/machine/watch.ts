import { loadavg } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import type { Disturbance } from '../schema/figures.ts';
import { type MachineState, PRESSURES, readMachineState } from './state.ts';

/** Why figures of a run may not be what the machine can do. */
export interface MachineWarning {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** Load of other work that shows in the figures: a share of the machine's CPUs. */
const OTHERS_SHARE = 0.1;
/** Below this much CPU time the clock ticks of /proc say nothing. */
const LEAST_OTHERS_S = 0.25;
const LOAD_SHARE = 0.5;
/** All cores at work run below the highest clock of one, on a healthy machine too: this is far below. */
const SLOW_CLOCK = 0.6;
/** How long the machine is looked at before a measurement begins: 25 ticks of each core's clock in /proc. */
const BUSY_MS = 250;
/** Standard deviation over mean, from which repetitions disagree: an idle machine stays within 1 to 2 %. */
const SPREAD = 0.05;
const NAMED_TESTS = 3;

export interface MachineWatch {
  /** Notes the clock; to be called while the engine works or has just worked. */
  readonly sample: () => Promise<void>;
  /** What happened since the watch began or was last asked. */
  readonly warnings: () => Promise<MachineWarning[]>;
  /** Begins to look for what would disturb a measurement. */
  readonly timing: () => Promise<TimedStretch>;
}

/** A stretch of time that is watched. */
export interface TimedStretch {
  /** What else the machine does as it begins; null where it does nothing else. */
  readonly busy: string | null;
  /** What disturbed it so far. */
  readonly disturbances: () => Promise<Disturbance[]>;
}

/**
 * Watches the machine while something is measured.
 * @param cores that the engine may use
 * @param read replaced by tests
 * @param loadBefore the load average before anything is measured: later it would count the measurement itself
 */
export async function watchMachine(
  cores: number,
  read: () => Promise<MachineState> = readMachineState,
  loadBefore: number = loadavg()[0] ?? 0,
): Promise<MachineWatch> {
  let before = await read();
  let clocks: number[] = [];
  let first = loadWarnings(loadBefore, cores);
  return {
    sample: async () => {
      const { clockShare } = await read();
      if (clockShare !== null) clocks.push(clockShare);
    },
    warnings: async () => {
      const after = await read();
      const found = [...first, ...warningsBetween(before, after, clocks)];
      before = after;
      clocks = [];
      first = [];
      return found;
    },
    timing: async () => {
      const idle = await read();
      await wait(BUSY_MS);
      const start = await read();
      return {
        busy: busyText(othersOf(idle, start)?.share ?? 0, loadBefore, cores),
        disturbances: async () => disturbancesOf(idle, start, await read()),
      };
    },
  };
}

function busyText(othersShare: number, load: number, cores: number): string | null {
  const signs = [
    ...(load < LOAD_SHARE * cores ? [] : [`load average ${load.toFixed(1)} on ${cores} cores`]),
    ...(othersShare > OTHERS_SHARE ? [`other processes use ${percent(othersShare)} of the CPU time`] : []),
  ];
  return signs.length === 0 ? null : signs.join(', ');
}

/** What the machine did between two moments that speeds between them should not be judged by. */
function disturbancesOf(idle: MachineState, start: MachineState, end: MachineState): Disturbance[] {
  const busyShare = othersOf(idle, start)?.share ?? 0;
  return [
    ...(busyShare > OTHERS_SHARE
      ? [
          {
            code: 'machine/busy',
            message: `other processes used ${percent(busyShare)} of the CPU time when it began`,
          },
        ]
      : []),
    // A clock that is always low, a battery: these change no figure from run to run.
    ...[...othersWarnings(start, end), ...heatWarnings(start, end, []), ...quotaWarnings(start, end)].map(
      ({ code, message }) => ({ code, message }),
    ),
    ...swapWarnings(start, end).map(({ code, message }) => ({ code, message })),
  ];
}

/** What two moments say about the time between them. */
export function warningsBetween(
  before: MachineState,
  after: MachineState,
  clocks: readonly number[],
): MachineWarning[] {
  return [
    ...othersWarnings(before, after),
    ...heatWarnings(before, after, clocks),
    ...quotaWarnings(before, after),
    ...swapWarnings(before, after),
    ...(after.savesPower === true
      ? [
          {
            code: 'machine/low-power',
            message: 'Low Power Mode is on, in which the system holds the CPU back',
            hint: 'Turn it off in the battery settings, and measure again.',
          },
        ]
      : []),
    ...(after.onBattery === true
      ? [
          {
            code: 'machine/battery',
            message: 'the machine runs on battery, where systems save power by running slower',
            hint: 'Plug it in.',
          },
        ]
      : []),
  ];
}

/** A test and its rate, as far as its repetitions' agreement goes. */
export interface Repeated {
  readonly test: string;
  readonly meanTps: number;
  readonly stddevTps: number;
}

/** Repetitions that disagree, where the mean stands for none of them: one warning for all such tests. */
export function spreadWarnings(tests: readonly Repeated[]): MachineWarning[] {
  const spread = tests
    .map(({ test, meanTps, stddevTps }) => ({ test, share: stddevTps / meanTps }))
    .filter(({ share }) => share > SPREAD)
    .sort((a, b) => b.share - a.share);
  if (spread.length === 0) return [];
  const named = spread.slice(0, NAMED_TESTS).map(({ test, share }) => `${test} (${percent(share)})`);
  const others = spread.length - named.length;
  return [
    {
      code: 'speed/spread',
      message:
        `repetitions differ by more than ${percent(SPREAD)} (standard deviation over mean) in ` +
        `${named.join(', ')}${others > 0 ? ` and ${others} more` : ''}`,
      hint: 'Look at the medians, repeat more often with -r, or find out what else the machine does.',
    },
  ];
}

/** Each kind of warning once, as it was first met. */
export function withoutRepeats(warnings: readonly MachineWarning[]): MachineWarning[] {
  const seen = new Set<string>();
  return warnings.filter(({ code }) => !seen.has(code) && seen.add(code));
}

function loadWarnings(load: number, cores: number): MachineWarning[] {
  if (load < LOAD_SHARE * cores) return [];
  return [
    {
      code: 'machine/busy',
      message: `the machine was busy before the first measurement: load average ${load.toFixed(1)} on ${cores} cores`,
      hint: 'End what else runs, and measure again.',
    },
  ];
}

function othersWarnings(before: MachineState, after: MachineState): MachineWarning[] {
  if (before.cpu === null || after.cpu === null) return [];
  const totalS = after.cpu.totalS - before.cpu.totalS;
  const stolenS = after.cpu.stolenS - before.cpu.stolenS;
  const warnings: MachineWarning[] = [];
  if (stolenS > LEAST_OTHERS_S && stolenS > OTHERS_SHARE * totalS) {
    warnings.push({
      code: 'machine/stolen',
      message: `the virtual machine's host took ${percent(stolenS / totalS)} of the CPU time for others`,
      hint: 'Measure on a machine of your own, or on dedicated cores.',
    });
  }
  const others = othersOf(before, after);
  if (others !== null && others.seconds > LEAST_OTHERS_S && others.share > OTHERS_SHARE) {
    warnings.push({
      code: 'machine/others',
      message: `other processes used ${percent(others.share)} of the CPU time while it was measured`,
      hint: 'End what else runs, and measure again.',
    });
  }
  return warnings;
}

/** CPU time of other processes, and as a share of all that there was; null where the system does not tell. */
function othersOf(before: MachineState, after: MachineState): { seconds: number; share: number } | null {
  if (before.cpu === null || after.cpu === null || before.ownCpuS === null || after.ownCpuS === null)
    return null;
  const totalS = after.cpu.totalS - before.cpu.totalS;
  const seconds = after.cpu.busyS - before.cpu.busyS - (after.ownCpuS - before.ownCpuS);
  return totalS > 0 ? { seconds, share: seconds / totalS } : null;
}

function heatWarnings(
  before: MachineState,
  after: MachineState,
  clocks: readonly number[],
): MachineWarning[] {
  const signs: string[] = [];
  const events = (after.throttleEvents ?? 0) - (before.throttleEvents ?? 0);
  if (events > 0) signs.push(`cores were slowed down ${events} times because of heat`);
  if (after.hot !== null) signs.push(`${after.hot.sensor} is at ${after.hot.celsius.toFixed(0)} °C`);
  if (after.speedLimit !== null && after.speedLimit < 1)
    signs.push(`the system allows ${percent(after.speedLimit)} of the CPU's speed`);
  const pressure = PRESSURES[after.thermalPressure ?? 0];
  if (pressure !== undefined) signs.push(`macOS tells of ${pressure} thermal pressure`);
  const clock = Math.max(...clocks);
  if (clocks.length > 0 && clock < SLOW_CLOCK)
    signs.push(`the fastest core ran at ${percent(clock)} of its highest clock`);
  if (signs.length === 0) return [];
  return [
    {
      code: 'machine/throttled',
      message: `the machine runs slower than it can: ${signs.join(', ')}`,
      hint: 'Let it cool down, choose the performance governor or power plan, and measure again.',
    },
  ];
}

function quotaWarnings(before: MachineState, after: MachineState): MachineWarning[] {
  const stops = (after.quotaStops ?? 0) - (before.quotaStops ?? 0);
  if (before.quotaStops === null || after.quotaStops === null || stops <= 0) return [];
  return [
    {
      code: 'machine/quota',
      message: `the container's CPU quota stopped the measurement ${stops} times`,
      hint: 'Use no more threads than the quota has cores, or raise the quota.',
    },
  ];
}

function swapWarnings(before: MachineState, after: MachineState): MachineWarning[] {
  const pages = (after.swappedPages ?? 0) - (before.swappedPages ?? 0);
  if (before.swappedPages === null || after.swappedPages === null || pages <= 0) return [];
  return [
    {
      code: 'machine/swapped',
      message: `the system moved ${pages} pages to or from swap while it was measured`,
      hint: 'Free memory, or choose a smaller model or context.',
    },
  ];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
