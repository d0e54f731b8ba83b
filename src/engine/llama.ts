import { readFileSync } from 'node:fs';
import { messageOf } from '../util/errors.ts';
import type { AddonContext, AddonModel, AddonSampler, Bindings, StartedBinding } from './bindings.ts';
import { completeAll } from './completer.ts';
import type {
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
import type { LogReader } from './log-reader.ts';
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
export class LlamaSession implements EngineSession {
  readonly info: EngineInfo;
  readonly #bindings: Bindings;
  readonly #dispose: () => Promise<void>;
  readonly #log: LogReader;
  readonly #workers: number;
  #loaded: { model: AddonModel; greedy: AddonSampler; scorer: Scorer; facts: LoadedModel } | undefined;
  #opened: { context: AddonContext; options: ContextOptions; generator: Generator } | undefined;

  /**
   * @param log what llama.cpp says goes there
   * @param workers threads of this process's libuv pool
   */
  constructor({ bindings, info, dispose }: StartedBinding, log: LogReader, workers: number) {
    this.#bindings = bindings;
    this.#dispose = dispose;
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
    await this.#dispose();
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
