/**
 * What measuring asks of an inference engine. One session holds at most one model and one context, lives in a
 * process of its own (see process.ts) and does coarse work: a repetition, a chunk, a reply. Timings are taken
 * inside it, around the native calls alone.
 */

import type { EngineInfo } from '../schema/engine.ts';
import type { BuildChoice, CacheType, GpuChoice } from '../schema/terms.ts';
import type { QuantizeOutcome, QuantizeRequest, QuantizeStep, RowsToQuantize } from './quantize-request.ts';
import type {
  ChatMessage,
  Completion,
  CompletionRequest,
  Generation,
  GenerationRequest,
  GenerationStep,
  Tool,
  WeightOrigin,
} from './replies.ts';
import type { ContinuationItem, ScoreRequest, Scores } from './scores.ts';

export type { EngineInfo } from '../schema/engine.ts';
export type { CacheType, EngineBackend as Backend, GpuChoice } from '../schema/terms.ts';

export interface ModelOptions {
  readonly path: string;
  /** Layers to keep on the GPU; `max` is all of them and the output layer. Ignored on the CPU. */
  readonly gpuLayers: number | 'max';
  /** Reads the weights into memory of their own, so that {@link EngineSession.tryWeights} may change them. */
  readonly writable?: boolean;
  /** Reads the vocabulary and no weights: it tokenizes and does nothing else. */
  readonly vocabularyOnly?: boolean;
}

export interface LoadedModel {
  readonly loadMs: number;
  readonly vocabularySize: number;
  /** null when the vocabulary has none. */
  readonly bosToken: number | null;
  /** Whether the model's tokenizer puts BOS before a text. */
  readonly addsBos: boolean;
  readonly trainContextSize: number;
  /** The output layer counts as one; null on the CPU. */
  readonly layers: { readonly onGpu: number; readonly total: number } | null;
  /** What the engine warned of in its log, line by line. */
  readonly warnings: readonly string[];
}

export interface LoadProgress {
  /** Of the bytes of all tensors: 0 to 1. */
  readonly fraction: number;
}

export interface ContextOptions {
  /** Tokens of each sequence, or of all together where they are shared. */
  readonly contextSize: number;
  /** Sequences that are evaluated side by side, each with a cache of its own. */
  readonly sequences: number;
  /** One cache for all sequences, in which they may have tokens in common. */
  readonly shared?: boolean;
  readonly batchSize: number;
  /** For single tokens, and for batches where `promptThreads` is absent. */
  readonly threads: number;
  /** For batches: a prompt is bound by arithmetic, generation by memory, so the best counts differ. */
  readonly promptThreads?: number;
  readonly flashAttention: 'auto' | 'on' | 'off';
  readonly keyType: CacheType;
  readonly valueType: CacheType;
  /** Sums the squared inputs of each weight matrix while it evaluates; see {@link EngineSession.observe}. */
  readonly observes?: boolean;
}

/** How strongly the columns of one weight matrix are used, or of each expert's slice of one. */
export interface WeightImportance {
  /** Of the weight: `blk.0.attn_q.weight`. */
  readonly name: string;
  /** Sums over tokens of the squared inputs: matrices × columns. */
  readonly sums: Float32Array;
  /** Tokens summed, one per matrix. */
  readonly counts: Float32Array;
}

export interface OpenedContext {
  readonly openMs: number;
  /** What was allocated for all sequences together: llama.cpp pads the size asked for. */
  readonly contextSize: number;
}

/** Bytes that the engine itself accounts for, over all devices. `null` where it does not say. */
export interface EngineMemory {
  /** Files that are mapped count whole, also where a part is rearranged. */
  readonly weightsBytes: number;
  /** Of the weights, those that the CPU keeps rearranged for its kernels, in memory of their own. */
  readonly repackedBytes: number | null;
  /** Cache for keys and values, and the state of recurrent layers. */
  readonly kvBytes: number | null;
  readonly computeBytes: number | null;
  /** Of all these, what lies in GPU memory. */
  readonly gpuBytes: number;
}

/** A context to plan for: threads take no memory of llama.cpp's. */
export type PlannedContext = Omit<ContextOptions, 'threads' | 'promptThreads'>;

/** One tensor of a cache. */
export interface LayerCache {
  readonly layer: number;
  /** `k` and `v` for keys and values, `r` and `s` for the states of a recurrent layer. */
  readonly kind: string;
  /** ggml's name of its type. */
  readonly type: string;
  /** Tokens that fit. */
  readonly cells: number;
  readonly sizeBytes: number;
}

/** What llama.cpp would allocate. */
export interface MemoryPlan extends EngineMemory {
  /** Tokens of all sequences together, as llama.cpp pads them. */
  readonly contextSize: number;
  readonly layers: number;
  /** By layer; a layer that shares the cache of another has none. Empty where llama.cpp does not tell. */
  readonly caches: readonly LayerCache[];
}

/** A context that llama.cpp would not make, with what it says of it. */
export interface RefusedContext {
  readonly refused: string;
}

export type PlannedMemory = MemoryPlan | RefusedContext;

/** The process the session lives in. */
export interface ProcessMemory {
  /** High-water mark since the process began. */
  readonly peakRssBytes: number;
  /** Resident now with no file behind it (Linux); null elsewhere. */
  readonly anonymousBytes: number | null;
}

/** One test by llama-bench's method; any part may be empty. */
export interface TimedTest {
  /** Evaluated untimed: what the cache holds when the clock starts. */
  readonly before: Uint32Array;
  /** Evaluated in batches, the last token of each asking for output. */
  readonly prompt: Uint32Array;
  /** Evaluated one by one, each asking for output. */
  readonly generated: Uint32Array;
}

/** Nanoseconds; 0 for a part that was empty. */
export interface TestTimes {
  readonly promptNs: number;
  readonly generationNs: number;
}

/** A weight to try in another type. */
export interface WeightChange {
  readonly name: string;
  readonly origin: WeightOrigin;
  /** A number of `enum ggml_type`. */
  readonly type: number;
  /** Mean squared inputs of its columns, of one matrix after another, that the type is made with; null for none. */
  readonly importance: Float32Array | null;
}

/** A weight whose error in several types is asked. */
export interface WeightErrorRequest extends Omit<WeightChange, 'type'> {
  readonly types: readonly number[];
  /** Mean squared inputs that errors are weighted by, whatever the types are made with; null weighs all alike. */
  readonly usage: Float32Array | null;
  /** Of a larger weight only every so many rows are looked at. */
  readonly mostElements: number;
}

/** A call that tells of its steps while it runs, and can be stopped without losing what it has. */
export interface Streaming<Step> {
  readonly onStep: (step: Step) => void;
  readonly signal?: AbortSignal;
}

export interface EngineSession extends AsyncDisposable {
  readonly info: EngineInfo;
  /** Loads the weights; a model loaded before is let go first. The signal ends it after the tensor it is at. */
  loadModel(options: ModelOptions, streaming?: Streaming<LoadProgress>): Promise<LoadedModel>;
  /** Opens a context on the loaded model; an open one is closed first. */
  openContext(options: ContextOptions): Promise<OpenedContext>;
  /** Lets go of the context and the model. */
  unload(): Promise<void>;
  /** Ids of `text` without BOS; special tokens in it are recognised only when `parseSpecial`. */
  tokenize(text: string, parseSpecial: boolean): Promise<Uint32Array>;
  /** Many texts at once, as {@link tokenize} does each. */
  tokenizeAll(texts: readonly string[], parseSpecial: boolean): Promise<Uint32Array[]>;
  /**
   * `messages` as the chat template writes them, with `tools` where it knows of such; without a template the last
   * message's text and a newline.
   */
  chatText(
    messages: readonly ChatMessage[],
    template: string | null,
    tools?: readonly Tool[],
  ): Promise<string>;
  /**
   * The prompt for `messages` by the model's own chat template, ready to evaluate (BOS included where the model
   * adds it). A model without a template gets the last message's text followed by a newline.
   */
  chatPrompt(
    messages: readonly ChatMessage[],
    template: string | null,
    tools?: readonly Tool[],
  ): Promise<Uint32Array>;
  /** Nanoseconds of one test, from an empty context. */
  timeTest(test: TimedTest): Promise<TestTimes>;
  /** Nanoseconds from a tokenized prompt to its first token, sampled. */
  timeFirstToken(prompt: Uint32Array): Promise<number>;
  score(request: ScoreRequest): Promise<Scores>;
  /**
   * The natural-log probability of each token of each continuation, by item of all groups and by continuation. The
   * context was opened to be shared; a group is evaluated side by side, what continuations have in common once.
   */
  scoreContinuations(groups: readonly (readonly ContinuationItem[])[]): Promise<Float64Array[][]>;
  /** The text of each token alone, special tokens by their names. */
  pieces(tokens: Uint32Array): Promise<readonly string[]>;
  /**
   * One reply, step by step. The context keeps the prompt and the reply, so that the next turn of a chat evaluates
   * only what is new.
   */
  generate(request: GenerationRequest, streaming: Streaming<GenerationStep>): Promise<Generation>;
  /**
   * Greedy continuations, each until an end-of-generation token or its limit, in the order of the requests. As many
   * are evaluated side by side as the context has sequences.
   */
  complete(requests: readonly CompletionRequest[]): Promise<Completion[]>;
  /** Evaluates one chunk from an empty context that was opened to observe. */
  observe(tokens: Uint32Array): Promise<void>;
  /** What was observed since the context was opened. */
  importance(): Promise<WeightImportance[]>;
  /**
   * Changes weights of a writable model as if they were of other types, until the next call; those that were changed
   * before get their own back. Only weights that an observed evaluation used can be changed.
   */
  tryWeights(changes: readonly WeightChange[]): Promise<void>;
  /** Names of the weights that an observed evaluation used. */
  observedWeights(): Promise<readonly string[]>;
  /** Sums of squared errors of a weight in each of the types: a cheap guess of what they lose. */
  weightErrors(request: WeightErrorRequest): Promise<number[]>;
  /** Writes a file in other types, or tells what it would write. No model need be loaded. */
  quantize(request: QuantizeRequest, streaming?: Streaming<QuantizeStep>): Promise<QuantizeOutcome>;
  /** Rows in another type, without a file, as {@link quantize} writes them without an importance matrix. */
  quantizeRows(request: RowsToQuantize): Promise<Uint8Array>;
  engineMemory(): Promise<EngineMemory>;
  /** What a model would take in each of the contexts, in their order. No weight is read; what is loaded stays. */
  planMemory(model: ModelOptions, contexts: readonly PlannedContext[]): Promise<PlannedMemory[]>;
  processMemory(): Promise<ProcessMemory>;
}

export interface StartOptions {
  readonly gpu: GpuChoice;
  /** Which binary to take; the environment says when this does not (QUANTSCOPE_ENGINE). */
  readonly build?: BuildChoice;
  /** Ends the session: the process is killed and every pending call rejects with the reason. */
  readonly signal?: AbortSignal;
  /** The longest any one call may take; the process is killed after it. */
  readonly callTimeoutMs: number;
}

/** Starts a session; the seam that tests replace. */
export type StartEngine = (options: StartOptions) => Promise<EngineSession>;
