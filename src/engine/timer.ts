import type { Context } from './context.ts';
import type { TestTimes, TimedTest } from './engine.ts';
import type { Generator } from './generator.ts';
import type { LlamaCpp } from './llama-cpp/library.ts';
import type { Model } from './model.ts';
import type { Sampler } from './sampler.ts';
import { SingleTokens } from './single-tokens.ts';

/** Where a token takes no longer, the way from JavaScript to llama.cpp is seen in its time. */
const SHORT_TOKEN_NS = 1e6;
/** Tokens that are evaluated one by one before the clock starts. */
const MOST_BEFORE = 4096;

/** Times what a context evaluates. */
export class Timer {
  readonly #llamaCpp: LlamaCpp;
  readonly #model: Model;
  readonly #context: Context;
  readonly #generator: Generator;
  /** Of the last test that generated. */
  #tokenNs = Number.POSITIVE_INFINITY;
  /** Null where there is none, or none yet. */
  #single: SingleTokens | null = null;

  constructor(llamaCpp: LlamaCpp, model: Model, context: Context, generator: Generator) {
    this.#llamaCpp = llamaCpp;
    this.#model = model;
    this.#context = context;
    this.#generator = generator;
  }

  async test({ before, prompt, generated }: TimedTest): Promise<TestTimes> {
    const single = prompt.length === 0 ? this.#singleTokens(before.length) : null;
    this.#generator.clear();
    if (single === null) await this.#context.evaluate(before);
    else single.begin(before);
    await this.#context.turn();
    const started = process.hrtime.bigint();
    await this.#context.evaluate(prompt);
    const promptEnded = process.hrtime.bigint();
    // No message could stop it: who does not want it any more kills the process.
    if (single === null) for (const token of generated) this.#context.evaluateOne(token);
    else single.evaluate(generated);
    const generationNs = Number(process.hrtime.bigint() - promptEnded);
    if (generated.length > 0) this.#tokenNs = generationNs / generated.length;
    return {
      promptNs: prompt.length > 0 ? Number(promptEnded - started) : 0,
      generationNs: generated.length > 0 ? generationNs : 0,
    };
  }

  /** @returns nanoseconds until the first token of an answer is chosen */
  async firstToken(prompt: Uint32Array, sampler: Sampler): Promise<number> {
    this.#generator.clear();
    const started = process.hrtime.bigint();
    await this.#context.evaluate(prompt);
    sampler.sample(this.#context);
    return Number(process.hrtime.bigint() - started);
  }

  free(): void {
    this.#single?.free();
  }

  /** Where tokens are short, once one was timed: null else, and where others must be evaluated first for long. */
  #singleTokens(before: number): SingleTokens | null {
    if (this.#context.onGpu || this.#tokenNs > SHORT_TOKEN_NS || before > MOST_BEFORE) return null;
    this.#single ??= SingleTokens.open(this.#llamaCpp, this.#model, this.#context);
    return this.#single;
  }
}
