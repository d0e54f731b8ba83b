import { join } from 'node:path';
import { type Unavailable, unavailableBecause } from '../schema/availability.ts';
import type { DeviceState } from '../schema/sustained.ts';
import { sum } from '../util/sum.ts';
import { clockShare, entries, macState, PRESSURES, printed, text } from './state.ts';

/** A counter of energy of one package, which begins anew at its range. */
interface EnergyCounter {
  readonly name: string;
  readonly joules: number;
  readonly rangeJoules: number;
}

/** How hot, how fast and how fed a machine is at one moment. */
export interface PowerState {
  readonly atMs: number;
  readonly state: DeviceState;
  /** What its processors have taken; empty where nobody may read that. */
  readonly packages: readonly EnergyCounter[];
  /** What the batteries give; null where they give nothing, or do not say. */
  readonly batteryWatts: number | null;
}

/** Processor sensors of hwmon, for processors without a thermal zone (https://docs.kernel.org/hwmon/). */
const PROCESSOR_SENSORS = new Set(['coretemp', 'k10temp', 'zenpower', 'cpu_thermal']);
/** What is no temperature of a machine at work: sensors that are not connected read so. */
const PLAUSIBLE = { least: 1, most: 150 } as const;

/**
 * Reads /sys on Linux, pmset and notifyutil on macOS; elsewhere nothing is known.
 * @param root where /sys is found
 */
export async function readPowerState(root = '/', platform = process.platform): Promise<PowerState> {
  const atMs = performance.now();
  if (platform === 'darwin') return { atMs, packages: [], batteryWatts: null, state: await stateOfMac() };
  if (platform !== 'linux') return { atMs, packages: [], batteryWatts: null, state: {} };
  const clock = await clockShare(join(root, 'sys/devices/system/cpu'));
  const { watts, ...battery } = await batteries(join(root, 'sys/class/power_supply'));
  return {
    atMs,
    state: {
      ...(await hottestOf(root)),
      ...(clock === null ? {} : { clockShare: clock }),
      ...battery,
    },
    packages: await packages(join(root, 'sys/class/powercap')),
    batteryWatts: watts,
  };
}

/**
 * The energy of a run: what the processors' counters say, else what the batteries gave.
 * @param states in the order of time, close enough that no counter begins anew twice between two of them
 */
export function energyOf(
  states: readonly PowerState[],
): { readonly joules: number; readonly source: string } | Unavailable {
  const steps = states.slice(1).map((after, index) => ({ before: states[index] ?? after, after }));
  if (steps.length > 0 && states.every(({ packages }) => packages.length > 0)) {
    const joules = sum(steps.map(({ before, after }) => takenBetween(before.packages, after.packages)));
    const names = states[0]?.packages.map(({ name }) => name) ?? [];
    return { joules, source: `RAPL, ${names.join(' and ')}: the processor with all that ran on it` };
  }
  if (steps.length > 0 && states.every(({ batteryWatts }) => batteryWatts !== null)) {
    const joules = sum(
      steps.map(
        ({ before, after }) =>
          (((before.batteryWatts ?? 0) + (after.batteryWatts ?? 0)) / 2) *
          ((after.atMs - before.atMs) / 1000),
      ),
    );
    return { joules, source: 'the battery: the whole machine' };
  }
  return unavailableBecause(
    process.platform === 'linux'
      ? 'there is no counter of energy that this user may read (/sys/class/powercap), and no battery that discharges'
      : 'this system tells no program of its user how much energy it takes',
  );
}

function takenBetween(before: readonly EnergyCounter[], after: readonly EnergyCounter[]): number {
  return sum(
    after.map(({ name, joules, rangeJoules }) => {
      const taken = joules - (before.find((each) => each.name === name)?.joules ?? joules);
      return taken < 0 ? taken + rangeJoules : taken;
    }),
  );
}

/** The packages' own domains: `intel-rapl:0`, of AMD too; their parts `intel-rapl:0:0` are counted in them. */
async function packages(powercap: string): Promise<EnergyCounter[]> {
  const found: EnergyCounter[] = [];
  for (const domain of await entries(powercap, /^intel-rapl:\d+$/)) {
    const name = (await text(join(domain, 'name')))?.trim() ?? '';
    const joules = await numberIn(join(domain, 'energy_uj'), 1e-6);
    const rangeJoules = await numberIn(join(domain, 'max_energy_range_uj'), 1e-6);
    // The whole platform (psys) has the packages in it.
    if (!name.startsWith('package') || joules === null || rangeJoules === null) continue;
    found.push({ name, joules, rangeJoules });
  }
  return found;
}

/** The hottest sensor of the processor, or of the whole machine where none is known to be the processor's. */
async function hottestOf(root: string): Promise<Pick<DeviceState, 'celsius' | 'sensor'>> {
  const read: { readonly sensor: string; readonly celsius: number }[] = [];
  for (const chip of await entries(join(root, 'sys/class/hwmon'), /^hwmon\d+$/)) {
    const sensor = (await text(join(chip, 'name')))?.trim() ?? '';
    if (!PROCESSOR_SENSORS.has(sensor)) continue;
    for (const input of await entries(chip, /^temp\d+_input$/)) {
      read.push({ sensor, celsius: (await numberIn(input, 1e-3)) ?? Number.NaN });
    }
  }
  const zones = read.length > 0 ? [] : await entries(join(root, 'sys/class/thermal'), /^thermal_zone\d+$/);
  for (const zone of zones) {
    const sensor = (await text(join(zone, 'type')))?.trim() || 'a sensor';
    read.push({ sensor, celsius: (await numberIn(join(zone, 'temp'), 1e-3)) ?? Number.NaN });
  }
  const [hottest] = read
    .filter(({ celsius }) => celsius >= PLAUSIBLE.least && celsius <= PLAUSIBLE.most)
    .sort((a, b) => b.celsius - a.celsius);
  return hottest ?? {};
}

/** Level and state of the machine's own batteries, and what they give together. */
async function batteries(
  supplies: string,
): Promise<Pick<DeviceState, 'batteryPercent' | 'charging'> & { readonly watts: number | null }> {
  const levels: number[] = [];
  const watts: number[] = [];
  const states: string[] = [];
  for (const supply of await entries(supplies, /./)) {
    const read = async (name: string, unit = 1) => numberIn(join(supply, name), unit);
    // Batteries of mice and keyboards have the scope Device.
    const scope = (await text(join(supply, 'scope')))?.trim();
    if ((await text(join(supply, 'type')))?.trim() !== 'Battery' || scope === 'Device') continue;
    const level = await read('capacity');
    if (level !== null) levels.push(Math.min(100, Math.max(0, level)));
    const state = (await text(join(supply, 'status')))?.trim() ?? '';
    states.push(state);
    const [current, voltage] = [await read('current_now', 1e-6), await read('voltage_now', 1e-6)];
    const power =
      (await read('power_now', 1e-6)) ?? (current === null || voltage === null ? null : current * voltage);
    if (state === 'Discharging' && power !== null) watts.push(Math.abs(power));
  }
  return {
    ...(levels.length === 0 ? {} : { batteryPercent: sum(levels) / levels.length }),
    ...(states.length === 0 ? {} : { charging: states.includes('Charging') }),
    watts: watts.length === 0 ? null : sum(watts),
  };
}

async function stateOfMac(): Promise<DeviceState> {
  const { speedLimit, thermalPressure } = await macState();
  return {
    ...(speedLimit === null ? {} : { clockShare: speedLimit }),
    ...(thermalPressure === null ? {} : { thermalState: PRESSURES[thermalPressure] ?? 'nominal' }),
    ...parseMacBattery(await printed('pmset', ['-g', 'batt'])),
  };
}

/** What `pmset -g batt` prints of the machine's battery: `-InternalBattery-0 (id=1) 81%; discharging; 3:12 remaining`. */
export function parseMacBattery(battery: string | null): Pick<DeviceState, 'batteryPercent' | 'charging'> {
  const [, percent, state] = /InternalBattery\S*[^\n]*?\t(\d+)%; ([^;\n]+)/.exec(battery ?? '') ?? [];
  if (percent === undefined) return {};
  return { batteryPercent: Math.min(100, Number(percent)), charging: state === 'charging' };
}

async function numberIn(path: string, unit: number): Promise<number | null> {
  const read = await text(path);
  const value = Number(read ?? Number.NaN);
  return read === null || read.trim() === '' || !Number.isFinite(value) ? null : value * unit;
}
