import type { CacheType, ContextOptions, EngineSession, LoadedModel } from '../engine/engine.ts';
import { type MachineWarning, withoutRepeats } from '../machine/watch.ts';
import { isAvailable, unavailableBecause } from '../schema/availability.ts';
import type {
  CacheTypeResult,
  ContextResults,
  ContextRow,
  ContextSettings,
  DepthRow,
} from '../schema/context.ts';
import type { Machine } from '../schema/results.ts';
import { SCHEMA_IDS } from '../schema/terms.ts';
import { messageOf } from '../util/errors.ts';
import { formatBytes, formatCount } from '../util/units.ts';
import { cacheAccuracies } from './cache-accuracy.ts';
import { adviseContext, RESERVE_BYTES, withinWhatWorked } from './context-advice.ts';
import { ContextEstimates } from './context-estimates.ts';
import {
  type ContextEnvironment,
  type ContextPlan,
  type ContextSessions,
  describeType,
  type Estimate,
} from './context-plan.ts';
import { type MeasuredContext, timeContext } from './context-timing.ts';
import { measureDepths } from './depth-run.ts';
import { ownFailure } from './engine-faults.ts';
import { startIn, withEngine } from './environment.ts';
import { stretchedAccuracy } from './stretched-accuracy.ts';
import { findThreads } from './threads.ts';

/**
 * Memory and speed for every context size and cache type, each in a process of its own, the accuracy that each type
 * costs, and the setting to ship. What fails or does not fit is a row with its reason.
 * @throws UsageError, an EngineError when no engine can be started at all, the signal's reason, or what `onRow` throws
 */
export async function measureContexts(
  plan: ContextPlan,
  environment: ContextEnvironment,
): Promise<ContextResults> {
  return new Contexts(plan, environment).run();
}

type Evaluation = NonNullable<ContextSettings['evaluation']>;

class Contexts {
  readonly #plan: ContextPlan;
  readonly #environment: ContextEnvironment;
  readonly #rows: ContextRow[] = [];
  readonly #types: CacheTypeResult[];
  readonly #estimates: ContextEstimates;
  readonly #createdAt: string;
  #machine: Machine;
  /** As the engine that was started last told; null without a GPU. */
  #gpuFreeBytes: number | null = null;
  #settings: ContextPlan['settings'];
  #warnings: MachineWarning[] = [];
  #depths: DepthRow[] = [];
  #stretched: ContextResults['stretched'] = null;

  constructor(plan: ContextPlan, environment: ContextEnvironment) {
    this.#plan = plan;
    this.#environment = environment;
    this.#machine = environment.machine;
    this.#settings = plan.settings;
    this.#estimates = new ContextEstimates(plan);
    this.#createdAt = environment.now().toISOString();
    this.#types = plan.settings.cacheTypes.map((cacheType) => describeType(plan, cacheType));
  }

  async run(): Promise<ContextResults> {
    await this.#planMemory();
    await this.#chooseThreads();
    for (const cacheType of this.#settings.cacheTypes) {
      for (const contextSize of this.#settings.contextSizes) {
        const row = await this.#measureRow(contextSize, cacheType);
        this.#rows.push(row);
        await this.#environment.onRow(row, this.#results());
      }
    }
    this.#warnings = withoutRepeats([...this.#warnings, ...(await this.#environment.watch.warnings())]);
    const { evaluation } = this.#settings;
    if (evaluation !== null) {
      await this.#evaluateTypes(evaluation);
      await this.#evaluateDepths();
      await this.#evaluateStretched(evaluation);
    }
    return this.#results();
  }

  async #planMemory(): Promise<void> {
    await using session = await this.#start('memory');
    await this.#estimates.ask(session, (type) => this.#contextOptions(type), this.#environment.signal);
  }

  async #chooseThreads(): Promise<void> {
    if (this.#settings.threads > 0) return;
    await using session = await this.#start('threads');
    let [threads, promptThreads] = [session.info.mathCores, session.info.mathCores];
    if (this.#plan.findThreads) {
      this.#environment.onStep('finding the best threads', 0, 1);
      const model = await this.#load(session);
      const options = this.#contextOptions('f16');
      const found = await findThreads(session, model, options, this.#machine.cores, this.#settings.seed);
      [threads, promptThreads] = [found.generationThreads, found.promptThreads];
    }
    this.#settings = { ...this.#settings, threads, promptThreads };
  }

  async #measureRow(contextSize: number, cacheType: CacheType): Promise<ContextRow> {
    const estimated = this.#estimates.of(contextSize, cacheType);
    const { budget } = this.#plan;
    const row = (why: string, failure: ContextRow['failure'] = null): ContextRow => {
      const absent = unavailableBecause(why);
      return {
        contextSize,
        cacheType,
        flashAttention: flashAttentionFor(cacheType),
        estimated: estimated ?? unavailableBecause(this.#estimates.whyNone(contextSize, cacheType)),
        fits: estimated === null ? null : estimated.totalBytes <= budget.bytes,
        measured: absent,
        loadMs: absent,
        prompt: absent,
        generationAtDepth: absent,
        failure,
      };
    };
    const hindrance = this.#hindrance(contextSize, cacheType, estimated);
    if (hindrance !== null) return row(hindrance);
    try {
      return { ...row('not measured'), ...(await this.#measure(contextSize, cacheType)) };
    } catch (thrown) {
      const failure = ownFailure(thrown, this.#environment.signal);
      const message = messageOf(failure);
      return row(`it failed: ${message}`, { code: failure.code, message });
    }
  }

  /** Why a size is not tried; null when it is. */
  #hindrance(contextSize: number, cacheType: CacheType, estimated: Estimate | null): string | null {
    const { largestMeasured } = this.#plan;
    if (contextSize > largestMeasured && !this.#settings.depths.includes(contextSize)) {
      return `contexts above ${formatCount(largestMeasured)} tokens are measured only when --sizes names them`;
    }
    const smaller = this.#rows.find(
      (row) => row.cacheType === cacheType && row.contextSize < contextSize && row.failure !== null,
    );
    if (smaller !== undefined)
      return `a context of ${formatCount(smaller.contextSize)} tokens failed already`;
    const freeBytes = this.#environment.freeBytes();
    if (estimated === null) return null;
    const neededBytes = estimated.totalBytes + RESERVE_BYTES;
    if (neededBytes > freeBytes)
      return `it would take about ${formatBytes(neededBytes)}, and this machine has ${formatBytes(freeBytes)} free`;
    // Layers beyond what a GPU gives would be the CPU's: only a whole model can be too much for it.
    if (
      this.#gpuFreeBytes === null ||
      this.#settings.gpuLayers !== 'max' ||
      neededBytes <= this.#gpuFreeBytes
    )
      return null;
    return `it would take about ${formatBytes(neededBytes)}, and the GPU gives ${formatBytes(this.#gpuFreeBytes)}: --gpu-layers leaves a part to the CPU`;
  }

  async #measure(contextSize: number, cacheType: CacheType): Promise<MeasuredContext> {
    const label = `${formatCount(contextSize)} tokens, ${cacheType}`;
    const { timing, onStep, watch } = this.#environment;
    await using session = await this.#start(label);
    onStep(`${label}: loading`, 0, 1);
    const model = await this.#load(session);
    const options = { ...this.#contextOptions(cacheType), contextSize };
    const onRepetition = (done: number, total: number) => onStep(label, done, total);
    const measured = await timeContext(session, model, options, this.#settings, { timing, onRepetition });
    await watch.sample();
    return measured;
  }

  async #evaluateTypes({ contextSize, chunks }: Evaluation): Promise<void> {
    const { text } = this.#plan;
    const { referencePath } = this.#environment;
    const accuracies = await cacheAccuracies(this.#settings.cacheTypes, {
      textPlan: { text, contextSize, chunks },
      referencePath,
      ...this.#sessions(),
    });
    for (const [index, type] of this.#types.entries()) {
      const accuracy = accuracies.get(type.cacheType);
      if (accuracy !== undefined) this.#types[index] = { ...type, accuracy };
    }
  }

  async #evaluateDepths(): Promise<void> {
    const { depths, cacheTypes } = this.#settings;
    this.#depths = await measureDepths({
      depths,
      cacheTypes,
      text: this.#plan.depthText,
      rowsPath: this.#environment.referencePath,
      hindrance: (depth, cacheType) =>
        this.#hindrance(depth, cacheType, this.#estimates.of(depth, cacheType)),
      ...this.#sessions(),
    });
  }

  async #evaluateStretched({ contextSize, chunks }: Evaluation): Promise<void> {
    const { unstretched, text } = this.#plan;
    const { recommendation } = this.#results();
    if (unstretched === null || !isAvailable(recommendation)) return;
    const type = this.#types.find((each) => each.cacheType === recommendation.cacheType);
    if (type === undefined || !isAvailable(type.accuracy)) return;
    const cacheType = this.#settings.cacheTypes.find((each) => each === type.cacheType) ?? 'f16';
    this.#stretched = await stretchedAccuracy({
      contextSize: recommendation.contextSize,
      cacheType,
      unstretched,
      textPlan: { text, contextSize, chunks },
      perplexity: type.accuracy.perplexity,
      ...this.#sessions(),
    });
  }

  #sessions(): ContextSessions {
    const { signal, onStep } = this.#environment;
    return {
      start: (label) => this.#start(label),
      load: (session) => this.#load(session),
      contextOptions: (cacheType) => this.#contextOptions(cacheType),
      signal,
      onStep,
    };
  }

  async #start(label: string): Promise<EngineSession> {
    this.#environment.onStep(`${label}: starting`, 0, 1);
    const session = await startIn(this.#environment, this.#settings.gpu);
    this.#gpuFreeBytes = session.info.gpuFreeBytes;
    this.#machine = withEngine(this.#machine, session);
    return session;
  }

  #load(session: EngineSession): Promise<LoadedModel> {
    return session.loadModel({ path: this.#plan.path, gpuLayers: this.#settings.gpuLayers });
  }

  #contextOptions(cacheType: CacheType): Omit<ContextOptions, 'contextSize'> {
    const { batchSize, threads, promptThreads } = this.#settings;
    return {
      sequences: 1,
      batchSize,
      threads,
      promptThreads,
      flashAttention: flashAttentionFor(cacheType),
      keyType: cacheType,
      valueType: cacheType,
    };
  }

  #results(): ContextResults {
    const { model, budget, toolVersion } = this.#plan;
    const cacheTypes = this.#types.map((type) => withinWhatWorked(type, this.#rows));
    const depths = [...this.#depths];
    const told = { rows: [...this.#rows], cacheTypes, depths, budget, model, stretched: this.#stretched };
    return {
      schema: SCHEMA_IDS.context,
      createdAt: this.#createdAt,
      tool: { version: toolVersion },
      machine: this.#machine,
      settings: this.#settings,
      ...told,
      recommendation: adviseContext(told),
      warnings: [...this.#warnings],
    };
  }
}

/** llama.cpp refuses values in a quantized type without flash attention, which `auto` may leave off. */
function flashAttentionFor(cacheType: CacheType): 'auto' | 'on' {
  return ['f32', 'f16', 'bf16'].includes(cacheType) ? 'auto' : 'on';
}

/** Whether anything could not be measured because of a fault, not for want of memory. */
export function hasFailure({ rows, cacheTypes, settings }: ContextResults): boolean {
  return (
    rows.some(({ failure }) => failure !== null) ||
    (settings.evaluation !== null && cacheTypes.some(({ accuracy }) => !isAvailable(accuracy)))
  );
}
