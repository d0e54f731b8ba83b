import { setImmediate } from 'node:timers/promises';
import type { CacheType, ContextOptions, PlannedContext, WeightImportance } from './engine.ts';
import { EngineError } from './errors.ts';
import { ImportanceCollector } from './importance.ts';
import { callAsync } from './llama-cpp/call-async.ts';
import { ENUMS } from './llama-cpp/declarations.ts';
import { lastingMemory } from './llama-cpp/lasting-memory.ts';
import type { LlamaCpp } from './llama-cpp/library.ts';
import type { Pointer, Struct } from './llama-cpp/types.ts';
import type { Model } from './model.ts';
import type { ProblemLog } from './problem-log.ts';

const CACHE_TYPES: Record<CacheType, number> = {
  f32: ENUMS.ggml_type.GGML_TYPE_F32,
  f16: ENUMS.ggml_type.GGML_TYPE_F16,
  q4_0: ENUMS.ggml_type.GGML_TYPE_Q4_0,
  q4_1: ENUMS.ggml_type.GGML_TYPE_Q4_1,
  q5_0: ENUMS.ggml_type.GGML_TYPE_Q5_0,
  q5_1: ENUMS.ggml_type.GGML_TYPE_Q5_1,
  q8_0: ENUMS.ggml_type.GGML_TYPE_Q8_0,
  iq4_nl: ENUMS.ggml_type.GGML_TYPE_IQ4_NL,
  bf16: ENUMS.ggml_type.GGML_TYPE_BF16,
};

/** What `llama_decode` returns (llama.h). */
const DECODED = 0;
const ABORTED = 2;

/** Single tokens are evaluated on this thread, which looks at its messages as often as this. */
const TURN_MS = 20;

/** Tokens of one sequence in a batch. */
export interface BatchPart {
  readonly sequence: number;
  /** Of the first token. */
  readonly position: number;
  readonly tokens: Uint32Array;
  /** Indexes from which on tokens ask for output, all but those before. */
  readonly firstOutput: number;
}

/** llama.cpp's parameters for `options`: those of llama-bench, whose defaults are not the library's. */
export function contextParams({ api }: LlamaCpp, options: PlannedContext): Struct<'llama_context_params'> {
  const flash = ENUMS.llama_flash_attn_type;
  return {
    ...api.llama_context_default_params(),
    n_ctx: options.contextSize * options.sequences,
    n_batch: options.batchSize,
    n_ubatch: options.batchSize,
    n_seq_max: options.sequences,
    flash_attn_type:
      options.flashAttention === 'auto'
        ? flash.LLAMA_FLASH_ATTN_TYPE_AUTO
        : options.flashAttention === 'on'
          ? flash.LLAMA_FLASH_ATTN_TYPE_ENABLED
          : flash.LLAMA_FLASH_ATTN_TYPE_DISABLED,
    type_k: CACHE_TYPES[options.keyType],
    type_v: CACHE_TYPES[options.valueType],
    swa_full: false,
  };
}

/**
 * A cache and the threads that compute in it. Batches are evaluated on a thread of libuv's; single tokens on this
 * one, as the way there and back would cost more than a small model's token.
 */
export class Context {
  readonly options: ContextOptions;
  readonly pointer: Pointer;
  readonly #llamaCpp: LlamaCpp;
  readonly #log: ProblemLog;
  readonly #vocabularySize: number;
  readonly #memory: Pointer | null;
  readonly #pools: readonly Pointer[];
  readonly #abort: Uint8Array;
  readonly #batch: Batch;
  /** Null where nothing is observed. */
  readonly #collector: ImportanceCollector | null;
  #turnEnds = 0;

  private constructor(
    llamaCpp: LlamaCpp,
    log: ProblemLog,
    model: Model,
    options: ContextOptions,
    pointer: Pointer,
    abort: Uint8Array,
    collector: ImportanceCollector | null,
  ) {
    const { api } = llamaCpp;
    this.#llamaCpp = llamaCpp;
    this.#log = log;
    this.options = options;
    this.pointer = pointer;
    this.#vocabularySize = model.facts.vocabularySize;
    this.#memory = api.llama_get_memory(pointer);
    this.#abort = abort;
    this.#collector = collector;
    this.#batch = new Batch(llamaCpp, options);
    const { threads, promptThreads = threads } = options;
    // Made once and attached, as llama-bench does: else llama.cpp starts threads for each evaluation.
    const pools = [...new Set([threads, promptThreads])].map((count) => newPool(llamaCpp, count));
    this.#pools = pools;
    api.llama_attach_threadpool(pointer, pools[0] ?? null, pools.at(-1) ?? null);
  }

  /** @returns null where llama.cpp cannot: its log says why */
  static async open(
    llamaCpp: LlamaCpp,
    log: ProblemLog,
    model: Model,
    options: ContextOptions,
  ): Promise<Context | null> {
    const { api } = llamaCpp;
    const { threads, promptThreads = threads } = options;
    const abort = new Uint8Array(new ArrayBuffer(8));
    const collector = options.observes === true ? new ImportanceCollector(llamaCpp) : null;
    const pointer = await callAsync(api.llama_init_from_model, model.pointer, {
      ...contextParams(llamaCpp, options),
      n_threads: threads,
      n_threads_batch: promptThreads,
      abort_callback: textIsLong(llamaCpp),
      abort_callback_data: llamaCpp.address(abort),
      cb_eval: collector?.callback ?? null,
    });
    return pointer === null ? null : new Context(llamaCpp, log, model, options, pointer, abort, collector);
  }

  get size(): number {
    return this.#llamaCpp.api.llama_n_ctx(this.pointer);
  }

  /**
   * Evaluates `tokens` after what the first sequence holds, the last one of each batch asking for output.
   * @returns false when the signal stopped it; the sequence then holds a part of them
   * @throws EngineError `engine/evaluation-failed`
   */
  async evaluate(tokens: Uint32Array, signal?: AbortSignal): Promise<boolean> {
    const { batchSize } = this.options;
    const stop = () => {
      this.#abort[0] = 1;
    };
    signal?.addEventListener('abort', stop);
    try {
      for (let start = 0; start < tokens.length; start += batchSize) {
        if (signal?.aborted) return false;
        const part = tokens.subarray(start, start + batchSize);
        if (part.length === 1) this.evaluateOne(part[0] ?? 0);
        else if ((await this.#decodeAsync(this.#batch.ofLast(part))) === ABORTED) return false;
      }
      return true;
    } finally {
      signal?.removeEventListener('abort', stop);
      this.#abort[0] = 0;
    }
  }

  /** Evaluates one token after what the first sequence holds, at once: messages wait. */
  evaluateOne(token: number): void {
    const { api } = this.#llamaCpp;
    const code = api.llama_decode(this.pointer, this.#batch.ofOne(token));
    if (code !== DECODED) throw this.#failure(code);
    api.llama_synchronize(this.pointer);
  }

  /** Whether messages have waited for long: asked between single tokens. */
  turnIsDue(): boolean {
    return performance.now() >= this.#turnEnds;
  }

  /** Lets messages in. */
  async turn(): Promise<void> {
    await setImmediate();
    this.#turnEnds = performance.now() + TURN_MS;
  }

  /** Evaluates parts of several sequences in one batch; the outputs' logits follow each other in `rows`. */
  async evaluateParts(parts: readonly BatchPart[]): Promise<void> {
    const batch = this.#batch.ofParts(parts);
    if (batch.n_tokens === 1) {
      if (this.turnIsDue()) await this.turn();
      const code = this.#llamaCpp.api.llama_decode(this.pointer, batch);
      if (code !== DECODED) throw this.#failure(code);
    } else await this.#decodeAsync(batch);
  }

  /**
   * Evaluates one chunk, every token asking for output so that the last layer computes them all, on this thread: the
   * scheduler calls back at every node.
   * @throws EngineError `engine/evaluation-failed`
   */
  observe(tokens: Uint32Array): void {
    const collector = this.#observer();
    const { batchSize } = this.options;
    this.clear();
    for (let start = 0; start < tokens.length; start += batchSize) {
      collector.begin();
      const part = tokens.subarray(start, start + batchSize);
      const code = this.#llamaCpp.api.llama_decode(
        this.pointer,
        this.#batch.ofParts([{ sequence: 0, position: start, tokens: part, firstOutput: 0 }]),
      );
      this.#llamaCpp.api.llama_synchronize(this.pointer);
      collector.end();
      if (code !== DECODED) throw this.#failure(code);
    }
  }

  importance(): WeightImportance[] {
    return this.#observer().weights();
  }

  /** Addresses of the weights that observed evaluations used; they last as long as the model. */
  observedTensors(): ReadonlyMap<string, Pointer> {
    return this.#observer().tensors;
  }

  #observer(): ImportanceCollector {
    if (this.#collector === null) {
      throw new EngineError('engine/evaluation-failed', 'the context was not opened to observe');
    }
    return this.#collector;
  }

  /**
   * The logits of the first `count` outputs of the last batch, one row after another. A view: the next evaluation
   * writes over it.
   */
  rows(count: number): Float32Array {
    const address = this.#llamaCpp.api.llama_get_logits(this.pointer);
    return this.#logitsAt(address, count);
  }

  /** Where `rows` begin. */
  rowsAddress(): Pointer {
    const address = this.#llamaCpp.api.llama_get_logits(this.pointer);
    if (address === null) throw new EngineError('engine/evaluation-failed', 'llama.cpp holds no logits');
    return address;
  }

  /** The logits of the last output of the last batch: a view, as `rows`. */
  lastRow(): Float32Array {
    return this.#logitsAt(this.#llamaCpp.api.llama_get_logits_ith(this.pointer, -1), 1);
  }

  /**
   * Forgets a sequence's positions from `position` on.
   * @returns false where the cache cannot lose a part, as a recurrent state cannot
   */
  forget(sequence: number, position: number): boolean {
    return this.#llamaCpp.api.llama_memory_seq_rm(this.#memory, sequence, position, -1);
  }

  /** Forgets all sequences. */
  clear(): void {
    this.#llamaCpp.api.llama_memory_clear(this.#memory, true);
  }

  free(): void {
    const { api } = this.#llamaCpp;
    api.llama_free(this.pointer);
    this.#collector?.free();
    for (const pool of this.#pools) api.ggml_threadpool_free(pool);
  }

  async #decodeAsync(batch: Struct<'llama_batch'>): Promise<number> {
    const { api } = this.#llamaCpp;
    this.#log.clear();
    const code = await callAsync(api.llama_decode, this.pointer, batch);
    if (code !== DECODED && code !== ABORTED) throw this.#failure(code);
    // A GPU computes on after the call.
    await callAsync(api.llama_synchronize, this.pointer);
    return code;
  }

  #logitsAt(address: Pointer | null, rows: number): Float32Array {
    if (address === null) throw new EngineError('engine/evaluation-failed', 'llama.cpp holds no logits');
    return new Float32Array(this.#llamaCpp.view(address, rows * this.#vocabularySize * 4));
  }

  #failure(code: number): EngineError {
    // Meanings: llama.h, llama_decode.
    const what =
      code === 1 ? 'the cache has no room for a batch' : `llama.cpp could not evaluate a batch (${code})`;
    const said = this.#log.first();
    return new EngineError('engine/evaluation-failed', said === undefined ? what : `${what}: ${said}`);
  }
}

/** Memory for one batch, used again and again: an evaluation allocates nothing. */
class Batch {
  readonly #tokens: Int32Array;
  readonly #positions: Int32Array;
  readonly #sequences: BigInt64Array;
  readonly #outputs: Int8Array;
  readonly #sequenceAddress: bigint;
  readonly #simple: Struct<'llama_batch'>;
  readonly #full: Struct<'llama_batch'>;
  /** Read by address: they must live as long as the batch. */
  readonly kept: readonly ArrayBufferView[];

  constructor(llamaCpp: LlamaCpp, { batchSize, sequences }: ContextOptions) {
    const bytes = (size: number) => lastingMemory(size).buffer;
    this.#tokens = new Int32Array(bytes(batchSize * 4));
    this.#positions = new Int32Array(bytes(batchSize * 4));
    this.#sequences = new BigInt64Array(bytes(batchSize * 8));
    this.#outputs = new Int8Array(bytes(batchSize));
    const counts = new Int32Array(bytes(batchSize * 4)).fill(1);
    const ids = new Int32Array(bytes(sequences * 4)).map((_, index) => index);
    this.kept = [counts, ids];
    this.#sequenceAddress = llamaCpp.address(ids);
    // As llama_batch_get_one makes them: positions follow, the last token asks for output.
    this.#simple = {
      n_tokens: 0,
      token: llamaCpp.address(this.#tokens),
      embd: null,
      pos: null,
      n_seq_id: null,
      seq_id: null,
      logits: null,
    };
    this.#full = {
      ...this.#simple,
      pos: llamaCpp.address(this.#positions),
      n_seq_id: llamaCpp.address(counts),
      seq_id: llamaCpp.address(this.#sequences),
      logits: llamaCpp.address(this.#outputs),
    };
  }

  ofOne(token: number): Struct<'llama_batch'> {
    this.#tokens[0] = token;
    this.#simple.n_tokens = 1;
    return this.#simple;
  }

  ofLast(tokens: Uint32Array): Struct<'llama_batch'> {
    this.#tokens.set(tokens);
    this.#simple.n_tokens = tokens.length;
    return this.#simple;
  }

  ofParts(parts: readonly BatchPart[]): Struct<'llama_batch'> {
    let at = 0;
    for (const { sequence, position, tokens, firstOutput } of parts) {
      this.#tokens.set(tokens, at);
      for (let index = 0; index < tokens.length; index++, at++) {
        this.#positions[at] = position + index;
        this.#sequences[at] = this.#sequenceAddress + BigInt(sequence * 4);
        this.#outputs[at] = index >= firstOutput ? 1 : 0;
      }
    }
    this.#full.n_tokens = at;
    return this.#full;
  }
}

function newPool(llamaCpp: LlamaCpp, threads: number): Pointer {
  const { api } = llamaCpp;
  const params = llamaCpp.array('ggml_threadpool_params', [api.ggml_threadpool_params_default(threads)]);
  const pool = api.ggml_threadpool_new(params);
  if (pool !== null) return pool;
  throw new EngineError('engine/context-failed', `llama.cpp could not start ${threads} threads`);
}

/**
 * What llama.cpp asks between two operations whether to stop: strlen of the C library, which tells of memory that
 * begins with a zero byte that it is 0 long (go on), and of `1, 0` that it is 1 long (stop). A function of
 * JavaScript's could not be called while this thread is in llama.cpp, and would cost more than a small operation.
 */
function textIsLong(llamaCpp: LlamaCpp): Pointer {
  const strlen = llamaCpp.symbol('strlen');
  if (strlen === null) throw new EngineError('engine/abi', 'the C library offers no strlen');
  return strlen;
}
