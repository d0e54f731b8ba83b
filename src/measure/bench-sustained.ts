import type { EngineSession, LoadedModel, TestTimes } from '../engine/engine.ts';
import { type PowerState, readPowerState } from '../machine/power.ts';
import type { MachineWarning } from '../machine/watch.ts';
import type { BenchRow } from '../schema/bench.ts';
import type { SpeedTest } from './speed.ts';
import { coolDown, SustainedRun } from './sustained-run.ts';

/** Nothing slows down for its heat sooner. */
const HEAT_MINUTES = 1;

type Sustained = NonNullable<BenchRow['sustained']>;

/** What a test that was repeated for minutes gave, to its end or to where it was stopped. */
export interface SustainedTest {
  readonly times: readonly TestTimes[];
  readonly sustained: Sustained;
  /** Why it did not get to its end; null where it did. */
  readonly brokenBy: unknown;
}

/** Repeats each test of a bench for minutes, with a pause before each but the first. */
export class SustainedTests {
  readonly #minutes: number;
  readonly #signal: AbortSignal | undefined;
  readonly #readPower: () => Promise<PowerState>;
  /** Before the first began. */
  #cool: PowerState | undefined;

  constructor(minutes: number, signal: AbortSignal | undefined, readPower = () => readPowerState()) {
    this.#minutes = minutes;
    this.#signal = signal;
    this.#readPower = readPower;
  }

  /** @returns seconds waited */
  async coolDown(onWait: (seconds: number, most: number) => void): Promise<number> {
    if (this.#cool !== undefined)
      return coolDown(this.#minutes, this.#cool, this.#readPower, this.#signal, onWait);
    this.#cool = await this.#readPower();
    return 0;
  }

  /** @throws what the engine throws, where it comes before the first window of the curve */
  async run(
    session: EngineSession,
    model: LoadedModel,
    test: SpeedTest,
    seed: number,
    cooledS: number,
    onTurn: (seconds: number, generationTps: number | null) => void,
  ): Promise<SustainedTest> {
    const run = new SustainedRun(this.#minutes, test, this.#readPower);
    let brokenBy: unknown = null;
    try {
      await run.run(session, model, seed, onTurn);
    } catch (thrown) {
      brokenBy = thrown;
    }
    const measured = run.sustained();
    if (measured === null) throw brokenBy;
    return {
      times: run.times,
      sustained: { ...measured, cooledS, isStopped: brokenBy !== null },
      brokenBy,
    };
  }
}

export function shortWarnings(minutes: number): MachineWarning[] {
  if (minutes >= HEAT_MINUTES) return [];
  return [
    {
      code: 'bench/short',
      message: `${minutes} minutes are too few for heat to show`,
      hint: 'Machines take 1 to 10 minutes until they are as hot as they get.',
    },
  ];
}

/** Heat is what minutes of use are to show. */
export function withoutHeat({ disturbed = [] }: Pick<BenchRow, 'disturbed'>): Pick<BenchRow, 'disturbed'> {
  const others = disturbed.filter(({ code }) => code !== 'machine/throttled');
  return others.length === 0 ? {} : { disturbed: others };
}
