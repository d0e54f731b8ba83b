import { readFileSync } from 'node:fs';
import { getLlama, getModuleVersion, type Llama, LlamaLogLevel, NoBinaryFoundError } from 'node-llama-cpp';
import { messageOf } from '../util/errors.ts';
import {
  type AddonContext,
  type AddonModel,
  type AddonSampler,
  type Bindings,
  bindingsOf,
} from './bindings.ts';
import type { BuildChoice } from './build-choice.ts';
import { completeAll } from './completer.ts';
import type {
  Backend,
  CacheType,
  ChatMessage,
  Completion,
  CompletionRequest,
  ContextOptions,
  EngineInfo,
  EngineMemory,
  EngineSession,
  Generation,
  GenerationRequest,
  GenerationStep,
  GpuChoice,
  LoadedModel,
  ModelOptions,
  OpenedContext,
  ProcessMemory,
  ScoreRequest,
  Scores,
  Streaming,
  TestTimes,
  TimedTest,
} from './engine.ts';
import { EngineError } from './errors.ts';
import { Generator } from './generator.ts';
import { LogReader } from './log-reader.ts';
import { Scorer } from './scorer.ts';

/** ggml's ids of the types a cache can have (ggml.h, enum ggml_type). */
const CACHE_TYPE_IDS: Record<CacheType, number> = {
  f32: 0,
  f16: 1,
  q4_0: 2,
  q4_1: 3,
  q5_0: 6,
  q5_1: 7,
  q8_0: 8,
  iq4_nl: 20,
  bf16: 30,
};

/** llama.cpp takes any number at or above the layer count plus one as "all, and the output layer". */
const ALL_LAYERS = 0x7fff_ffff;

/** How llama.cpp's backends say that memory is short (ggml-alloc.c, ggml-vulkan.cpp, ggml-cuda.cu, ggml-metal). */
const NO_MEMORY =
  /failed to allocate|unable to allocate|memory allocation of size|OutOf\w*Memory|out of memory|insufficient memory/i;

/** Where everything but completions is evaluated. */
const SEQUENCE = 0;

const NOTHING = new Uint32Array();

/**
 * A session on node-llama-cpp. Models and contexts are made through its binding classes rather than its public
 * ones: those add a second read of the header, padding and memory heuristics to a load, and their batch queue costs
 * more than half of the prompt speed (METHODS: 4,800 against 12,280 tokens/s), so that neither a load nor a rate
 * would be llama.cpp's own.
 */
class LlamaSession implements EngineSession {
  readonly info: EngineInfo;
  readonly #bindings: Bindings;
  readonly #llama: Llama;
  readonly #log: LogReader;
  readonly #workers: number;
  #loaded: { model: AddonModel; greedy: AddonSampler; scorer: Scorer; facts: LoadedModel } | undefined;
  #opened: { context: AddonContext; options: ContextOptions; generator: Generator } | undefined;

  constructor(llama: Llama, bindings: Bindings, info: EngineInfo, log: LogReader, workers: number) {
    this.#llama = llama;
    this.#bindings = bindings;
    this.info = info;
    this.#log = log;
    this.#workers = workers;
  }

  async loadModel({ path, gpuLayers }: ModelOptions): Promise<LoadedModel> {
    await this.unload();
    this.#log.expectModel();
    const onGpu = this.info.backend !== 'cpu';
    const started = performance.now();
    const model = new this.#bindings.AddonModel(path, {
      addonExports: this.#bindings,
      gpuLayers: onGpu ? (gpuLayers === 'max' ? ALL_LAYERS : gpuLayers) : 0,
      useMmap: this.#bindings.getSupportsMmap(),
    });
    const loaded = await model.init().catch((cause: unknown) => cause);
    const loadMs = performance.now() - started;
    if (loaded !== true)
      throw await this.#failure('engine/load-failed', 'llama.cpp refused the file', loaded);
    const greedy = new this.#bindings.AddonSampler(model);
    greedy.applyConfig({ temperature: 0 });
    const bos = model.tokenBos();
    const facts: LoadedModel = {
      loadMs,
      vocabularySize: await vocabularySizeOf(model, this.#log),
      bosToken: bos >= 0 ? bos : null,
      addsBos: model.shouldPrependBosToken(),
      trainContextSize: model.getTrainContextSize(),
      layers: onGpu ? await this.#log.layers() : null,
    };
    this.#loaded = {
      model,
      greedy,
      facts,
      scorer: new Scorer(this.#bindings, model, facts.vocabularySize, this.#workers),
    };
    return facts;
  }

  async openContext(options: ContextOptions): Promise<OpenedContext> {
    await this.#closeContext();
    const { model } = this.#model();
    const started = performance.now();
    const context = new this.#bindings.AddonContext(model, {
      contextSize: options.contextSize * options.sequences,
      batchSize: options.batchSize,
      sequences: options.sequences,
      threads: options.threads,
      flashAttention: options.flashAttention === 'auto' ? 'auto' : options.flashAttention === 'on',
      kvCacheKeyType: CACHE_TYPE_IDS[options.keyType],
      kvCacheValueType: CACHE_TYPE_IDS[options.valueType],
    });
    this.#log.expectContext();
    const opened = await context.init().catch((cause: unknown) => cause);
    const openMs = performance.now() - started;
    if (opened !== true) {
      const what = `llama.cpp could not open a context of ${options.contextSize} tokens`;
      throw await this.#failure('engine/context-failed', what, opened);
    }
    const generator = new Generator({ bindings: this.#bindings, model, context, options });
    this.#opened = { context, options, generator };
    return { openMs, contextSize: context.getContextSize() };
  }

  async unload(): Promise<void> {
    await this.#closeContext();
    if (!this.#loaded) return;
    const { model, greedy, scorer } = this.#loaded;
    this.#loaded = undefined;
    greedy.dispose();
    scorer.dispose();
    await model.dispose();
  }

  async tokenize(text: string, parseSpecial: boolean): Promise<Uint32Array> {
    return this.#model().model.tokenize(text, parseSpecial);
  }

  async chatText(messages: readonly ChatMessage[], template: string | null): Promise<string> {
    return template === null
      ? `${messages.at(-1)?.content ?? ''}\n`
      : this.#renderTemplate(template, messages);
  }

  async chatPrompt(messages: readonly ChatMessage[], template: string | null): Promise<Uint32Array> {
    const { model, facts } = this.#model();
    const tokens = model.tokenize(await this.chatText(messages, template), true);
    if (!facts.addsBos || facts.bosToken === null || tokens[0] === facts.bosToken) return tokens;
    return Uint32Array.of(facts.bosToken, ...tokens);
  }

  async timePrompt(tokens: Uint32Array): Promise<number> {
    const { promptNs } = await this.timeTest({ before: NOTHING, prompt: tokens, generated: NOTHING });
    return promptNs;
  }

  async timeGeneration(before: Uint32Array, tokens: Uint32Array): Promise<number> {
    const { generationNs } = await this.timeTest({ before, prompt: NOTHING, generated: tokens });
    return generationNs;
  }

  async timeTest({ before, prompt, generated }: TimedTest): Promise<TestTimes> {
    const { context, options, generator } = this.#context();
    generator.clear();
    if (before.length > 0) await this.#evaluate(context, 0, before, options);
    // Views made beforehand: the timed loop allocates nothing but what the binding does.
    const singles = Array.from(generated, (_, index) => generated.subarray(index, index + 1));
    const firstOutput = Uint32Array.of(0);
    let position = before.length + prompt.length;
    const started = process.hrtime.bigint();
    if (prompt.length > 0) await this.#evaluate(context, before.length, prompt, options);
    const promptEnded = process.hrtime.bigint();
    if (singles.length > 0) context.setThreads(options.threads);
    for (const single of singles) {
      context.initBatch(1);
      context.addToBatch(SEQUENCE, position, single, firstOutput);
      await context.decodeBatch();
      position += 1;
    }
    const ended = process.hrtime.bigint();
    return {
      promptNs: prompt.length > 0 ? Number(promptEnded - started) : 0,
      generationNs: generated.length > 0 ? Number(ended - promptEnded) : 0,
    };
  }

  async timeFirstToken(prompt: Uint32Array): Promise<number> {
    const { context, options, generator } = this.#context();
    const { greedy } = this.#model();
    generator.clear();
    const started = process.hrtime.bigint();
    const output = await this.#evaluate(context, 0, prompt, options);
    await context.sampleToken(output, greedy);
    return Number(process.hrtime.bigint() - started);
  }

  async score(request: ScoreRequest): Promise<Scores> {
    const { context, options, generator } = this.#context();
    const { scorer } = this.#model();
    generator.clear();
    context.setThreads(options.promptThreads ?? options.threads);
    return this.#native('engine/evaluation-failed', 'llama.cpp could not evaluate a chunk', () =>
      scorer.score(context, options.batchSize, request),
    );
  }

  async complete(requests: readonly CompletionRequest[]): Promise<Completion[]> {
    const { context, options } = this.#context();
    const { model, greedy } = this.#model();
    context.setThreads(options.threads);
    return this.#native('engine/evaluation-failed', 'llama.cpp could not evaluate a batch', () =>
      completeAll(context, model, greedy, options, requests),
    );
  }

  async pieces(tokens: Uint32Array): Promise<readonly string[]> {
    const { model } = this.#model();
    return Array.from(tokens, (token) => model.detokenize(Uint32Array.of(token), true));
  }

  async generate(request: GenerationRequest, streaming: Streaming<GenerationStep>): Promise<Generation> {
    const { generator } = this.#context();
    return this.#native('engine/evaluation-failed', 'llama.cpp could not evaluate a batch', () =>
      generator.generate(request, streaming),
    );
  }

  async engineMemory(): Promise<EngineMemory> {
    const weights = this.#model().model.getMemoryBreakdown();
    const held = this.#context().context.getMemoryBreakdown();
    const kvBytes = await this.#log.cacheBytes();
    const heldBytes = held.cpuRam + held.gpuVram;
    return {
      weightsBytes: weights.cpuRam + weights.gpuVram,
      kvBytes,
      // The binding sums cache and buffers; the cache alone is in the log, rounded to 0.01 MiB a buffer.
      computeBytes: kvBytes === null ? null : Math.max(0, heldBytes - kvBytes),
      gpuBytes: weights.gpuVram + held.gpuVram,
    };
  }

  async processMemory(): Promise<ProcessMemory> {
    // resourceUsage counts kibibytes on every platform: libuv converts.
    const peakRssBytes = process.resourceUsage().maxRSS * 1024;
    return { peakRssBytes, anonymousBytes: process.platform === 'linux' ? anonymousBytes() : null };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unload();
    await this.#llama.dispose();
  }

  /** Evaluates `tokens` from `position` on in batches; the last asks for output, whose index comes back. */
  async #evaluate(
    context: AddonContext,
    position: number,
    tokens: Uint32Array,
    { batchSize, threads, promptThreads }: ContextOptions,
  ) {
    return this.#native('engine/evaluation-failed', 'llama.cpp could not evaluate a batch', async () => {
      let output: ReturnType<AddonContext['addToBatch']> = new Uint32Array();
      context.setThreads(promptThreads ?? threads);
      for (let start = 0; start < tokens.length; start += batchSize) {
        const batch = tokens.subarray(start, start + batchSize);
        context.initBatch(batch.length);
        output = context.addToBatch(SEQUENCE, position + start, batch, Uint32Array.of(batch.length - 1));
        await context.decodeBatch();
      }
      return indexOfOutput(output, 0);
    });
  }

  #renderTemplate(template: string, messages: readonly ChatMessage[]): string {
    const { model, facts } = this.#model();
    try {
      const eos = model.tokenEos();
      return new this.#bindings.AddonJinjaRenderer(template).render({
        messages: messages.map(({ role, content }) => ({ role, content })),
        add_generation_prompt: true,
        bos_token: facts.bosToken === null ? '' : model.getTokenString(facts.bosToken),
        eos_token: eos >= 0 ? model.getTokenString(eos) : '',
      });
    } catch (cause) {
      throw new EngineError(
        'engine/template-failed',
        `the chat template cannot be rendered: ${messageOf(cause)}`,
        {
          cause,
          hint: 'quantscope validate names the template’s fault.',
        },
      );
    }
  }

  async #native<Value>(
    code: 'engine/evaluation-failed',
    what: string,
    work: () => Promise<Value>,
  ): Promise<Value> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof EngineError) throw cause;
      throw await this.#failure(code, what, cause);
    }
  }

  /** llama.cpp explains itself in its log rather than in what it throws. */
  async #failure(
    code: 'engine/load-failed' | 'engine/context-failed' | 'engine/evaluation-failed',
    what: string,
    cause: unknown,
  ): Promise<EngineError> {
    const said = (await this.#log.firstProblem()) ?? (cause instanceof Error ? messageOf(cause) : undefined);
    if (said === undefined) return new EngineError(code, what, { cause });
    if (!NO_MEMORY.test(said)) return new EngineError(code, `${what}: ${said}`, { cause });
    // `CPU` and `Vulkan_Host` name buffers in the machine's own memory.
    const isOnGpu = this.info.backend !== 'cpu' && !/\bCPU|_Host\b/.test(said);
    return new EngineError(code, `${what}: too little ${isOnGpu ? 'GPU ' : ''}memory (${said})`, {
      cause,
      hint: isOnGpu
        ? 'Keep fewer layers on the GPU with --gpu-layers, take a smaller context, or leave the GPU out with --gpu off.'
        : 'Take a smaller context or a smaller quantization, or free memory.',
    });
  }

  async #closeContext(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    await opened?.context.dispose();
  }

  #model() {
    if (!this.#loaded) throw new EngineError('engine/load-failed', 'no model is loaded');
    return this.#loaded;
  }

  #context() {
    if (!this.#opened) throw new EngineError('engine/context-failed', 'no context is open');
    return this.#opened;
  }
}

/**
 * Starts llama.cpp in this process. Meant for the child alone: a native crash takes the process with it.
 * @param workers threads of this process's libuv pool
 * @throws EngineError `engine/not-installed`, `engine/gpu-unavailable`, `engine/changed`
 */
export async function startLlama(
  gpu: GpuChoice,
  workers: number,
  build: BuildChoice,
): Promise<EngineSession> {
  const log = new LogReader();
  const llama = await loadLlama(gpu, build, log);
  // A driver without a device is enough for node-llama-cpp to take a backend, which then computes on the CPU.
  if (llama.gpu !== false && (await llama.getGpuDeviceNames()).length === 0) {
    const { gpu: deviceless } = llama;
    await llama.dispose();
    throw gpuUnavailable(gpu === 'auto' ? deviceless : gpu);
  }
  const backend = backendOf(llama);
  if (gpu !== 'auto' && gpu !== 'off' && gpu !== backend) {
    await llama.dispose();
    throw gpuUnavailable(gpu);
  }
  const bindings = bindingsOf(llama);
  return new LlamaSession(llama, bindings, await describe(llama, backend), log, workers);
}

async function loadLlama(gpu: GpuChoice, build: BuildChoice, log: LogReader): Promise<Llama> {
  return getLlama({
    gpu: gpu === 'off' ? false : gpu,
    build: 'never',
    // A local build comes first of itself, unless it was made with other cmake options: prebuilt binaries are taken
    // whatever the options are, so one that means nothing to llama.cpp passes a local build by.
    ...(build === 'prebuilt' ? { cmakeOptions: { QUANTSCOPE_PREBUILT: 'ON' } } : {}),
    usePrebuiltBinaries: build !== 'local',
    skipDownload: true,
    maxThreads: 0,
    logLevel: LlamaLogLevel.info,
    logger: (level, message) => log.take(level, message),
    progressLogs: false,
  }).catch((cause: unknown) => {
    throw notInstalled(gpu, build, cause);
  });
}

/**
 * Compiles llama.cpp with this machine's own CPU features from the source that node-llama-cpp ships, and starts it
 * once. Meant for a child alone: what git, cmake and the compiler say goes to its output.
 */
export async function compileLlama(gpu: GpuChoice): Promise<EngineInfo> {
  const llama = await getLlama({
    gpu: gpu === 'off' ? false : gpu,
    build: 'forceRebuild',
    maxThreads: 0,
    logger: () => {},
    progressLogs: true,
  });
  try {
    return await describe(llama, backendOf(llama));
  } finally {
    await llama.dispose();
  }
}

function backendOf({ gpu }: Llama): Backend {
  return gpu === false ? 'cpu' : gpu;
}

async function describe(llama: Llama, backend: Backend): Promise<EngineInfo> {
  return {
    name: 'node-llama-cpp',
    version: await getModuleVersion(),
    llamaCpp: llama.llamaCppRelease.release,
    build: llama.buildType,
    backend,
    devices: backend === 'cpu' ? [] : await llama.getGpuDeviceNames(),
    systemInfo: llama.systemInfo.trim().replace(/\s*\|$/, ''),
    mathCores: llama.cpuMathCores,
  };
}

function notInstalled(gpu: GpuChoice, build: BuildChoice, cause: unknown): EngineError {
  if (cause instanceof NoBinaryFoundError && build === 'local') {
    const what = gpu === 'auto' || gpu === 'off' ? 'llama.cpp' : `llama.cpp for ${gpu}`;
    return new EngineError('engine/not-installed', `there is no local build of ${what} that loads`, {
      cause,
      hint: 'Make one with quantscope engine build, or unset QUANTSCOPE_ENGINE.',
    });
  }
  if (cause instanceof NoBinaryFoundError && gpu !== 'auto' && gpu !== 'off') return gpuUnavailable(gpu);
  if (cause instanceof NoBinaryFoundError) {
    return new EngineError(
      'engine/not-installed',
      `node-llama-cpp has no working binary for ${process.platform}-${process.arch}`,
      {
        cause,
        hint: 'Its binaries are optional npm packages: install again without --omit=optional or --no-optional.',
      },
    );
  }
  return new EngineError('engine/not-installed', `llama.cpp did not start: ${messageOf(cause)}`, { cause });
}

function gpuUnavailable(gpu: GpuChoice): EngineError {
  if (gpu !== 'auto' && (gpu === 'metal') !== (process.platform === 'darwin')) {
    return new EngineError('engine/gpu-unavailable', `llama.cpp has no ${gpu} on ${process.platform} here`, {
      hint: `Use --gpu ${gpu === 'metal' ? 'vulkan or cuda' : 'metal'}, --gpu auto to take what there is, or --gpu off for the CPU.`,
    });
  }
  return new EngineError('engine/gpu-unavailable', `no ${gpu} device can be used on this machine`, {
    hint: 'quantscope doctor says why. Use --gpu auto to take what there is, or --gpu off for the CPU.',
  });
}

/** The binding has no call for it; llama.cpp logs `n_vocab` while it loads. */
async function vocabularySizeOf(model: AddonModel, log: LogReader): Promise<number> {
  const logged = await log.vocabularySize();
  if (logged !== null) return logged;
  throw new EngineError(
    'engine/changed',
    `llama.cpp did not say how large the vocabulary of ${model.getModelDescription()} is`,
  );
}

function indexOfOutput(indexes: ReturnType<AddonContext['addToBatch']>, position: number) {
  const index = indexes[position];
  if (index === undefined) throw new EngineError('engine/changed', `the binding gave no output ${position}`);
  // The binding types its batch indexes as a branded number, which a typed array cannot hold.
  return index as Parameters<AddonContext['sampleToken']>[0];
}

/** From /proc: what is resident without a file behind it, so that mmap's pages can be told apart. */
function anonymousBytes(): number | null {
  try {
    const rollup = readFileSync('/proc/self/smaps_rollup', 'utf8');
    const kibibytes = /^Anonymous:\s+(\d+) kB$/m.exec(rollup)?.[1];
    return kibibytes === undefined ? null : Number(kibibytes) * 1024;
  } catch {
    return null;
  }
}
