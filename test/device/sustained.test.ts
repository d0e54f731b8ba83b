import { describe, expect, it } from 'vitest';
import { sustainedFrom, sustainedSpeed } from '../../src/device/sustained.ts';
import { isAvailable, unavailableBecause } from '../../src/schema/availability.ts';
import { type SustainedWindow, sustained } from '../../src/schema/sustained.ts';

const WINDOW_S = 5;

/** A curve of windows of 5 s, of so many seconds, whose speed is a function of its time. */
const curve = (seconds: number, tpsAt: (seconds: number) => number) =>
  Array.from({ length: seconds / WINDOW_S }, (_, index) => ({
    startS: index * WINDOW_S,
    endS: (index + 1) * WINDOW_S,
    tps: tpsAt(index * WINDOW_S),
  }));

function speedOf(...given: Parameters<typeof curve>) {
  const speed = sustainedSpeed(curve(...given));
  if (!isAvailable(speed)) throw new Error(speed.reason);
  return speed;
}

describe('sustainedSpeed', () => {
  it('finds when a device throttles, and what is left', () => {
    const speed = speedOf(600, (at) => (at < 120 ? 30 : 18));
    expect(speed).toEqual({ startTps: 30, sustainedTps: 18, sustainedShare: 0.6, throttledAfterS: 120 });
  });

  it('finds a fall by steps where it passes 90 %, not where it ends', () => {
    const speed = speedOf(600, (at) => 30 - Math.min(12, Math.floor(at / 60) * 2));
    // 30, 28, 26 from 120 s on: 26 is the first below 27.
    expect(speed.throttledAfterS).toBe(120);
    expect(speed.sustainedTps).toBe(18);
  });

  it('says of a device that keeps its speed that there was no throttling', () => {
    const speed = speedOf(300, (at) => 30 - (at % 2));
    expect(speed.sustainedShare).toBeGreaterThan(0.95);
    expect(speed.throttledAfterS).toEqual(unavailableBecause('none within 5 min 0 s'));
  });

  it('takes no single slow window for throttling, and no single fast one for its end', () => {
    expect(speedOf(300, (at) => (at === 150 ? 10 : 30)).throttledAfterS).toHaveProperty('status');
    expect(speedOf(300, (at) => (at === 295 ? 10 : 30)).throttledAfterS).toHaveProperty('status');
    expect(speedOf(300, (at) => (at >= 100 && at !== 200 ? 20 : 30)).throttledAfterS).toBe(100);
  });

  it('takes a dip that recovers for none', () => {
    const speed = speedOf(300, (at) => (at >= 60 && at < 120 ? 15 : 30));
    expect(speed.throttledAfterS).toHaveProperty('status', 'unavailable');
    expect(speed.sustainedShare).toBe(1);
  });

  it('takes the start from the first 30 s of a long run, and a tenth of a short one', () => {
    expect(speedOf(1200, (at) => (at < 30 ? 40 : 20))).toMatchObject({ startTps: 40, throttledAfterS: 30 });
    expect(speedOf(100, (at) => (at < 10 ? 40 : 20))).toMatchObject({ startTps: 40, throttledAfterS: 10 });
  });

  it('says why it tells nothing of a run that is too short, or in which nothing was timed', () => {
    expect(sustainedSpeed(curve(10, () => 30))).toEqual(
      unavailableBecause('the run of 10.0 s has 2 of the 3 windows that a curve takes at least'),
    );
    expect(sustainedSpeed([])).toHaveProperty('reason', 'none was timed');
  });

  it('knows windows of any length: one turn of a slow phone may be one', () => {
    const parts = [0, 40, 80, 120, 160, 200].map((startS) => ({
      startS,
      endS: startS + 40,
      tps: startS < 80 ? 3 : 2,
    }));
    expect(sustainedSpeed(parts)).toEqual({
      startTps: 3,
      sustainedTps: 2,
      sustainedShare: 2 / 3,
      throttledAfterS: 80,
    });
  });
});

describe('sustainedFrom', () => {
  const windows = (tpsAt: (seconds: number) => number, gapAt = Number.POSITIVE_INFINITY): SustainedWindow[] =>
    curve(300, tpsAt).map(({ startS, endS, tps }) => ({
      startS: startS + (startS >= gapAt ? 60 : 0),
      endS: endS + (startS >= gapAt ? 60 : 0),
      turns: 1,
      promptTokens: 0,
      promptTps: null,
      generatedTokens: Math.round(tps * WINDOW_S),
      generationTps: tps,
      state: { celsius: startS < 100 ? 40 + startS / 5 : 60, batteryPercent: 80, thermalState: 'fair' },
    }));
  const energy = unavailableBecause('none');
  const from = (own: readonly SustainedWindow[]) =>
    sustainedFrom({ minutes: 5, before: { celsius: 38, thermalState: 'nominal' }, windows: own, energy });

  it('is a document of the schema, with what the device said of itself', () => {
    const made = from(windows(() => 20));
    expect(sustained.parse(made)).toEqual(made);
    expect(made.celsius).toEqual({ start: 38, end: 60, least: 38, most: 60 });
    expect(made.batteryPercent).toEqual({ start: 80, end: 80, least: 80, most: 80 });
    expect(made.thermalStates).toEqual(['nominal', 'fair']);
    expect(made.clockShare).toEqual(unavailableBecause('the device tells no clock'));
    expect(made.prompt).toHaveProperty('status', 'unavailable');
    expect(made.seconds).toBe(300);
  });

  it('says nothing of heat where the run stood still, since a device cools meanwhile', () => {
    const { generation } = from(windows((at) => (at < 100 ? 30 : 20), 150));
    expect(generation).toEqual(
      unavailableBecause('the run stood still for 1 min 0 s of 6 min 0 s, and a device cools meanwhile'),
    );
  });

  it('finds the pause within a window, too: an app that was set aside in the middle of a reply', () => {
    const own = windows(() => 30);
    const stood = own.map((window, index) =>
      index === 20
        ? { ...window, endS: window.endS + 60 }
        : index > 20
          ? { ...window, startS: window.startS + 60, endS: window.endS + 60 }
          : window,
    );
    expect(from(stood).generation).toHaveProperty('reason', expect.stringContaining('stood still for 1 min'));
  });

  it('says nothing where there is nothing', () => {
    const { generation, seconds } = from([]);
    expect(generation).toHaveProperty('status', 'unavailable');
    expect(seconds).toBe(0);
  });
});
