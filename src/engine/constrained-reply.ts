import type { Context } from './context.ts';
import { EngineError } from './errors.ts';
import type { LlamaCpp } from './llama-cpp/library.ts';
import type { Pointer } from './llama-cpp/types.ts';
import type { Model } from './model.ts';
import type { ReplyGrammar } from './replies.ts';
import type { Sampler } from './sampler.ts';

/** Of a `llama_token_data`: an id and two floats. */
const WORDS = 3;

/**
 * The most likely tokens of a reply: any until its text has the grammar's trigger, from there on those that the grammar
 * allows. llama.cpp has grammars with triggers of its own; they end the process where the token that completes the
 * trigger goes on in a way that the grammar does not know, as C++ tells of it by an exception. Here such a reply goes
 * on without a grammar.
 */
export class ConstrainedReply {
  readonly #llamaCpp: LlamaCpp;
  readonly #model: Model;
  readonly #grammar: ReplyGrammar;
  readonly #trigger: RegExp;
  readonly #tokens: number[] = [];
  #state: Pointer | null = null;
  #waits = true;

  constructor(llamaCpp: LlamaCpp, model: Model, grammar: ReplyGrammar) {
    this.#llamaCpp = llamaCpp;
    this.#model = model;
    this.#grammar = grammar;
    this.#trigger = new RegExp(grammar.trigger, 'u');
  }

  /**
   * @param index of the output's token in the batch
   * @returns null where the grammar allows no token at all
   */
  sample(context: Context, greedy: Sampler, index: number): number | null {
    const likeliest = greedy.sample(context, index);
    if (this.#state !== null) {
      const token = this.#allows(likeliest) ? likeliest : this.#likeliestAllowed(context.rowOf(index));
      if (token !== null && !this.#model.endsGeneration(token)) this.#accept(token);
      return token;
    }
    if (this.#waits) {
      this.#tokens.push(likeliest);
      const text = this.#model.detokenize(Uint32Array.from(this.#tokens), true);
      const match = this.#trigger.exec(text);
      if (match !== null) this.#begin(text.slice(match.index + match[0].length));
    }
    return likeliest;
  }

  free(): void {
    if (this.#state !== null) this.#llamaCpp.api.llama_sampler_free(this.#state);
    this.#state = null;
  }

  /** @param after what the token that completed the trigger says beyond it */
  #begin(after: string): void {
    this.#waits = false;
    const { gbnf } = this.#grammar;
    this.#state = this.#llamaCpp.api.llama_sampler_init_grammar(this.#model.vocabulary, gbnf, 'root');
    if (this.#state === null) {
      throw new EngineError('engine/evaluation-failed', 'llama.cpp cannot read the grammar of the tools');
    }
    for (const token of this.#model.tokenize(after, true)) {
      if (!this.#allows(token)) {
        this.free();
        return;
      }
      this.#accept(token);
    }
  }

  #accept(token: number): void {
    this.#llamaCpp.api.llama_sampler_accept(this.#state, token);
  }

  #allows(token: number): boolean {
    const { words, floats } = candidates(1);
    words[0] = token;
    this.#apply(words);
    return Number.isFinite(floats[1]);
  }

  #likeliestAllowed(logits: Float32Array): number | null {
    const { words, floats } = candidates(logits.length);
    for (const [token, logit] of logits.entries()) {
      words[token * WORDS] = token;
      floats[token * WORDS + 1] = logit;
    }
    this.#apply(words);
    let best = -1;
    for (let token = 0; token < logits.length; token++) {
      const logit = floats[token * WORDS + 1] ?? Number.NEGATIVE_INFINITY;
      if (logit > (best < 0 ? Number.NEGATIVE_INFINITY : (floats[best * WORDS + 1] ?? 0))) best = token;
    }
    return best < 0 ? null : best;
  }

  /** Gives every candidate that the grammar does not allow a logit of minus infinity. */
  #apply(words: Int32Array<ArrayBuffer>): void {
    const data = this.#llamaCpp.address(words);
    const list = { data, size: words.length / WORDS, selected: -1, sorted: false };
    this.#llamaCpp.api.llama_sampler_apply(
      this.#state,
      this.#llamaCpp.array('llama_token_data_array', [list]),
    );
  }
}

function candidates(count: number) {
  const words = new Int32Array(count * WORDS);
  return { words, floats: new Float32Array(words.buffer) };
}
