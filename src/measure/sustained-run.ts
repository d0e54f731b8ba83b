import { setTimeout as wait } from 'node:timers/promises';
import { sustainedFrom } from '../device/sustained.ts';
import type { EngineSession, LoadedModel, TestTimes } from '../engine/engine.ts';
import { energyOf, type PowerState } from '../machine/power.ts';
import { isAvailable, unavailableBecause } from '../schema/availability.ts';
import type { Sustained, SustainedWindow } from '../schema/sustained.ts';
import { sum } from '../util/sum.ts';
import { benchmarkTokens, type SpeedTest, WARM_UP_GENERATION_TOKENS } from './speed.ts';

/** A curve of some tens of windows, none so short that a turn is all of it where turns are short. */
const WINDOWS = 30;
const LEAST_WINDOW_S = 1;
const MOST_WINDOW_S = 10;
const NOTHING = new Uint32Array();

/** How hot a machine may still be when the next model begins, beyond what it was when the first did. */
const COOL_WITHIN_CELSIUS = 3;
/** The longest waits in minutes: until a sensor says that it is cool, and where none does. */
const MOST_COOLING = { withSensor: 10, without: 3 } as const;
const LOOK_MS = 1000;

/** Turns of a chat, one after the other for some minutes, whose curve is there whenever the run ends. */
export class SustainedRun {
  readonly #minutes: number;
  readonly #test: SpeedTest;
  readonly #readPower: () => Promise<PowerState>;
  readonly #windows: SustainedWindow[] = [];
  readonly #states: PowerState[] = [];
  /** Of every turn, with those of the window that is not closed. */
  readonly times: TestTimes[] = [];
  #startedMs = 0;
  #open: { readonly startS: number; readonly from: number } = { startS: 0, from: 0 };

  constructor(minutes: number, test: SpeedTest, readPower: () => Promise<PowerState>) {
    this.#minutes = minutes;
    this.#test = test;
    this.#readPower = readPower;
  }

  /**
   * One warm-up, then turns until the minutes are over; the turn that is at work then is finished. The open context
   * must hold a whole turn.
   * @param onTurn called after each turn with the seconds that have passed and the last window's speed
   */
  async run(
    session: EngineSession,
    model: LoadedModel,
    seed: number,
    onTurn: (seconds: number, generationTps: number | null) => void,
  ): Promise<void> {
    const { promptTokens, generationTokens, depth } = this.#test;
    const prompt = benchmarkTokens(promptTokens, model, seed);
    const generated = benchmarkTokens(generationTokens, model, seed + 1);
    const before = benchmarkTokens(depth, model, seed + 2);
    const warmUp = generated.subarray(0, WARM_UP_GENERATION_TOKENS);
    await session.timeTest({ before: NOTHING, prompt, generated: warmUp });
    const totalS = this.#minutes * 60;
    const windowS = Math.min(MOST_WINDOW_S, Math.max(LEAST_WINDOW_S, totalS / WINDOWS));
    this.#states.push(await this.#readPower());
    // A clock that counts the time in which a laptop sleeps, too.
    this.#startedMs = Date.now();
    for (let now = 0; now < totalS; ) {
      this.times.push(await session.timeTest({ before, prompt, generated }));
      now = this.#seconds();
      if (now - this.#open.startS >= windowS || now >= totalS) await this.#close(now);
      onTurn(now, this.#windows.at(-1)?.generationTps ?? null);
    }
  }

  /** What was measured so far; null before the first window ended. */
  sustained(): Sustained | null {
    const [first] = this.#states;
    if (first === undefined || this.#windows.length === 0) return null;
    const windows = [...this.#windows];
    const tokens = sum(windows.map(({ generatedTokens }) => generatedTokens));
    const energy = energyOf(this.#states);
    return sustainedFrom({
      minutes: this.#minutes,
      before: first.state,
      windows,
      energy: isAvailable(energy)
        ? {
            joulesPerToken:
              energy.joules > 0
                ? energy.joules / tokens
                : unavailableBecause('the counter did not move while it ran'),
            percentPer1000Tokens: unavailableBecause('the energy itself was read'),
            source: energy.source,
          }
        : energy,
    });
  }

  #seconds(): number {
    return Math.max(this.#open.startS, (Date.now() - this.#startedMs) / 1000);
  }

  async #close(endS: number): Promise<void> {
    const { startS, from } = this.#open;
    const turns = this.times.slice(from);
    const power = await this.#readPower();
    this.#states.push(power);
    const { promptTokens, generationTokens } = this.#test;
    const rate = (tokens: number, nanoseconds: (times: TestTimes) => number) =>
      (tokens * turns.length * 1e9) / sum(turns.map(nanoseconds));
    this.#windows.push({
      startS,
      endS,
      turns: turns.length,
      promptTokens: promptTokens * turns.length,
      promptTps: promptTokens === 0 ? null : rate(promptTokens, ({ promptNs }) => promptNs),
      generatedTokens: generationTokens * turns.length,
      generationTps: rate(generationTokens, ({ generationNs }) => generationNs),
      state: power.state,
    });
    this.#open = { startS: this.#seconds(), from: this.times.length };
  }
}

/**
 * Lets the machine cool down before the next model, so that the order of models decides less: until its sensor is near
 * what it was before the first, or for a while where there is none.
 * @param minutes of a run: no pause is longer, and without a sensor it is half of that
 * @returns seconds waited
 */
export async function coolDown(
  minutes: number,
  first: PowerState,
  readPower: () => Promise<PowerState>,
  signal: AbortSignal | undefined,
  onWait: (seconds: number, most: number) => void,
): Promise<number> {
  const { celsius: cool } = first.state;
  const most =
    60 *
    (cool === undefined
      ? Math.min(MOST_COOLING.without, minutes / 2)
      : Math.min(MOST_COOLING.withSensor, minutes));
  const started = performance.now();
  const waited = () => (performance.now() - started) / 1000;
  const isCool = async () => {
    const now = cool === undefined ? undefined : (await readPower()).state.celsius;
    return cool !== undefined && now !== undefined && now <= cool + COOL_WITHIN_CELSIUS;
  };
  while (waited() < most && !(await isCool())) {
    onWait(waited(), most);
    await wait(
      Math.min(LOOK_MS, 1000 * (most - waited())),
      undefined,
      signal === undefined ? {} : { signal },
    );
  }
  return waited();
}
