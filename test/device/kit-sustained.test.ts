import { describe, expect, it } from 'vitest';
import { KitFindings } from '../../src/device/kit-finding.ts';
import { checkedSustained, type SustainedLimits } from '../../src/device/kit-sustained.ts';
import { isAvailable, unavailableBecause } from '../../src/schema/availability.ts';
import type { KitGolden, KitResults } from '../../src/schema/kit.ts';
import { type DeviceState, type SustainedWindow, sustained } from '../../src/schema/sustained.ts';

const WINDOW_S = 10;

/** What a phone measured over ten minutes; speed and state by the seconds since it began. */
function minutesOf(
  tpsAt: (seconds: number) => number,
  stateAt: (seconds: number) => DeviceState = () => ({}),
): Extract<KitResults['sustained'], { status: 'ok' }> {
  const windows = Array.from({ length: 60 }, (_, index): SustainedWindow => {
    const startS = index * WINDOW_S;
    return {
      startS,
      endS: startS + WINDOW_S,
      turns: 2,
      promptTokens: 40,
      promptTps: 200,
      generatedTokens: 100,
      generationTps: tpsAt(startS),
      state: stateAt(startS + WINDOW_S),
    };
  });
  return { status: 'ok', minutes: 10, before: stateAt(0), windows, brokenOff: null };
}

function checked(
  measured: KitResults['sustained'],
  limits: SustainedLimits = {},
  device: KitGolden['expected']['device'] = null,
) {
  const findings = new KitFindings();
  // Of golden file and results nothing else is read.
  const golden = { expected: { device } } as KitGolden;
  const made = checkedSustained(golden, { sustained: measured } as KitResults, limits, findings);
  return { made, found: findings.all };
}

function energyOf(...given: Parameters<typeof checked>) {
  const { made } = checked(...given);
  if (!isAvailable(made)) throw new Error(made.reason);
  expect(sustained.parse(made)).toEqual(made);
  return made.energy;
}

const throttling = (at: number) => (at < 120 ? 15 : 11);
/** A percent each minute. */
const draining = (at: number): DeviceState => ({ batteryPercent: 80 - Math.floor(at / 60), charging: false });

describe('minutes of use on a phone', () => {
  it('say the sustained speed and when it throttled, and find it', () => {
    const { made, found } = checked(minutesOf(throttling));
    expect(made).toMatchObject({
      generation: { startTps: 15, sustainedTps: 11, throttledAfterS: 120 },
      prompt: { sustainedTps: 200, throttledAfterS: { status: 'unavailable' } },
    });
    expect(found.map(({ level, code }) => `${level} ${code}`)).toEqual(['warning kit/throttled']);
    expect(found[0]?.message).toBe(
      'from 2 min 0 s on the phone is slower, and sustains 11.0 of 15.0 tokens/s (73 %)',
    );
  });

  it('find nothing where the phone keeps its speed', () => {
    expect(checked(minutesOf(() => 15)).found).toEqual([]);
  });

  it('are held to the speed that was asked for', () => {
    expect(
      checked(
        minutesOf(() => 15),
        { minSustainedTps: 15 },
      ).found,
    ).toEqual([]);
    const slow = checked(minutesOf(throttling), { minSustainedTps: 12 }).found;
    expect(slow.at(-1)).toMatchObject({ level: 'error', code: 'kit/too-slow' });
    expect(slow.at(-1)?.message).toBe('the phone sustains 11.0 tokens/s, at least 12 were asked for');
  });

  it('do not pass where they were not measured', () => {
    const none = unavailableBecause('the app gave no sustainedMinutes');
    expect(checked(none)).toEqual({ made: none, found: [] });
    const [finding] = checked(none, { minSustainedTps: 5 }).found;
    expect(finding?.code).toBe('kit/too-slow');
    expect(finding?.message).toContain('the app gave no sustainedMinutes');
  });

  it('tell that the run ended early, in words that move no cursor', () => {
    const { found } = checked({ ...minutesOf(() => 15), minutes: 20, brokenOff: '\u001B[2Jstopped' });
    expect(found[0]).toMatchObject({ level: 'warning', code: 'kit/broken-off' });
    expect(found[0]?.message).toBe('the run ended after 10 min 0 s of 20 min 0 s: "\\u001b[2Jstopped"');
  });
});

describe('the energy of a token', () => {
  const run = minutesOf(() => 15, draining);
  const tokens = 60 * 100;

  it('is the battery’s fall, in joules where its capacity is known', () => {
    const energy = energyOf(run, { batteryWh: 12.5 });
    expect(energy).toMatchObject({
      joulesPerToken: (0.1 * 12.5 * 3600) / tokens,
      percentPer1000Tokens: 10_000 / tokens,
      within: 0.1,
      source: 'the battery fell from 80 to 70 % of 12.5 Wh: the whole phone',
    });
    const phone = { id: 'iphone-13', name: 'iPhone 13', batteryWh: 12.41 };
    expect(energyOf(run, {}, phone)).toMatchObject({ joulesPerToken: (0.1 * 12.41 * 3600) / tokens });
    // A worn battery is its owner's to tell.
    expect(energyOf(run, { batteryWh: 10 }, phone)).toMatchObject({ joulesPerToken: 0.6 });
  });

  it('is in percent alone where its capacity is not', () => {
    const energy = energyOf(run);
    expect(energy).toMatchObject({
      joulesPerToken: { reason: expect.stringContaining('--battery-wh') },
      percentPer1000Tokens: 10_000 / tokens,
    });
  });

  it('is as uncertain as the steps in which the phone tells its level', () => {
    const coarse = minutesOf(
      () => 15,
      (at) => ({ batteryPercent: 80 - 5 * Math.floor(at / 200), charging: false }),
    );
    expect(energyOf(coarse, { batteryWh: 12 })).toMatchObject({ within: 5 / 15 });
  });

  it.each([
    ['no level', () => ({}), 'readDevice'],
    ['a phone that charges', (at: number) => ({ ...draining(at), charging: at > 300 }), 'was charging'],
    ['one step', (at: number) => ({ batteryPercent: at < 300 ? 80 : 79 }), 'fell by 1 %'],
    ['one coarse step', (at: number) => ({ batteryPercent: at < 300 ? 80 : 75 }), 'fell by 5 %'],
    ['a level that stays', () => ({ batteryPercent: 80 }), 'fell by 0 %'],
    ['a level that rises', (at: number) => ({ batteryPercent: 70 + at / 60 }), 'fell by 0 %'],
  ])('is unavailable with %s', (_, stateAt: (at: number) => DeviceState, reason) => {
    expect(
      energyOf(
        minutesOf(() => 15, stateAt),
        { batteryWh: 12 },
      ),
    ).toMatchObject({
      status: 'unavailable',
      reason: expect.stringContaining(reason),
    });
  });
});
