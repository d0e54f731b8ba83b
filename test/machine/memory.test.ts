import { totalmem } from 'node:os';
import { describe, expect, it } from 'vitest';
import { machineMemory } from '../../src/machine/memory.ts';
import { groupFiles, onMachine } from './tree.ts';

const MEMINFO = `MemTotal:       16000000 kB
MemFree:          400000 kB
MemAvailable:   12000000 kB
Buffers:          100000 kB
`;

const memoryOf = (files: Record<string, string>) =>
  onMachine({ 'proc/meminfo': MEMINFO, ...files }, (root) => machineMemory({ platform: 'linux', root }));

describe('machineMemory', () => {
  it('takes what the kernel can give where nothing limits the process', async () => {
    expect(await memoryOf({})).toEqual({
      totalBytes: 16_000_000 * 1024,
      availableBytes: 12_000_000 * 1024,
      limitedBy: 'machine',
    });
  });

  it('counts copies of files in a container as available (control groups 2)', async () => {
    // A model of 900 MB was read: its pages are the group's, and the kernel lets go of them when asked.
    const memory = await memoryOf(
      groupFiles({
        'memory.max': '1073741824\n',
        'memory.current': '1000000000\n',
        'memory.stat': 'anon 90000000\nfile 905000000\ninactive_file 880000000\nactive_file 25000000\n',
      }),
    );
    expect(memory).toEqual({
      totalBytes: 1_073_741_824,
      availableBytes: 1_073_741_824 - 95_000_000,
      limitedBy: 'container',
    });
  });

  it('takes the tightest of the groups around it', async () => {
    const memory = await memoryOf({
      ...groupFiles({ 'memory.max': 'max\n', 'memory.current': '4096\n' }, 'user.slice/job'),
      'sys/fs/cgroup/user.slice/memory.max': '536870912\n',
      'sys/fs/cgroup/user.slice/memory.current': '436870912\n',
      'sys/fs/cgroup/user.slice/memory.stat': 'inactive_file 0\nactive_file 0\n',
    });
    expect(memory).toEqual({ totalBytes: 536_870_912, availableBytes: 100_000_000, limitedBy: 'container' });
  });

  it('reads version 1, with the path of the host in the process and the mount of the container', async () => {
    const group = 'sys/fs/cgroup/memory';
    const memory = await memoryOf({
      'proc/self/cgroup': '5:memory:/docker/0123abc\n4:cpu,cpuacct:/docker/0123abc\n',
      [`${group}/memory.limit_in_bytes`]: '2147483648\n',
      [`${group}/memory.usage_in_bytes`]: '2000000000\n',
      [`${group}/memory.stat`]:
        'cache 7\ninactive_file 1\ntotal_inactive_file 1500000000\ntotal_active_file 0\n',
    });
    expect(memory).toEqual({
      totalBytes: 2_147_483_648,
      availableBytes: 2_147_483_648 - 500_000_000,
      limitedBy: 'container',
    });
  });

  it('knows how version 1 writes that there is no limit', async () => {
    const group = 'sys/fs/cgroup/memory';
    const memory = await memoryOf({
      'proc/self/cgroup': '5:memory:/\n',
      [`${group}/memory.limit_in_bytes`]: '9223372036854771712\n',
      [`${group}/memory.usage_in_bytes`]: '2000000000\n',
    });
    expect(memory.limitedBy).toBe('machine');
  });

  it('adds up what macOS can give, by the pages of vm_stat', () => {
    // The lines and their layout as macOS 14 prints them on a Mac with 16 KiB pages; the figures are made up.
    const vmStat = `Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                                 6210.
Pages active:                             401000.
Pages inactive:                           390000.
Pages speculative:                          9000.
Pages throttled:                               0.
Pages wired down:                         120000.
Pages purgeable:                            2000.
"Translation faults":                  301234567.
`;
    const available = machineMemory({ platform: 'darwin', vmStat: () => vmStat }).availableBytes;
    expect(available).toBe(Math.min(totalmem(), (6210 + 390_000 + 9000 + 2000) * 16_384));
  });

  it('asks Node where vm_stat cannot be run', () => {
    const { availableBytes } = machineMemory({ platform: 'darwin', vmStat: () => null });
    expect(availableBytes).toBeGreaterThan(0);
  });
});
