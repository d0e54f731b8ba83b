import { describe, expect, it } from 'vitest';
import { cpuName } from '../../src/machine/cpu-name.ts';
import { onMachine } from './tree.ts';

/** An entry of /proc/cpuinfo as Linux 6 writes it on ARM64. */
const core = (index: number, implementer: string, part: string) => `processor\t: ${index}
BogoMIPS\t: 50.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp
CPU implementer\t: ${implementer}
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: ${part}
CPU revision\t: 1
`;

const nameOf = (cores: readonly string[]) =>
  onMachine({ 'proc/cpuinfo': cores.join('\n') }, (root) => cpuName(root, 'linux', 'arm64'));

describe('cpuName', () => {
  it('names every kind of core on ARM with its number, the fast ones first', async () => {
    const a55 = [0, 1, 2, 3].map((index) => core(index, '0x41', '0xd05'));
    const a76 = [4, 5, 6, 7].map((index) => core(index, '0x41', '0xd0b'));
    expect(await nameOf([...a55, ...a76])).toBe('4x Cortex-A76 + 4x Cortex-A55');
    expect(await nameOf([0, 1].map((index) => core(index, '0x41', '0xd4f')))).toBe('2x Neoverse-V2');
  });

  it('keeps the numbers of cores that it does not know', async () => {
    expect(await nameOf([core(0, '0x41', '0xfff')])).toBe('1x Arm part 0xfff');
    expect(await nameOf([core(0, '0x99', '0x001')])).toBe('1x implementer 0x99 part 0x001');
  });

  it('takes the name that x64 gives', async () => {
    const text = 'processor\t: 0\nmodel name\t: Example CPU @ 2.00GHz\n';
    expect(await onMachine({ 'proc/cpuinfo': text }, (root) => cpuName(root, 'linux', 'x64'))).toBe(
      'Example CPU @ 2.00GHz',
    );
  });
});
