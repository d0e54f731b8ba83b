import { describe, expect, it } from 'vitest';
import { comparisonWith } from '../../src/measure/baseline-choice.ts';
import { machineDifferences } from '../../src/measure/same-machine.ts';
import type { Results } from '../../src/schema/results.ts';
import { nanoResults } from '../helpers/results.ts';

const { machine, settings } = nanoResults();
const baseline = (source: string, overrides: Partial<Results> = {}) => ({
  label: source,
  sources: [source],
  results: nanoResults({ createdAt: `2026-0${source.length}-01T00:00:00.000Z`, ...overrides }),
});
const phone = { ...machine, cpu: 'Snapdragon 8 Gen 2', arch: 'arm64' };
const takenFrom = (...baselines: ReturnType<typeof baseline>[]) =>
  comparisonWith(nanoResults(), baselines)?.baseline?.createdAt.slice(0, 7);

describe('the baseline of a machine', () => {
  it('is that of the same machine and setup, wherever it stands', () => {
    const [own, other] = [baseline('a'), baseline('bb', { machine: phone })];
    const threaded = baseline('ccc', { settings: { ...settings, threads: 7 } });
    for (const order of [
      [own, other, threaded],
      [threaded, other, own],
    ]) {
      expect(takenFrom(...order)).toBe('2026-01');
    }
  });

  it('is the only one there is, which then says what does not compare', () => {
    const comparison = comparisonWith(nanoResults(), [baseline('a', { machine: phone })]);
    expect(comparison?.notes.join()).toContain(
      'another machine: architecture arm64 there, x64 here; cpu Snapdragon 8 Gen 2 there, AMD EPYC here',
    );
    expect(comparisonWith(nanoResults(), [])).toBeNull();
  });

  it('is refused where more than one would do, or none of several does', () => {
    const several = () => takenFrom(baseline('a'), baseline('bb'));
    expect(several).toThrow(
      expect.objectContaining({
        code: 'baseline/several',
        message: expect.stringMatching(/a \(the same machine and setup\), bb \(/),
      }),
    );
    const none = () =>
      takenFrom(baseline('a', { machine: phone }), baseline('bb', { machine: { ...phone, cores: 9 } }));
    expect(none).toThrow(/none of the baselines.*bb \(.*cores 9 there, 2 here\)/);
  });
});

describe('a machine', () => {
  it('is the same with another kernel, memory for the kernel, or engine, and what differs is named', () => {
    if ('status' in machine.engine) throw new Error('the results have an engine');
    const patched = { ...machine, os: 'linux 7.0', memoryBytes: machine.memoryBytes - 2 ** 26 };
    expect(
      machineDifferences(machine, { ...patched, engine: { ...machine.engine, llamaCpp: 'b1' } }),
    ).toEqual([]);
    expect(
      machineDifferences(machine, { ...machine, engine: { status: 'unavailable', reason: 'none' } }),
    ).toEqual([]);
    expect(machineDifferences(machine, { ...machine, os: 'darwin 24', memoryBytes: 2 ** 34 })).toEqual([
      'system darwin there, linux here',
      'memory 16.00 GiB there, 7.75 GiB here',
    ]);
    const vulkan = { ...machine.engine, backend: 'vulkan' as const, devices: ['A'] };
    expect(machineDifferences({ ...machine, engine: vulkan }, machine)).toEqual([
      'backend cpu there, vulkan here',
    ]);
  });
});
