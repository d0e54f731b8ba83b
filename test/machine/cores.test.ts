import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { quotaCores, usableCores } from '../../src/machine/cores.ts';
import { groupFiles, onMachine } from './tree.ts';

const cpu = (index: number, file: string) => `sys/devices/system/cpu/cpu${index}/${file}`;

/** CPUs whose siblings are named by `siblings`, one entry each. */
function topology(siblings: readonly string[]): Record<string, string> {
  return {
    'proc/self/status': `Name:\tnode\nCpus_allowed_list:\t0-${siblings.length - 1}\n`,
    ...Object.fromEntries(
      siblings.map((list, index) => [cpu(index, 'topology/core_cpus_list'), `${list}\n`]),
    ),
  };
}

const coresOf = (files: Record<string, string>, asked: number | null) =>
  onMachine(files, (root) => usableCores(asked, root, 'linux'));

const EIGHT = topology(['0', '1', '2', '3', '4', '5', '6', '7']);

describe('usableCores', () => {
  it("takes llama.cpp's count where nothing limits the process", async () => {
    expect(await coresOf(EIGHT, 6)).toEqual({ count: 6, limitedBy: 'cores' });
  });

  it('takes the quota of a container, rounded up', async () => {
    const quota = (text: string) => ({ ...EIGHT, ...groupFiles({ 'cpu.max': text }) });
    expect(await coresOf(quota('150000 100000\n'), 8)).toEqual({ count: 2, limitedBy: 'quota' });
    expect(await coresOf(quota('10000 100000\n'), 8)).toEqual({ count: 1, limitedBy: 'quota' });
    expect(await coresOf(quota('max 100000\n'), 8)).toEqual({ count: 8, limitedBy: 'cores' });
    expect(await coresOf(quota('1600000 100000\n'), 8)).toEqual({ count: 8, limitedBy: 'cores' });
  });

  it('takes the tightest quota of version 1', async () => {
    const files = {
      'proc/self/cgroup': '3:cpu,cpuacct:/outer/inner\n',
      'sys/fs/cgroup/cpu,cpuacct/outer/inner/cpu.cfs_quota_us': '-1\n',
      'sys/fs/cgroup/cpu,cpuacct/outer/inner/cpu.cfs_period_us': '100000\n',
      'sys/fs/cgroup/cpu,cpuacct/outer/cpu.cfs_quota_us': '300000\n',
      'sys/fs/cgroup/cpu,cpuacct/outer/cpu.cfs_period_us': '100000\n',
    };
    expect(await coresOf({ ...EIGHT, ...files }, 8)).toEqual({ count: 3, limitedBy: 'quota' });
    expect(await onMachine(files, quotaCores)).toBe(3);
  });

  it('counts the cores that its affinity allows, and siblings of one core once', async () => {
    const files = { ...EIGHT, 'proc/self/status': 'Cpus_allowed_list:\t0-1,5\n' };
    expect(await coresOf(files, 8)).toEqual({ count: 3, limitedBy: 'affinity' });
    const threads = topology(['0,4', '1,5', '2,6', '3,7', '0,4', '1,5', '2,6', '3,7']);
    expect(await coresOf(threads, 8)).toMatchObject({ count: 4 });
    expect(await coresOf({ ...threads, 'proc/self/status': 'Cpus_allowed_list:\t0,4\n' }, 4)).toEqual({
      count: 1,
      limitedBy: 'affinity',
    });
  });

  it('leaves the efficiency cores of a hybrid ARM machine out', async () => {
    const capacities = [250, 250, 250, 250, 760, 760, 760, 1024];
    const files = capacities.map((capacity, index) => [cpu(index, 'cpu_capacity'), `${capacity}\n`]);
    expect(await coresOf({ ...EIGHT, ...Object.fromEntries(files) }, 8)).toEqual({
      count: 4,
      limitedBy: 'performance cores',
    });
  });

  const module = new URL('../../src/machine/cores.ts', import.meta.url).href;
  const script = `import { usableCores } from '${module}'; console.log(JSON.stringify(usableCores(null)));`;
  const tsx = ['--import', 'tsx', '--input-type=module', '-e', script];

  it.skipIf(process.platform !== 'linux' || spawnSync('taskset', ['--version']).status !== 0)(
    'is one under taskset',
    () => {
      const said = execFileSync('taskset', ['-c', '0', process.execPath, ...tsx], { encoding: 'utf8' });
      expect(JSON.parse(said).count).toBe(1);
    },
  );

  const group = ownGroup();
  it.skipIf(group === null)('is one under a real quota of half a CPU', () => {
    if (group === null) return;
    try {
      writeFileSync(`${group}/cpu.cfs_quota_us`, '50000');
      const said = execFileSync(
        '/bin/sh',
        ['-c', `echo $$ > ${group}/cgroup.procs && exec "$0" "$@"`, process.execPath, ...tsx],
        { encoding: 'utf8' },
      );
      expect(JSON.parse(said).count).toBe(1);
    } finally {
      rmdirSync(group);
    }
  });
});

/** A control group (version 1) of this test's own; null where none can be made. */
function ownGroup(): string | null {
  const folder = `/sys/fs/cgroup/cpu/quantscope-test-${process.pid}`;
  try {
    mkdirSync(folder);
    return folder;
  } catch {
    return null;
  }
}
