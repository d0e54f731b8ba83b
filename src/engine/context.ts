import { setImmediate } from 'node:timers/promises';
import { Batch, type BatchPart } from './batch.ts';
import { contextParams } from './context-params.ts';
import type { ContextOptions, WeightImportance } from './engine.ts';
import { EngineError } from './errors.ts';
import { ImportanceCollector } from './importance.ts';
import { callAsync } from './llama-cpp/call-async.ts';
import { lastingMemory } from './llama-cpp/lasting-memory.ts';
import type { LlamaCpp } from './llama-cpp/library.ts';
import type { Packed, Pointer } from './llama-cpp/types.ts';
import type { Model } from './model.ts';
import type { ProblemLog } from './problem-log.ts';

/** What `llama_decode` returns (llama.h). */
const DECODED = 0;
const ABORTED = 2;

/** Short batches are evaluated on this thread, which looks at its messages as often as this. */
const TURN_MS = 20;
/** A batch that takes no longer is not worth another thread: going there and back costs up to a fifth of it. */
const AT_ONCE_MS = TURN_MS / 2;

/**
 * A cache and the threads that compute in it. Batches are evaluated on a thread of libuv's; short ones on this
 * one, as the way there and back would cost more than a small model's token or a few.
 */
export class Context {
  readonly options: ContextOptions;
  readonly pointer: Pointer;
  readonly #llamaCpp: LlamaCpp;
  readonly #log: ProblemLog;
  readonly #vocabularySize: number;
  /** A GPU computes on after the call. A CPU is done, and each way into llama.cpp costs a small model's token 4 %. */
  readonly onGpu: boolean;
  readonly #memory: Pointer | null;
  readonly #pools: readonly Pointer[];
  /** Read by address: see {@link textIsLong}. */
  readonly #abort = lastingMemory(2);
  readonly #batch: Batch;
  /** Null where nothing is observed. */
  readonly #collector: ImportanceCollector | null;
  /** Of the last batch that was evaluated on another thread. */
  #msPerToken = Number.POSITIVE_INFINITY;
  #turnEnds = 0;

  private constructor(
    llamaCpp: LlamaCpp,
    log: ProblemLog,
    model: Model,
    options: ContextOptions,
    pointer: Pointer,
    collector: ImportanceCollector | null,
  ) {
    const { api } = llamaCpp;
    this.#llamaCpp = llamaCpp;
    this.#log = log;
    this.options = options;
    this.pointer = pointer;
    this.#vocabularySize = model.facts.vocabularySize;
    this.onGpu = model.facts.layers !== null;
    this.#memory = api.llama_get_memory(pointer);
    this.#collector = collector;
    this.#batch = new Batch(llamaCpp, options);
    const { threads, promptThreads = threads } = options;
    // Made once and attached, as llama-bench does: else llama.cpp starts threads for each evaluation.
    const pools = [...new Set([threads, promptThreads])].map((count) => newPool(llamaCpp, count));
    this.#pools = pools;
    this.lendThreads(pointer);
  }

  /** Has another context of llama.cpp's compute with these threads; it must go first. */
  lendThreads(to: Pointer): void {
    this.#llamaCpp.api.llama_attach_threadpool(to, this.#pools[0] ?? null, this.#pools.at(-1) ?? null);
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
    const collector = options.observes === true ? new ImportanceCollector(llamaCpp) : null;
    const pointer = await callAsync(api.llama_init_from_model, model.pointer, {
      ...contextParams(llamaCpp, options),
      n_threads: threads,
      n_threads_batch: promptThreads,
      cb_eval: collector?.callback ?? null,
    });
    return pointer === null ? null : new Context(llamaCpp, log, model, options, pointer, collector);
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
    for (let start = 0; start < tokens.length; start += batchSize) {
      if (signal?.aborted) return false;
      const part = tokens.subarray(start, start + batchSize);
      if (part.length === 1) this.evaluateOne(part[0] ?? 0);
      else if (!(await this.#evaluateBatch(part, signal))) return false;
    }
    return true;
  }

  /** Evaluates one token after what the first sequence holds, at once: messages wait. */
  evaluateOne(token: number): void {
    this.#decodeAtOnce(this.#batch.ofOne(token));
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
    const tokens = parts.reduce((sum, part) => sum + part.tokens.length, 0);
    if (tokens === 1 || tokens * this.#msPerToken <= AT_ONCE_MS) {
      if (this.turnIsDue()) await this.turn();
      this.#decodeAtOnce(batch);
      return;
    }
    const started = performance.now();
    await this.#decodeAsync(batch);
    this.#msPerToken = (performance.now() - started) / tokens;
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
    return this.rowOf(-1);
  }

  /** The logits of the output of a token of the last batch, by its place there: a view, as `rows`. */
  rowOf(index: number): Float32Array {
    return this.#logitsAt(this.#llamaCpp.api.llama_get_logits_ith(this.pointer, index), 1);
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

  async #evaluateBatch(tokens: Uint32Array, signal: AbortSignal | undefined): Promise<boolean> {
    const batch = this.#batch.ofLast(tokens);
    if (signal === undefined) return (await this.#decodeAsync(batch)) === DECODED;
    const { api } = this.#llamaCpp;
    const stop = () => {
      this.#abort[0] = 1;
    };
    this.#abort[0] = 0;
    api.llama_set_abort_callback(this.pointer, textIsLong(this.#llamaCpp), this.#abort);
    signal.addEventListener('abort', stop);
    try {
      return (await this.#decodeAsync(batch)) === DECODED;
    } finally {
      signal.removeEventListener('abort', stop);
      api.llama_set_abort_callback(this.pointer, null, null);
    }
  }

  #decodeAtOnce(batch: Packed): void {
    const { api } = this.#llamaCpp;
    const code = api.llama_decode(this.pointer, batch);
    if (code !== DECODED) throw this.#failure(code);
    if (this.onGpu) api.llama_synchronize(this.pointer);
  }

  async #decodeAsync(batch: Packed): Promise<number> {
    const { api } = this.#llamaCpp;
    this.#log.clear();
    const code = await callAsync(api.llama_decode, this.pointer, batch);
    if (code !== DECODED && code !== ABORTED) throw this.#failure(code);
    if (this.onGpu) await callAsync(api.llama_synchronize, this.pointer);
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
