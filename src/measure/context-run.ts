import type {
  CacheType,
  ContextOptions,
  EngineSession,
  LoadedModel,
  PlannedMemory,
  StartEngine,
} from '../engine/engine.ts';
import { type MachineWarning, type MachineWatch, withoutRepeats } from '../machine/watch.ts';
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
import { messageOf, QuantscopeError, UsageError } from '../util/errors.ts';
import { formatBytes, formatCount } from '../util/units.ts';
import { cacheAccuracies } from './cache-accuracy.ts';
import { adviseContext, largestWithin, RESERVE_BYTES, withinWhatWorked } from './context-advice.ts';
import { measureDepths } from './depth-run.ts';
import { ownFailure } from './engine-faults.ts';
import { engineMemoryOf } from './memory.ts';
import { rateOf } from './rates.ts';
import type { DescribedFile } from './size.ts';
import { benchmarkTokens } from './speed.ts';
import { chunksOf, evaluateText } from './text-evaluation.ts';
import { findThreads } from './threads.ts';
import { type Timing, timed } from './timing.ts';

/** Single tokens run slowly until a prompt of this length has made the system spread a new process's threads. */
const SPREADING_TOKENS = 512;
const WARM_UP_GENERATION_TOKENS = 16;

export type Estimate = Exclude<ContextRow['estimated'], { status: 'unavailable' }>;

export interface ContextPlan {
  readonly path: string;
  readonly model: ContextResults['model'];
  readonly described: DescribedFile;
  /** `threads` 0 is llama.cpp's own choice; cache types from the most precise. */
  readonly settings: Omit<ContextSettings, 'cacheTypes'> & { cacheTypes: CacheType[] };
  readonly findThreads: boolean;
  /** Sizes above it are estimated only. */
  readonly largestMeasured: number;
  readonly budget: ContextResults['budget'];
  readonly text: string;
  /** Before and of the words whose loss is measured at each depth. */
  readonly depthText: string;
  /** The largest context whose positions get the rope factors of the original length; null where all get the same. */
  readonly unstretched: number | null;
  /** From the header; null where it does not describe layers with a cache. */
  readonly estimate: (contextSize: number, cacheType: CacheType) => Estimate | null;
  /** Bytes of cache that one more token adds, below and past every window; null where nothing is kept. */
  readonly tokenBytes: (cacheType: CacheType) => { readonly below: number; readonly beyond: number } | null;
  readonly toolVersion: string;
}

export interface ContextEnvironment {
  readonly startEngine: StartEngine;
  readonly callTimeoutMs: number;
  readonly machine: Machine;
  readonly watch: MachineWatch;
  /** Around what is timed. */
  readonly timing?: () => Promise<Timing>;
  readonly freeBytes: () => number;
  readonly now: () => Date;
  readonly signal?: AbortSignal;
  /** Where f16's scores are kept while the other types are compared with them. */
  readonly referencePath: string;
  readonly onStep: (what: string, done: number, total: number) => void;
  /** Called as each row ends, with all results so far. */
  readonly onRow: (row: ContextRow, results: ContextResults) => Promise<void>;
}

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

class Contexts {
  readonly #plan: ContextPlan;
  readonly #environment: ContextEnvironment;
  readonly #rows: ContextRow[] = [];
  readonly #types: CacheTypeResult[];
  /** By context size and cache type. */
  readonly #planned = new Map<string, Estimate>();
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

  /** What llama.cpp would allocate for each row. Where it does not say, the header's estimate stands. */
  async #planMemory(): Promise<void> {
    const { cacheTypes, contextSizes } = this.#settings;
    const wanted = cacheTypes.flatMap((cacheType) =>
      contextSizes.map((contextSize) => ({ contextSize, cacheType })),
    );
    await using session = await this.#start('memory');
    try {
      const plans = await session.planMemory(
        { path: this.#plan.path, gpuLayers: this.#settings.gpuLayers },
        wanted.map(({ contextSize, cacheType }) => ({ ...this.#contextOptions(cacheType), contextSize })),
      );
      for (const [index, { contextSize, cacheType }] of wanted.entries()) {
        const estimate = plannedEstimate(plans[index]);
        if (estimate !== null) this.#planned.set(`${contextSize} ${cacheType}`, estimate);
      }
    } catch (thrown) {
      this.#environment.signal?.throwIfAborted();
      if (!(thrown instanceof QuantscopeError)) throw thrown;
    }
  }

  #estimate(contextSize: number, cacheType: CacheType): Estimate | null {
    return this.#planned.get(`${contextSize} ${cacheType}`) ?? this.#plan.estimate(contextSize, cacheType);
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
    const estimated = this.#estimate(contextSize, cacheType);
    const { budget } = this.#plan;
    const row = (why: string, failure: ContextRow['failure'] = null): ContextRow => {
      const absent = unavailableBecause(why);
      return {
        contextSize,
        cacheType,
        flashAttention: flashAttentionFor(cacheType),
        estimated: estimated ?? unavailableBecause('the header does not describe layers with a cache'),
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

  async #measure(
    contextSize: number,
    cacheType: CacheType,
  ): Promise<Pick<ContextRow, 'disturbed' | 'measured' | 'loadMs' | 'prompt' | 'generationAtDepth'>> {
    const { generationTokens, repetitions, seed } = this.#settings;
    const label = `${formatCount(contextSize)} tokens, ${cacheType}`;
    await using session = await this.#start(label);
    this.#environment.onStep(`${label}: loading`, 0, 1);
    const model = await this.#load(session);
    const { openMs } = await session.openContext({ ...this.#contextOptions(cacheType), contextSize });
    const generatedTokens = Math.min(generationTokens, Math.floor(contextSize / 2));
    const depth = contextSize - generatedTokens;
    const prompt = benchmarkTokens(depth, model, seed);
    const generated = benchmarkTokens(generatedTokens, model, seed + 1);
    const before = new Uint32Array();
    await session.timeTest({
      before,
      prompt: prompt.subarray(0, SPREADING_TOKENS),
      generated: generated.subarray(0, WARM_UP_GENERATION_TOKENS),
    });
    const promptNs: number[] = [];
    const generationNs: number[] = [];
    const { disturbed } = await timed(this.#environment.timing, async () => {
      for (let repetition = 0; repetition < repetitions; repetition++) {
        this.#environment.onStep(label, repetition, repetitions);
        const times = await session.timeTest({ before, prompt, generated });
        promptNs.push(times.promptNs);
        generationNs.push(times.generationNs);
      }
    });
    await this.#environment.watch.sample();
    return {
      ...disturbed,
      measured: await engineMemoryOf(session, contextSize),
      loadMs: model.loadMs + openMs,
      prompt: rateOf(depth, promptNs),
      generationAtDepth: { depth, ...rateOf(generatedTokens, generationNs) },
    };
  }

  async #evaluateTypes({ contextSize, chunks }: NonNullable<ContextSettings['evaluation']>): Promise<void> {
    const { text } = this.#plan;
    const { referencePath, signal, onStep } = this.#environment;
    const accuracies = await cacheAccuracies(this.#settings.cacheTypes, {
      textPlan: { text, contextSize, chunks },
      referencePath,
      start: (label) => this.#start(label),
      load: (session) => this.#load(session),
      contextOptions: (cacheType) => this.#contextOptions(cacheType),
      ...(signal ? { signal } : {}),
      onStep,
    });
    for (const [index, type] of this.#types.entries()) {
      const accuracy = accuracies.get(type.cacheType);
      if (accuracy !== undefined) this.#types[index] = { ...type, accuracy };
    }
  }

  async #evaluateDepths(): Promise<void> {
    const { depths, cacheTypes } = this.#settings;
    const { referencePath, signal, onStep } = this.#environment;
    this.#depths = await measureDepths({
      depths,
      cacheTypes,
      text: this.#plan.depthText,
      rowsPath: referencePath,
      start: (label) => this.#start(label),
      load: (session) => this.#load(session),
      contextOptions: (cacheType) => this.#contextOptions(cacheType),
      hindrance: (depth, cacheType) => this.#hindrance(depth, cacheType, this.#estimate(depth, cacheType)),
      ...(signal ? { signal } : {}),
      onStep,
    });
  }

  /** Rope factors go by a context's size: what was measured in a small one does not hold where others are taken. */
  async #evaluateStretched({
    contextSize: own,
    chunks,
  }: NonNullable<ContextSettings['evaluation']>): Promise<void> {
    const { unstretched, text } = this.#plan;
    const { recommendation } = this.#results();
    if (unstretched === null || !isAvailable(recommendation)) return;
    const { contextSize } = recommendation;
    if (contextSize > unstretched === own > unstretched) return;
    const type = this.#types.find((each) => each.cacheType === recommendation.cacheType);
    const before = type !== undefined && isAvailable(type.accuracy) ? type.accuracy.perplexity : null;
    if (type === undefined || before === null) return;
    const cacheType = this.#settings.cacheTypes.find((each) => each === type.cacheType) ?? 'f16';
    const label = `accuracy at ${formatCount(contextSize)} tokens`;
    try {
      await using session = await this.#start(label);
      const model = await this.#load(session);
      const textPlan = { text, contextSize: own, chunks };
      const planned = await chunksOf(session, model, textPlan);
      await session.openContext({ ...this.#contextOptions(cacheType), contextSize });
      const onChunk = (done: number, total: number) => this.#environment.onStep(label, done, total);
      const { perplexity } = await evaluateText(session, planned, textPlan, { kind: 'alone' }, { onChunk });
      const increase = perplexity.value / before - 1;
      this.#stretched = {
        contextSize,
        cacheType,
        chunks: perplexity.chunks,
        perplexity: perplexity.value,
        perplexityIncrease: increase,
        unstretched,
      };
    } catch (thrown) {
      this.#environment.signal?.throwIfAborted();
      if (!(thrown instanceof QuantscopeError) || thrown instanceof UsageError) throw thrown;
      this.#stretched = unavailableBecause(messageOf(thrown));
    }
  }

  async #start(label: string): Promise<EngineSession> {
    const { startEngine, callTimeoutMs, signal, onStep } = this.#environment;
    onStep(`${label}: starting`, 0, 1);
    const { gpu } = this.#settings;
    const session = await startEngine({ gpu, callTimeoutMs, ...(signal ? { signal } : {}) });
    const { mathCores: _, gpuFreeBytes, ...engine } = session.info;
    this.#gpuFreeBytes = gpuFreeBytes;
    this.#machine = { ...this.#machine, engine: { ...engine, devices: [...engine.devices] } };
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

function plannedEstimate(plan: PlannedMemory | undefined): Estimate | null {
  if (plan === undefined || 'refused' in plan || plan.kvBytes === null || plan.computeBytes === null)
    return null;
  const { weightsBytes, repackedBytes, kvBytes, computeBytes } = plan;
  const totalBytes = weightsBytes + kvBytes + computeBytes;
  return {
    weightsBytes,
    repackedBytes: repackedBytes ?? 0,
    kvBytes,
    computeBytes,
    totalBytes,
    basis: 'engine',
  };
}

function describeType(
  { estimate, tokenBytes, budget, model, settings }: ContextPlan,
  cacheType: CacheType,
): CacheTypeResult {
  const totalBytes = (contextSize: number) => estimate(contextSize, cacheType)?.totalBytes ?? null;
  const asked = Math.max(...settings.contextSizes);
  const limit = model.contextLength ?? asked;
  const perToken = tokenBytes(cacheType);
  const none = unavailableBecause('the header does not describe layers with a cache');
  return {
    cacheType,
    kvBytesPerToken: perToken?.below ?? none,
    kvBytesPerTokenBeyondWindows: perToken?.beyond ?? none,
    accuracy: unavailableBecause(
      settings.evaluation === null ? 'accuracy was not asked for (--no-accuracy)' : 'not measured yet',
    ),
    largest: largestWithin(totalBytes, budget.bytes, limit),
  };
}

/** Whether anything could not be measured because of a fault, not for want of memory. */
export function hasFailure({ rows, cacheTypes, settings }: ContextResults): boolean {
  return (
    rows.some(({ failure }) => failure !== null) ||
    (settings.evaluation !== null && cacheTypes.some(({ accuracy }) => !isAvailable(accuracy)))
  );
}
