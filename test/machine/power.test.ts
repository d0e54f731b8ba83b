import { describe, expect, it } from 'vitest';
import { energyOf, type PowerState, parseMacBattery, readPowerState } from '../../src/machine/power.ts';
import { isAvailable } from '../../src/schema/availability.ts';
import { deviceState } from '../../src/schema/sustained.ts';
import { onMachine } from './tree.ts';

const readFrom = (files: Record<string, string>): Promise<PowerState> =>
  onMachine(files, (root) => readPowerState(root, 'linux'));

const zone = (index: number, type: string, temp: string) => ({
  [`sys/class/thermal/thermal_zone${index}/type`]: `${type}\n`,
  [`sys/class/thermal/thermal_zone${index}/temp`]: `${temp}\n`,
});
const battery = (more: Record<string, string>) =>
  Object.fromEntries(
    Object.entries({ type: 'Battery', status: 'Discharging', capacity: '81', ...more }).map(
      ([name, value]) => [`sys/class/power_supply/BAT0/${name}`, `${value}\n`],
    ),
  );
const rapl = (joules: number, name = 'package-0', domain = 'intel-rapl:0') => ({
  [`sys/class/powercap/${domain}/name`]: `${name}\n`,
  [`sys/class/powercap/${domain}/energy_uj`]: `${joules * 1e6}\n`,
  [`sys/class/powercap/${domain}/max_energy_range_uj`]: '1000000000\n',
});

describe('readPowerState', () => {
  it('knows nothing where there is nothing to read', async () => {
    expect(await readFrom({})).toMatchObject({ state: {}, packages: [], batteryWatts: null });
  });

  it('takes the processor’s sensor before all others, and the hottest of those', async () => {
    const zones = { ...zone(0, 'acpitz', '27800'), ...zone(1, 'x86_pkg_temp', '61000') };
    expect((await readFrom(zones)).state).toEqual({ sensor: 'x86_pkg_temp', celsius: 61 });
    const hwmon = 'sys/class/hwmon/hwmon2';
    const amd = { [`${hwmon}/name`]: 'k10temp\n', [`${hwmon}/temp1_input`]: '54125\n' };
    expect((await readFrom({ ...zones, ...amd })).state).toEqual({ sensor: 'k10temp', celsius: 54.125 });
  });

  it('takes no sensor that is not connected for a temperature', async () => {
    const zones = { ...zone(0, 'wifi', '-273000'), ...zone(1, 'broken', 'x'), ...zone(2, 'far', '255000') };
    expect((await readFrom(zones)).state).toEqual({});
  });

  it('reads battery, charging and what the battery gives', async () => {
    const on = await readFrom(battery({ power_now: '14500000' }));
    expect(on.state).toEqual({ batteryPercent: 81, charging: false });
    expect(on.batteryWatts).toBeCloseTo(14.5);
    const byCurrent = await readFrom(battery({ current_now: '-1000000', voltage_now: '11500000' }));
    expect(byCurrent.batteryWatts).toBeCloseTo(11.5);
    const plugged = await readFrom(battery({ status: 'Charging', power_now: '30000000' }));
    expect(plugged).toMatchObject({ state: { charging: true }, batteryWatts: null });
    expect((await readFrom(battery({ scope: 'Device' }))).state).toEqual({});
  });

  it('counts packages and none of their parts', async () => {
    const { packages } = await readFrom({
      ...rapl(500),
      ...rapl(300, 'core', 'intel-rapl:0:0'),
      ...rapl(900, 'psys', 'intel-rapl:1'),
    });
    expect(packages).toEqual([{ name: 'package-0', joules: 500, rangeJoules: 1000 }]);
  });

  it('reads this machine, by the schema', async () => {
    const { state } = await readPowerState();
    expect(deviceState.parse(state)).toEqual(state);
  });
});

describe('energyOf', () => {
  const packageAt = (atMs: number, joules: number): PowerState => ({
    atMs,
    state: {},
    packages: [{ name: 'package-0', joules, rangeJoules: 1000 }],
    batteryWatts: null,
  });
  const joulesOf = (states: readonly PowerState[]) => {
    const energy = energyOf(states);
    if (!isAvailable(energy)) throw new Error(energy.reason);
    return energy.joules;
  };

  it('adds up the counter, which begins anew at its range', () => {
    expect(joulesOf([packageAt(0, 900), packageAt(1, 980), packageAt(2, 50), packageAt(3, 60)])).toBe(160);
  });

  it('takes the battery’s power over time where no counter may be read', () => {
    const at = (seconds: number, batteryWatts: number | null): PowerState => ({
      atMs: seconds * 1000,
      state: {},
      packages: [],
      batteryWatts,
    });
    expect(joulesOf([at(0, 10), at(10, 20), at(20, 20)])).toBe(350);
    expect(energyOf([at(0, 10), at(10, null)])).toHaveProperty('status', 'unavailable');
    expect(energyOf([at(0, 10)])).toHaveProperty('status', 'unavailable');
  });
});

describe('parseMacBattery', () => {
  const line = (rest: string) =>
    `Now drawing from 'Battery Power'\n -InternalBattery-0 (id=1234)\t${rest} present: true\n`;
  it('reads level and charging of the machine’s own battery', () => {
    expect(parseMacBattery(line('81%; discharging; 3:12 remaining'))).toEqual({
      batteryPercent: 81,
      charging: false,
    });
    expect(parseMacBattery(line('55%; charging; 1:00 remaining'))).toEqual({
      batteryPercent: 55,
      charging: true,
    });
    expect(parseMacBattery("Now drawing from 'AC Power'\n")).toEqual({});
    expect(parseMacBattery(null)).toEqual({});
  });
});
