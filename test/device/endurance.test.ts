import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { enduranceOf } from '../../src/device/fit-report.ts';
import { builtInDevices } from '../../src/device/profiles.ts';

const PHONES = await builtInDevices();
const SOURCES = PHONES.sources;

const FACTS = fileURLToPath(new URL('../../../shared/data/devices.json', import.meta.url));
const facts = existsSync(FACTS) ? JSON.parse(readFileSync(FACTS, 'utf8')) : null;

describe('what is said of heat and battery', () => {
  const all = PHONES.devices.map((device) => ({ device, endurance: enduranceOf(device, PHONES) }));

  it('is a published range with known sources, or unavailable with the reason', () => {
    for (const { device, endurance } of all) {
      for (const figure of [endurance.sustainedShare, endurance.joulesPerToken]) {
        if ('status' in figure) {
          expect(figure.reason, device.id).toMatch(/published/);
          continue;
        }
        expect(figure.low).toBeGreaterThan(0);
        expect(figure.high).toBeGreaterThanOrEqual(figure.low);
        expect(Object.keys(SOURCES)).toEqual(expect.arrayContaining([...figure.sources]));
      }
    }
  });

  it('is carried over to no phone that was not measured, and tells an iPhone of the one run of llama.cpp', () => {
    const measured = all.filter(({ endurance }) => !('status' in endurance.sustainedShare));
    expect(measured.map(({ device }) => device.id)).toEqual([
      'iphone-13',
      'iphone-15',
      'iphone-16-pro',
      'iphone-17-pro',
    ]);
    expect(enduranceOf({ id: 'iphone-14', os: 'ios' }, PHONES).sustainedShare).toHaveProperty(
      'reason',
      expect.stringContaining('59 %'),
    );
    expect(enduranceOf({ id: 'galaxy-s23', os: 'android' }, PHONES).joulesPerToken).toHaveProperty('status');
  });

  it.skipIf(facts === null)('is what the gathered facts have for the iPhone 17 Pro’s GPU', () => {
    const rows = facts.measurements.filter(
      ({ device, backend, sustained }: { device: string; backend: string; sustained?: object }) =>
        device === 'iphone-17-pro' && backend === 'gpu' && sustained !== undefined,
    );
    expect(rows.length).toBeGreaterThan(3);
    const { sustainedShare, joulesPerToken } = enduranceOf({ id: 'iphone-17-pro', os: 'ios' }, PHONES);
    const shares = rows.map((row: { sustained: { shareOfBurst: number } }) => row.sustained.shareOfBurst);
    const joules = rows.map((row: { energyJoulesPerToken: number }) => row.energyJoulesPerToken);
    for (const [figure, values] of [
      [sustainedShare, shares],
      [joulesPerToken, joules],
    ] as const) {
      if ('status' in figure) throw new Error('unavailable');
      expect(Math.abs(figure.low - Math.min(...values))).toBeLessThan(0.006);
      expect(Math.abs(figure.high - Math.max(...values))).toBeLessThan(0.006);
    }
  });
});

describe.skipIf(facts === null)('the claims that were found false', () => {
  it('are in no profile, no measured row and no source', () => {
    const rejected: { claim: string; sources: string[] }[] = facts.rejected;
    expect(rejected).toHaveLength(5);
    // Two of the pages with a misprint are right about other figures.
    const only = rejected
      .flatMap(({ sources }) => sources)
      .filter((id) => !['pos-a19', 'zb-a19'].includes(id));
    expect(only.length).toBeGreaterThan(2);
    for (const id of only) {
      expect(Object.keys(SOURCES)).not.toContain(id);
      expect(PHONES.measured.rows.some(({ source }) => source === id)).toBe(false);
    }
    expect(JSON.stringify(SOURCES)).not.toMatch(/brick-house\.org|fate-oracle\.com/);
    const bandwidth = PHONES.chips['apple-a19-pro']?.memoryBandwidthBytesPerSecond?.value ?? 0;
    expect(Math.abs(bandwidth - 76.8e9)).toBeLessThan(0.1e9);
    const iphone12 = PHONES.measured.rows.filter(({ device }) => device === 'iphone-12');
    expect(iphone12).toEqual([]);
  });
});
