import { describe, expect, it } from 'vitest';
import { type MachineState, parseMacState, readMachineState } from '../../src/machine/state.ts';
import { spreadWarnings, warningsBetween, watchMachine, withoutRepeats } from '../../src/machine/watch.ts';
import { groupFiles, onMachine } from './tree.ts';

const readFrom = (files: Record<string, string>): Promise<MachineState> =>
  onMachine(files, (root) => readMachineState(root, 'linux'));

const IDLE = {
  'proc/stat': 'cpu  100 0 100 1000 0 0 0 0 0 0\ncpu0 100 0 100 1000 0 0 0 0 0 0\n',
  'proc/self/stat': '7 (node (x) y) S 1 7 7 0 -1 4194304 99 0 0 0 10 5 20 15 20 0 1 0 1327481 3133440',
  'proc/vmstat': 'nr_free_pages 5\npswpin 3\npswpout 4\n',
};

async function codes(before: Record<string, string>, after: Record<string, string>, clocks: number[] = []) {
  const [first, second] = [await readFrom({ ...IDLE, ...before }), await readFrom({ ...IDLE, ...after })];
  return warningsBetween(first, second, clocks).map(({ code }) => code);
}

describe('readMachineState', () => {
  it('reads CPU time, its own and its ended children’s, and swapped pages', async () => {
    const { cpu, ownCpuS, swappedPages } = await readFrom(IDLE);
    expect(cpu).toEqual({ busyS: 2, totalS: 12, stolenS: 0 });
    expect(ownCpuS).toBeCloseTo(0.5);
    expect(swappedPages).toBe(7);
  });

  it('knows nothing where there is nothing to read', async () => {
    const { atMs: _, ...state } = await readFrom({});
    expect(new Set(Object.values(state))).toEqual(new Set([null]));
  });

  it('reads this machine, on which CPU time only grows', async () => {
    const first = await readMachineState();
    const second = await readMachineState();
    if (first.cpu === null || second.cpu === null) return;
    expect(second.cpu.totalS).toBeGreaterThanOrEqual(first.cpu.totalS);
    expect(second.ownCpuS).toBeGreaterThanOrEqual(first.ownCpuS ?? 0);
  });
});

describe('warningsBetween', () => {
  const later = (busy: number, steal: number, idle: number) => ({
    'proc/stat': `cpu  ${100 + busy} 0 100 ${1000 + idle} 0 0 0 ${steal} 0 0\n`,
  });

  it('says nothing of a machine that did nothing else', async () => {
    expect(await codes({}, later(0, 0, 1000))).toEqual([]);
  });

  it('does not take its own work for others’', async () => {
    const own = '7 (node) S 1 7 7 0 -1 4194304 99 0 0 0 10 5 920 115 20 0 1 0 1 1';
    expect(await codes({}, { ...later(1000, 0, 1000), 'proc/self/stat': own })).toEqual([]);
  });

  it('tells of other processes and of a host that gives the CPU to others', async () => {
    expect(await codes({}, later(500, 0, 500))).toEqual(['machine/others']);
    expect(await codes({}, later(0, 500, 500))).toEqual(['machine/stolen']);
  });

  it('tells of swapping, heat, a low clock and battery', async () => {
    expect(await codes({}, { 'proc/vmstat': 'pswpin 10\npswpout 4\n' })).toEqual(['machine/swapped']);
    const throttled = 'sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count';
    expect(await codes({ [throttled]: '2\n' }, { [throttled]: '5\n' })).toEqual(['machine/throttled']);
    const zone = 'sys/class/thermal/thermal_zone0';
    const hot = {
      [`${zone}/type`]: 'x86_pkg_temp\n',
      [`${zone}/temp`]: '96000\n',
      [`${zone}/trip_point_0_type`]: 'passive\n',
      [`${zone}/trip_point_0_temp`]: '95000\n',
    };
    expect(await codes({}, hot)).toEqual(['machine/throttled']);
    expect(await codes({}, { ...hot, [`${zone}/temp`]: '60000\n' })).toEqual([]);
    expect(await codes({}, {}, [0.4, 0.5])).toEqual(['machine/throttled']);
    expect(await codes({}, {}, [0.4, 0.9])).toEqual([]);
    const battery = 'sys/class/power_supply/BAT0';
    const discharging = { [`${battery}/type`]: 'Battery\n', [`${battery}/status`]: 'Discharging\n' };
    expect(await codes({}, discharging)).toEqual(['machine/battery']);
    expect(await codes({}, { ...discharging, [`${battery}/scope`]: 'Device\n' })).toEqual([]);
  });

  it('takes the clock as a share of the highest', async () => {
    const cpu = 'sys/devices/system/cpu/cpu0/cpufreq';
    const { clockShare } = await readFrom({
      [`${cpu}/scaling_cur_freq`]: '1200000\n',
      [`${cpu}/cpuinfo_max_freq`]: '4800000\n',
    });
    expect(clockShare).toBeCloseTo(0.25);
  });
});

describe('watchMachine', () => {
  it('tells of the load before the first measurement, once', async () => {
    const state = await readFrom(IDLE);
    const watch = await watchMachine(2, async () => state, 1.5);
    expect((await watch.warnings()).map(({ code }) => code)).toEqual(['machine/busy']);
    expect(await watch.warnings()).toEqual([]);
    const idle = await watchMachine(2, async () => state, 0.2);
    expect(await idle.warnings()).toEqual([]);
  });
});

describe('spreadWarnings', () => {
  it('names the tests that disagree most, in one warning', () => {
    const tests = [1, 6, 9, 20, 30].map((stddevTps) => ({ test: `t${stddevTps}`, meanTps: 100, stddevTps }));
    const [warning, ...more] = spreadWarnings(tests);
    expect(more).toEqual([]);
    expect(warning?.message).toContain('t30 (30 %), t20 (20 %), t9 (9 %) and 1 more');
    expect(spreadWarnings(tests.slice(0, 1))).toEqual([]);
  });

  it('keeps one warning of a kind', () => {
    const warning = { code: 'machine/busy', message: 'first', hint: '' };
    expect(withoutRepeats([warning, { ...warning, message: 'second' }])).toEqual([warning]);
  });
});

describe('the quota of a container', () => {
  it('is named where it stopped the measurement', async () => {
    const stat = (stops: number) =>
      groupFiles({ 'cpu.stat': `usage_usec 5\nnr_periods 90\nnr_throttled ${stops}\n` });
    expect(await codes(stat(4), stat(9))).toEqual(['machine/quota']);
    expect(await codes(stat(4), stat(4))).toEqual([]);
  });
});

describe('parseMacState', () => {
  // The layout of macOS 14; the figures are made up.
  it('reads speed limit, battery and Low Power Mode', () => {
    expect(
      parseMacState(
        'Note: No thermal warning level has been recorded\nCPU_Scheduler_Limit \t= 100\nCPU_Speed_Limit \t= 60\n',
        "Now drawing from 'Battery Power'\n -InternalBattery-0 (id=1234)\t81%; discharging; 3:12 remaining\n",
        'System-wide power settings:\nCurrently in use:\n standby              1\n lowpowermode         1\n',
        'com.apple.system.thermalpressurelevel 2\n',
      ),
    ).toEqual({ speedLimit: 0.6, thermalPressure: 2, onBattery: true, savesPower: true });
  });

  it('knows nothing where they say nothing', () => {
    expect(parseMacState(null, null, null, null)).toEqual({
      speedLimit: null,
      thermalPressure: null,
      onBattery: null,
      savesPower: null,
    });
  });
});
