import type { EngineSession, LoadedModel } from '../engine/engine.ts';
import { type MachineWarning, spreadWarnings, withoutRepeats } from '../machine/watch.ts';
import { unavailableBecause } from '../schema/availability.ts';
import type { BenchConfig, BenchResults, BenchRow } from '../schema/bench.ts';
import type { Machine } from '../schema/results.ts';
import { SCHEMA_IDS } from '../schema/terms.ts';
import { QuantscopeError } from '../util/errors.ts';
import { bandwidth, speedUp } from './bench-derived.ts';
import { type KnownFile, type Loaded, OpenedModel } from './bench-model.ts';
import type { BenchEnvironment, BenchModel, BenchPlan, BenchPoint, BenchStep } from './bench-plan.ts';
import { blankRow, failed, repeated } from './bench-row.ts';
import { type SustainedTest, SustainedTests, shortWarnings, withoutHeat } from './bench-sustained.ts';
import { measureCopyBandwidth } from './copy-bandwidth.ts';
import { ownFailure } from './engine-faults.ts';
import { withEngine } from './environment.ts';
import { engineMemoryOf } from './memory.ts';
import { benchmarkTokens, type SpeedTest, testRate, timeRepetitions } from './speed.ts';
import { median } from './statistics.ts';
import { findThreads } from './threads.ts';
import { timed } from './timing.ts';

/** A new process evaluates single tokens slowly until a prompt of this length has made the system spread its threads. */
const SPREADING_TOKENS = 512;
const NOTHING = new Uint32Array();

type OnStep = (what: BenchStep['what'], done: number, total: number, generationTps?: number | null) => void;
/** Of each repetition or turn; a run of minutes keeps what it has where it is broken off. */
type Times = Pick<SustainedTest, 'times' | 'brokenBy'> & Partial<Pick<SustainedTest, 'sustained'>>;

/**
 * Times every test of the grid by llama-bench's method: each model and configuration in a process of its own, a row a
 * test. A failure is a row with its reason, and the others go on.
 * @throws UsageError, an EngineError when no engine can be started at all, the signal's reason, or what `onRow` throws
 */
export async function runBench(plan: BenchPlan, environment: BenchEnvironment): Promise<BenchResults> {
  return new Bench(plan, environment).run();
}

class Bench {
  readonly #plan: BenchPlan;
  readonly #environment: BenchEnvironment;
  readonly #rows: BenchRow[] = [];
  readonly #searches: BenchResults['threadSearches'][number][] = [];
  readonly #createdAt: string;
  readonly #sustained: SustainedTests | null;
  #warnings: MachineWarning[] = [];
  #machine: Machine;

  constructor(plan: BenchPlan, environment: BenchEnvironment) {
    this.#plan = plan;
    this.#environment = environment;
    this.#machine = environment.machine;
    this.#createdAt = environment.now().toISOString();
    const { minutes } = plan;
    this.#sustained = minutes === undefined ? null : new SustainedTests(minutes, environment.signal);
    if (minutes !== undefined) this.#warn(shortWarnings(minutes));
  }

  async run(): Promise<BenchResults> {
    const { models, points, tests } = this.#plan;
    if (models.length > 0 && tests.some(isGeneration)) {
      const copied = await measureCopyBandwidth(this.#machine.cores, this.#environment.signal);
      this.#machine = { ...this.#machine, copyBandwidthBytesPerSecond: copied };
    }
    for (const model of models) {
      const known: KnownFile = { searches: new Map(), warm: false };
      for (const point of points) {
        await this.#runPoint(model, point, known);
        this.#warn(await this.#environment.watch.warnings());
      }
    }
    return this.#results();
  }

  /** All tests of one model in one configuration. */
  async #runPoint(model: BenchModel, point: BenchPoint, known: KnownFile): Promise<void> {
    let failure = model.described instanceof QuantscopeError ? model.described : undefined;
    const opened = new OpenedModel(model, point, this.#environment, known);
    await using _ = opened;
    for (const test of this.#plan.tests) {
      const row = blankRow(model, point, test, this.#plan.minutes);
      if (failure !== undefined) {
        await this.#addRow(failed(row, failure));
        continue;
      }
      const step: OnStep = (what, done, total, generationTps = null) =>
        this.#environment.onStep({
          model: row.model.label,
          what,
          test: row.test.name,
          done,
          total,
          generationTps,
        });
      let loaded: Loaded;
      try {
        loaded = await opened.load(step);
      } catch (thrown) {
        // What cannot be loaded for one test cannot be for another.
        failure = ownFailure(thrown, this.#environment.signal);
        await this.#addRow(failed(row, failure));
        continue;
      }
      this.#machine = withEngine(this.#machine, loaded.session);
      if (this.#repeatsCpu(point, loaded.session)) return;
      try {
        const threads = await this.#threadsOf(model, point, loaded, step);
        const measured = { ...row, config: { ...row.config, ...threads } };
        const done = await this.#measure(model, point, measured, loaded, step);
        await this.#addRow(done);
        this.#environment.signal?.throwIfAborted();
        if (done.status === 'failed') await opened.close();
      } catch (thrown) {
        await this.#addRow(failed(row, ownFailure(thrown, this.#environment.signal), loaded.session));
        // The process may be gone, and its state is not to be trusted.
        await opened.close();
      }
    }
  }

  async #measure(
    model: BenchModel,
    point: BenchPoint,
    row: BenchRow,
    loaded: Loaded,
    step: OnStep,
  ): Promise<BenchRow> {
    const { session, facts } = loaded;
    const { seed } = this.#plan;
    const { test, config } = row;
    const context = {
      ...contextOf(point),
      threads: config.threads ?? session.info.mathCores,
      promptThreads: config.promptThreads ?? session.info.mathCores,
    };
    step('warm-up', 0, 1);
    if (!loaded.spread && !isAllOnGpu(facts) && test.promptTokens < SPREADING_TOKENS) {
      await session.openContext({ ...context, contextSize: SPREADING_TOKENS });
      const prompt = benchmarkTokens(SPREADING_TOKENS, facts, seed);
      await session.timeTest({ before: NOTHING, prompt, generated: NOTHING });
    }
    loaded.spread = true;
    const contextSize = test.promptTokens + test.generationTokens + test.depth;
    const { openMs } = await session.openContext({ ...context, contextSize });
    const cooledS = (await this.#sustained?.coolDown((done, total) => step('cool-down', done, total))) ?? 0;
    const { result, disturbed } = await timed(this.#environment.timing, () =>
      this.#timesOf(test, loaded, cooledS, step),
    );
    const { times, sustained, brokenBy } = result;
    const curve = sustained === undefined ? {} : { sustained };
    const isStopped = this.#environment.signal?.aborted ?? false;
    if (brokenBy !== null && !isStopped) {
      return { ...failed(row, ownFailure(brokenBy, this.#environment.signal), session), ...curve };
    }
    await this.#environment.watch.sample();
    const rate = testRate(test, times);
    const done: BenchRow = {
      ...row,
      backend: session.info.backend,
      status: 'ok',
      onCpu: this.#leftToCpu(model, point, session),
      speed: { ...rate, medianTps: median(rate.samplesNs.map((ns) => (rate.tokens * 1e9) / ns)) },
      ...curve,
      ...(sustained === undefined ? disturbed : withoutHeat(disturbed)),
      loadMs: facts.loadMs + openMs,
      memory: isStopped
        ? unavailableBecause('the run was stopped')
        : await engineMemoryOf(session, contextSize),
      ...bandwidth(model, point, test, rate.meanTps, this.#machine.copyBandwidthBytesPerSecond),
    };
    return { ...done, speedUp: speedUp(done, this.#rows) };
  }

  /** Every repetition, or every turn of the minutes. */
  async #timesOf(test: SpeedTest, { session, facts }: Loaded, cooledS: number, step: OnStep): Promise<Times> {
    const { repetitions, minutes = 0, seed } = this.#plan;
    if (this.#sustained === null) {
      step('test', 0, repetitions);
      const onRepetition = (done: number) => step('test', done, repetitions);
      const times = await timeRepetitions(session, facts, test, this.#plan, onRepetition);
      return { times, brokenBy: null };
    }
    step('test', 0, minutes * 60);
    return this.#sustained.run(session, facts, test, seed, cooledS, (seconds, generationTps) =>
      step('test', Math.min(seconds, minutes * 60), minutes * 60, generationTps),
    );
  }

  #leftToCpu({ leftToCpu }: BenchModel, point: BenchPoint, { info }: EngineSession): string[] {
    const left = [...leftToCpu(info.backend, point)];
    if (left.length > 0) {
      this.#warn([
        {
          code: 'bench/on-cpu',
          message: `llama.cpp's ${info.backend} has no kernels for ${left.join(' nor for ')}: the CPU did that part`,
          hint: `These rows are not the speed of ${info.backend} alone; quantscope validate --device says what a backend has kernels for.`,
        },
      ]);
    }
    return left;
  }

  async #threadsOf(
    { ref, path }: BenchModel,
    point: BenchPoint,
    { session, facts, known }: Loaded,
    step: OnStep,
  ): Promise<Pick<BenchConfig, 'threads' | 'promptThreads'>> {
    if (typeof point.threads === 'number') return { threads: point.threads, promptThreads: point.threads };
    const { backend, mathCores } = session.info;
    if (point.threads === 'engine') return { threads: mathCores, promptThreads: mathCores };
    let found = known.searches.get(backend);
    if (found === undefined) {
      step('threads', 0, 1);
      found = await findThreads(session, facts, contextOf(point), this.#machine.cores, this.#plan.seed);
      known.searches.set(backend, found);
      this.#searches.push({ ref: ref || path, backend, ...found, tried: [...found.tried] });
    }
    return { threads: found.generationThreads, promptThreads: found.promptThreads };
  }

  /** `--gpu off,auto` on a machine without a GPU would measure the CPU twice. */
  #repeatsCpu({ gpu }: BenchPoint, { info }: EngineSession): boolean {
    if (gpu !== 'auto' || info.backend !== 'cpu') return false;
    if (!this.#plan.points.some((point) => point.gpu === 'off')) return false;
    this.#warn([
      {
        code: 'bench/no-gpu',
        message: `${info.gpuFallback ?? 'no GPU can be used here'}: --gpu auto would repeat the rows of --gpu off`,
        hint: 'quantscope doctor says what is missing; --gpu off measures the CPU alone.',
      },
    ]);
    return true;
  }

  #warn(warnings: readonly MachineWarning[]): void {
    this.#warnings = withoutRepeats([...this.#warnings, ...warnings]);
  }

  async #addRow(row: BenchRow): Promise<void> {
    this.#rows.push(row);
    await this.#environment.onRow(row, this.#results());
  }

  #results(): BenchResults {
    const { repetitions, minutes, seed, toolVersion, shard } = this.#plan;
    return {
      schema: SCHEMA_IDS.bench,
      createdAt: this.#createdAt,
      tool: { version: toolVersion },
      machine: this.#machine,
      repetitions,
      ...(minutes === undefined ? {} : { minutes }),
      seed,
      ...(shard === undefined ? {} : { shard }),
      rows: [...this.#rows],
      threadSearches: [...this.#searches],
      warnings: [...this.#warnings, ...spreadWarnings(this.#rows.flatMap(repeated))],
    };
  }
}

function contextOf({ batchSize, keyType, valueType, flashAttention }: BenchPoint) {
  return { sequences: 1, batchSize, keyType, valueType, flashAttention };
}

/** Then no threads are left to spread. */
function isAllOnGpu({ layers }: LoadedModel): boolean {
  return layers !== null && layers.onGpu === layers.total;
}

function isGeneration({ promptTokens, generationTokens }: SpeedTest): boolean {
  return promptTokens === 0 && generationTokens > 0;
}
