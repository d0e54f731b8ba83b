import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { controlGroups } from './control-groups.ts';
import { namedNumber, textOf } from './small-file.ts';

/** USER_HZ: /proc counts CPU time in hundredths of a second on every Linux there is (man 5 proc). */
const TICKS_PER_SECOND = 100;
const COMMAND_TIMEOUT_MS = 3000;

/** What the system says of itself at one moment; null where it does not. Counters run since it started. */
export interface MachineState {
  readonly atMs: number;
  readonly cpu: {
    /** Seconds, over all CPUs together. */
    readonly busyS: number;
    readonly totalS: number;
    /** What a hypervisor gave to other machines while this one had work. */
    readonly stolenS: number;
  } | null;
  /** CPU time of this process and of all that it started, ended or not. */
  readonly ownCpuS: number | null;
  readonly swappedPages: number | null;
  /** Times that a core was slowed down because of its heat. */
  readonly throttleEvents: number | null;
  /** Periods in which a control group's quota stopped this process. */
  readonly quotaStops: number | null;
  /** The fastest core's clock now as a share of its highest. Meaningful only while there is work. */
  readonly clockShare: number | null;
  /** A sensor at or above the temperature where the system begins to slow down: its name and degrees Celsius. */
  readonly hot: { readonly sensor: string; readonly celsius: number } | null;
  /** macOS: the speed it allows the CPU, 1 when it does not hold it back. */
  readonly speedLimit: number | null;
  readonly onBattery: boolean | null;
  /** macOS: how hot it says that it is, 0 for as usual (OSThermalNotification.h). */
  readonly thermalPressure: number | null;
  /** macOS: Low Power Mode. */
  readonly savesPower: boolean | null;
}

/**
 * Reads it from /proc and /sys on Linux and from pmset and notifyutil on macOS; elsewhere nothing is known.
 * @param root where /proc and /sys are found
 */
export async function readMachineState(root = '/', platform = process.platform): Promise<MachineState> {
  const atMs = performance.now();
  if (platform === 'darwin') return { ...NOTHING_KNOWN, atMs, ...(await macState()) };
  if (platform !== 'linux') return { ...NOTHING_KNOWN, atMs };
  const cpus = join(root, 'sys/devices/system/cpu');
  return {
    ...NOTHING_KNOWN,
    atMs,
    cpu: parseCpuTimes(await text(join(root, 'proc/stat'))),
    ownCpuS: await ownTime(join(root, 'proc')),
    swappedPages: parseSwaps(await text(join(root, 'proc/vmstat'))),
    throttleEvents: await throttleEvents(cpus),
    quotaStops: quotaStops(root),
    clockShare: await clockShare(cpus),
    hot: await hottest(join(root, 'sys/class/thermal')),
    onBattery: await onBattery(join(root, 'sys/class/power_supply')),
  };
}

const NOTHING_KNOWN: MachineState = {
  atMs: 0,
  cpu: null,
  ownCpuS: null,
  swappedPages: null,
  throttleEvents: null,
  quotaStops: null,
  clockShare: null,
  hot: null,
  speedLimit: null,
  thermalPressure: null,
  onBattery: null,
  savesPower: null,
};

/** The line `cpu  user nice system idle iowait irq softirq steal ...`; guest time is part of user. */
function parseCpuTimes(stat: string | null): MachineState['cpu'] {
  const fields = /^cpu +(\d[\d ]*)$/m
    .exec(stat ?? '')?.[1]
    ?.split(' ')
    .map(Number);
  if (fields === undefined) return null;
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = fields;
  const busy = user + nice + system + irq + softirq;
  return {
    busyS: busy / TICKS_PER_SECOND,
    totalS: (busy + idle + iowait + steal) / TICKS_PER_SECOND,
    stolenS: steal / TICKS_PER_SECOND,
  };
}

/** This process, those that it started and those that they started, ended or not. */
async function ownTime(proc: string): Promise<number | null> {
  const own = parseProcess(await text(join(proc, 'self/stat')));
  if (own === null) return null;
  const others = await Promise.all(
    (await entries(proc, /^\d+$/)).map(async (path) => parseProcess(await text(join(path, 'stat')))),
  );
  const running = others.filter((each) => each !== null);
  const family = new Set([own.id]);
  let seconds = own.seconds;
  // Parents may stand behind their children.
  for (let grows = true; grows; ) {
    grows = false;
    for (const each of running) {
      if (family.has(each.id) || !family.has(each.parent)) continue;
      family.add(each.id);
      seconds += each.seconds;
      grows = true;
    }
  }
  return seconds;
}

/**
 * Fields of /proc/PID/stat, counted after the name in parentheses, which may hold spaces: ppid is the 4th; utime, stime,
 * cutime and cstime, of which the latter are of children that have ended, the 14th to 17th.
 */
function parseProcess(stat: string | null) {
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (stat === null || fields === undefined || fields.length < 15) return null;
  const ticks = fields.slice(11, 15).reduce((sum, each) => sum + Number(each), 0);
  return { id: Number.parseInt(stat, 10), parent: Number(fields[1]), seconds: ticks / TICKS_PER_SECOND };
}

function parseSwaps(vmstat: string | null): number | null {
  const pages = ['pswpin', 'pswpout'].map((name) => namedNumber(vmstat, name) ?? Number.NaN);
  const sum = pages.reduce((total, count) => total + count, 0);
  return Number.isNaN(sum) ? null : sum;
}

async function throttleEvents(cpus: string): Promise<number | null> {
  const counts = await numbers(cpus, /^cpu\d+$/, 'thermal_throttle/core_throttle_count');
  return counts.length === 0 ? null : counts.reduce((sum, count) => sum + count, 0);
}

/** Counted where the quota is set: in this group or one around it. */
function quotaStops(root: string): number | null {
  const counts = (controlGroups('cpu', root)?.folders ?? []).flatMap(
    (folder) => namedNumber(textOf(join(folder, 'cpu.stat')), 'nr_throttled') ?? [],
  );
  return counts.length === 0 ? null : Math.max(...counts);
}

export async function clockShare(cpus: string): Promise<number | null> {
  const now = await numbers(cpus, /^cpu\d+$/, 'cpufreq/scaling_cur_freq');
  const most = await numbers(cpus, /^cpu\d+$/, 'cpufreq/cpuinfo_max_freq');
  if (now.length === 0 || most.length === 0) return null;
  return Math.max(...now) / Math.max(...most);
}

/** The hottest of the zones that have reached their `passive` trip point, where Linux begins to cool by slowing down. */
async function hottest(zones: string): Promise<MachineState['hot']> {
  let hot: MachineState['hot'] = null;
  for (const zone of await entries(zones, /^thermal_zone\d+$/)) {
    const files = await entries(zone, /^trip_point_\d+_type$/);
    const types = await Promise.all(files.map((file) => text(file)));
    const passive = files[types.findIndex((type) => type?.trim() === 'passive')];
    if (passive === undefined) continue;
    const limit = Number(await text(passive.replace(/_type$/, '_temp')));
    const celsius = Number(await text(join(zone, 'temp'))) / 1000;
    if (!(limit > 0 && celsius >= limit / 1000) || celsius <= (hot?.celsius ?? 0)) continue;
    hot = { sensor: (await text(join(zone, 'type')))?.trim() ?? 'a sensor', celsius };
  }
  return hot;
}

/** A machine with a battery that discharges; one without power supplies to ask says nothing. */
async function onBattery(supplies: string): Promise<boolean | null> {
  const states: string[] = [];
  for (const supply of await entries(supplies, /./)) {
    // Batteries of mice and keyboards have the scope Device.
    const scope = (await text(join(supply, 'scope')))?.trim();
    if ((await text(join(supply, 'type')))?.trim() !== 'Battery' || scope === 'Device') continue;
    states.push((await text(join(supply, 'status')))?.trim() ?? '');
  }
  return states.length === 0 ? null : states.includes('Discharging');
}

/** kOSThermalPressureLevel of OSThermalNotification.h, from 1. */
export const PRESSURES: Readonly<Record<number, string>> = {
  1: 'moderate',
  2: 'heavy',
  3: 'trapping',
  4: 'sleeping',
};

type MacState = Pick<MachineState, 'speedLimit' | 'thermalPressure' | 'onBattery' | 'savesPower'>;

export async function macState(): Promise<MacState> {
  const pmset = (what: string) => printed('pmset', ['-g', what]);
  const pressure = printed('notifyutil', ['-g', 'com.apple.system.thermalpressurelevel']);
  return parseMacState(await pmset('therm'), await pmset('batt'), await pmset('live'), await pressure);
}

/**
 * What `pmset -g therm`, `pmset -g batt` and `pmset -g live` print (man pmset), and `notifyutil -g` of the thermal
 * pressure: Apple Silicon has no speed limit that pmset tells.
 */
export function parseMacState(
  thermal: string | null,
  battery: string | null,
  settings: string | null,
  pressure: string | null,
): MacState {
  const limit = /CPU_Speed_Limit\s*=\s*(\d+)/.exec(thermal ?? '')?.[1];
  const lowPower = /^\s*lowpowermode\s+(\d)/m.exec(settings ?? '')?.[1];
  const level = /thermalpressurelevel\s+(\d+)/.exec(pressure ?? '')?.[1];
  return {
    thermalPressure: level === undefined ? null : Number(level),
    speedLimit: limit === undefined ? null : Number(limit) / 100,
    onBattery: battery === null ? null : battery.includes("'Battery Power'"),
    savesPower: lowPower === undefined ? null : lowPower !== '0',
  };
}

export async function printed(command: string, args: readonly string[]): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)(command, args, { timeout: COMMAND_TIMEOUT_MS });
    return stdout;
  } catch {
    return null;
  }
}

async function numbers(folder: string, name: RegExp, file: string): Promise<number[]> {
  const texts = await Promise.all((await entries(folder, name)).map((path) => text(join(path, file))));
  return texts.flatMap((content) => (content === null ? [] : [Number(content)])).filter(Number.isFinite);
}

export async function entries(folder: string, name: RegExp): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((entry) => name.test(entry)).map((entry) => join(folder, entry));
}

export async function text(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null);
}
