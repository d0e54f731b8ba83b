import { readFileSync } from 'node:fs';
import type { ChatTemplates } from './chat-template.ts';
import { completeAll } from './completer.ts';
import { Context } from './context.ts';
import { scoreContinuations } from './continuations.ts';
import type {
  ContextOptions,
  EngineInfo,
  EngineMemory,
  EngineSession,
  LoadedModel,
  LoadProgress,
  ModelOptions,
  OpenedContext,
  PlannedContext,
  PlannedMemory,
  ProcessMemory,
  Streaming,
  TestTimes,
  TimedTest,
  WeightChange,
  WeightErrorRequest,
  WeightImportance,
} from './engine.ts';
import { EngineError } from './errors.ts';
import { Generator } from './generator.ts';
import type { LlamaCpp } from './llama-cpp/library.ts';
import { memoryBreakdown, memoryOf } from './llama-cpp/memory-breakdown.ts';
import { planMemory } from './memory-plan.ts';
import { Model } from './model.ts';
import type { ProblemLog } from './problem-log.ts';
import type { QuantizeOutcome, QuantizeRequest, QuantizeStep, RowsToQuantize } from './quantize-request.ts';
import { quantizeFile } from './quantizer.ts';
import type {
  ChatMessage,
  Completion,
  CompletionRequest,
  Generation,
  GenerationRequest,
  GenerationStep,
  Tool,
} from './replies.ts';
import { Sampler } from './sampler.ts';
import { scoreChunk } from './scorer.ts';
import type { ContinuationItem, ScoreRequest, Scores } from './scores.ts';
import { ScoringThreads } from './scoring-threads.ts';
import { Timer } from './timer.ts';
import { WeightEditor } from './weight-editor.ts';

/** How llama.cpp's backends say that memory is short (ggml-alloc.c, ggml-vulkan.cpp, ggml-cuda.cu, ggml-metal). */
const NO_MEMORY =
  /failed to allocate|unable to allocate|memory allocation of size|OutOf\w*Memory|out of memory|insufficient memory/i;

/** A session on llama.cpp in this process. */
export class LlamaSession implements EngineSession {
  readonly info: EngineInfo;
  readonly #llamaCpp: LlamaCpp;
  readonly #log: ProblemLog;
  #templates: ChatTemplates | undefined;
  #loaded: { readonly model: Model; readonly greedy: Sampler; scoring?: ScoringThreads } | undefined;
  /** Of the loaded model, once an evaluation was observed. */
  #editor: WeightEditor | undefined;
  #opened: { readonly context: Context; readonly generator: Generator; readonly timer: Timer } | undefined;

  constructor(llamaCpp: LlamaCpp, info: EngineInfo, log: ProblemLog) {
    this.#llamaCpp = llamaCpp;
    this.info = info;
    this.#log = log;
  }

  async loadModel(options: ModelOptions, streaming?: Streaming<LoadProgress>): Promise<LoadedModel> {
    await this.unload();
    this.#log.clear();
    const model = await Model.load(this.#llamaCpp, options, this.info.backend !== 'cpu', streaming);
    if (model === null) throw this.#failure('engine/load-failed', 'llama.cpp refused the file');
    this.#loaded = { model, greedy: new Sampler(this.#llamaCpp, model) };
    return { ...model.facts, warnings: this.#log.warnings() };
  }

  async openContext(options: ContextOptions): Promise<OpenedContext> {
    this.#closeContext();
    const { model } = this.#model();
    this.#log.clear();
    const started = performance.now();
    const context = await Context.open(this.#llamaCpp, this.#log, model, options);
    const openMs = performance.now() - started;
    if (context === null) {
      const what = `llama.cpp could not open a context of ${options.contextSize} tokens`;
      throw this.#failure('engine/context-failed', what);
    }
    const generator = new Generator({ llamaCpp: this.#llamaCpp, model, context });
    this.#opened = { context, generator, timer: new Timer(this.#llamaCpp, model, context, generator) };
    return { openMs, contextSize: context.size };
  }

  async unload(): Promise<void> {
    this.#closeContext();
    this.#editor = undefined;
    await this.#loaded?.scoring?.[Symbol.asyncDispose]();
    this.#loaded?.greedy.free();
    this.#loaded?.model.free();
    this.#loaded = undefined;
  }

  async tokenize(text: string, parseSpecial: boolean): Promise<Uint32Array> {
    return this.#model().model.tokenize(text, parseSpecial);
  }

  async tokenizeAll(texts: readonly string[], parseSpecial: boolean): Promise<Uint32Array[]> {
    return texts.map((text) => this.#model().model.tokenize(text, parseSpecial));
  }

  async chatText(
    messages: readonly ChatMessage[],
    template: string | null,
    tools: readonly Tool[] = [],
  ): Promise<string> {
    const { model } = this.#model();
    if (template === null) return `${messages.at(-1)?.content ?? ''}\n`;
    // Read only where it is needed: a measurement's process is small.
    this.#templates ??= new (await import('./chat-template.ts')).ChatTemplates(this.#llamaCpp.folder);
    return this.#templates.render(template, messages, tools, {
      bos: model.textOf(model.facts.bosToken ?? -1),
      eos: model.textOf(model.eosToken),
    });
  }

  async chatPrompt(
    messages: readonly ChatMessage[],
    template: string | null,
    tools: readonly Tool[] = [],
  ): Promise<Uint32Array> {
    const { model } = this.#model();
    const { addsBos, bosToken } = model.facts;
    const tokens = model.tokenize(await this.chatText(messages, template, tools), true);
    if (!addsBos || bosToken === null || tokens[0] === bosToken) return tokens;
    return Uint32Array.of(bosToken, ...tokens);
  }

  async timeTest(test: TimedTest): Promise<TestTimes> {
    return this.#context().timer.test(test);
  }

  async timeFirstToken(prompt: Uint32Array): Promise<number> {
    return this.#context().timer.firstToken(prompt, this.#model().greedy);
  }

  async score(request: ScoreRequest): Promise<Scores> {
    const { context, generator } = this.#context();
    generator.clear();
    const loaded = this.#model();
    loaded.scoring ??= new ScoringThreads(loaded.model.facts.vocabularySize);
    return scoreChunk(context, loaded.scoring, request);
  }

  async scoreContinuations(groups: readonly (readonly ContinuationItem[])[]): Promise<Float64Array[][]> {
    const { context, generator } = this.#context();
    generator.clear();
    const loaded = this.#model();
    loaded.scoring ??= new ScoringThreads(loaded.model.facts.vocabularySize);
    return scoreContinuations(context, loaded.scoring, groups, loaded.model.isRecurrent);
  }

  async complete(requests: readonly CompletionRequest[]): Promise<Completion[]> {
    const { context, generator } = this.#context();
    const { model, greedy } = this.#model();
    generator.clear();
    return completeAll(this.#llamaCpp, context, model, greedy, requests);
  }

  async pieces(tokens: Uint32Array): Promise<readonly string[]> {
    const { model } = this.#model();
    return Array.from(tokens, (token) => model.detokenize(Uint32Array.of(token), true));
  }

  async generate(request: GenerationRequest, streaming: Streaming<GenerationStep>): Promise<Generation> {
    return this.#context().generator.generate(request, streaming);
  }

  async observe(tokens: Uint32Array): Promise<void> {
    const { context, generator } = this.#context();
    generator.clear();
    context.observe(tokens);
    this.#editor ??= new WeightEditor(this.#llamaCpp, context.observedTensors());
  }

  async importance(): Promise<WeightImportance[]> {
    return this.#context().context.importance();
  }

  async quantizeRows(request: RowsToQuantize): Promise<Uint8Array> {
    const { quantizeRows } = await import('./row-quantizer.ts');
    return quantizeRows(this.#llamaCpp, request);
  }

  async tryWeights(changes: readonly WeightChange[]): Promise<void> {
    this.#weights().try(changes);
  }

  async observedWeights(): Promise<readonly string[]> {
    return this.#weights().names();
  }

  async weightErrors(request: WeightErrorRequest): Promise<number[]> {
    return this.#weights().errors(request);
  }

  quantize(request: QuantizeRequest, streaming?: Streaming<QuantizeStep>): Promise<QuantizeOutcome> {
    return quantizeFile(this.#llamaCpp, this.#log, request, streaming);
  }

  async engineMemory(): Promise<EngineMemory> {
    const parts = memoryBreakdown(this.#llamaCpp, this.#context().context.pointer);
    if (parts === null) {
      const weightsBytes = this.#llamaCpp.api.llama_model_size(this.#model().model.pointer);
      return { weightsBytes, repackedBytes: null, kvBytes: null, computeBytes: null, gpuBytes: 0 };
    }
    return memoryOf(parts);
  }

  async planMemory(model: ModelOptions, contexts: readonly PlannedContext[]): Promise<PlannedMemory[]> {
    return planMemory(this.#llamaCpp, this.#log, model, this.info.backend !== 'cpu', contexts);
  }

  async processMemory(): Promise<ProcessMemory> {
    // resourceUsage counts kibibytes on every platform: libuv converts.
    const peakRssBytes = process.resourceUsage().maxRSS * 1024;
    return { peakRssBytes, anonymousBytes: process.platform === 'linux' ? anonymousBytes() : null };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#templates?.[Symbol.dispose]();
    await this.unload();
  }

  /** llama.cpp explains itself in its log rather than in what it returns. */
  #failure(code: 'engine/load-failed' | 'engine/context-failed', what: string): EngineError {
    const said = this.#log.first();
    if (said === undefined) return new EngineError(code, what);
    if (!NO_MEMORY.test(said)) return new EngineError(code, `${what}: ${said}`);
    // `CPU` and `Vulkan_Host` name buffers in the machine's own memory.
    const isOnGpu = this.info.backend !== 'cpu' && !/\bCPU|_Host\b/.test(said);
    return new EngineError(code, `${what}: too little ${isOnGpu ? 'GPU ' : ''}memory (${said})`, {
      hint: isOnGpu
        ? 'Keep fewer layers on the GPU with --gpu-layers, take a smaller context, or leave the GPU out with --gpu off.'
        : 'Take a smaller context or a smaller quantization, or free memory.',
    });
  }

  #closeContext(): void {
    this.#opened?.timer.free();
    this.#opened?.context.free();
    this.#opened = undefined;
  }

  #model() {
    if (!this.#loaded) throw new EngineError('engine/load-failed', 'no model is loaded');
    return this.#loaded;
  }

  #weights(): WeightEditor {
    if (this.#editor === undefined) throw new EngineError('engine/evaluation-failed', 'nothing was observed');
    return this.#editor;
  }

  #context() {
    if (!this.#opened) throw new EngineError('engine/context-failed', 'no context is open');
    return this.#opened;
  }
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
