import { Batch } from './batch.ts';
import type { Context } from './context.ts';
import { contextParams } from './context-params.ts';
import { EngineError } from './errors.ts';
import type { LlamaCpp } from './llama-cpp/library.ts';
import type { Pointer } from './llama-cpp/types.ts';
import type { Model } from './model.ts';

/** Of the logits that a call leaves behind. */
const LOGITS_BYTES = 2 ** 20;
const MOST_TOKENS = 16;

/**
 * Evaluates tokens one by one on the CPU, several a call. The way from JavaScript into llama.cpp takes some 10 us,
 * which a phone's app does not have: 5 % of a token of the smallest models. A context with micro-batches of one token
 * goes from token to token within llama.cpp, with the graph and the output of each.
 */
export class SingleTokens {
  readonly #llamaCpp: LlamaCpp;
  readonly pointer: Pointer;
  readonly #batch: Batch;
  readonly #tokensPerCall: number;
  /** Tokens that the cache holds. */
  #position = 0;

  private constructor(llamaCpp: LlamaCpp, pointer: Pointer, tokensPerCall: number) {
    this.#llamaCpp = llamaCpp;
    this.pointer = pointer;
    this.#tokensPerCall = tokensPerCall;
    this.#batch = new Batch(llamaCpp, { batchSize: tokensPerCall, sequences: 1 });
  }

  /**
   * With a cache of its own, as large as that of `context`, and its threads.
   * @returns null where llama.cpp cannot
   */
  static open(llamaCpp: LlamaCpp, model: Model, context: Context): SingleTokens | null {
    const { api } = llamaCpp;
    const rowBytes = model.facts.vocabularySize * Float32Array.BYTES_PER_ELEMENT;
    const { options } = context;
    // llama.cpp lowers the batch to the context's size, and ends the process over a larger one.
    const most = Math.min(MOST_TOKENS, options.batchSize, options.contextSize);
    const tokensPerCall = Math.max(1, Math.min(most, Math.floor(LOGITS_BYTES / rowBytes)));
    const pointer = api.llama_init_from_model(model.pointer, {
      ...contextParams(llamaCpp, options),
      n_ubatch: 1,
      n_threads: options.threads,
      n_threads_batch: options.threads,
    });
    if (pointer === null) return null;
    context.lendThreads(pointer);
    const single = new SingleTokens(llamaCpp, pointer, tokensPerCall);
    // What a first evaluation sets up is not timed.
    single.evaluate(new Uint32Array(tokensPerCall));
    return single;
  }

  /** Forgets all but `tokens`, which it evaluates. */
  begin(tokens: Uint32Array): void {
    const { api } = this.#llamaCpp;
    api.llama_memory_clear(api.llama_get_memory(this.pointer), true);
    this.#position = 0;
    this.evaluate(tokens);
  }

  /**
   * Evaluates tokens after those that the cache holds, each asking for output.
   * @throws EngineError `engine/evaluation-failed`
   */
  evaluate(tokens: Uint32Array): void {
    for (let start = 0; start < tokens.length; start += this.#tokensPerCall) {
      const part = tokens.subarray(start, start + this.#tokensPerCall);
      const place = { sequence: 0, position: this.#position + start, firstOutput: 0 };
      const code = this.#llamaCpp.api.llama_decode(
        this.pointer,
        this.#batch.ofParts([{ ...place, tokens: part }]),
      );
      if (code !== 0) {
        throw new EngineError('engine/evaluation-failed', `llama.cpp could not evaluate a token (${code})`);
      }
    }
    this.#position += tokens.length;
  }

  free(): void {
    this.#llamaCpp.api.llama_free(this.pointer);
  }
}
