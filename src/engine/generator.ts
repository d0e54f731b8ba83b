import type { Context } from './context.ts';
import type { Streaming } from './engine.ts';
import { EngineError } from './errors.ts';
import type { LlamaCpp } from './llama-cpp/library.ts';
import type { Model } from './model.ts';
import type { Candidate, Generation, GenerationRequest, GenerationStep } from './replies.ts';
import { Sampler } from './sampler.ts';
import { mostLikely, normalize } from './scorer.ts';

const SEQUENCE = 0;

/** What a reply needs of an open context. */
export interface GeneratorParts {
  readonly llamaCpp: LlamaCpp;
  readonly model: Model;
  readonly context: Context;
}

/**
 * Replies in the context's first sequence. It remembers what the sequence holds, so that a prompt which begins like
 * the last prompt and reply costs only its end: the turns of a chat.
 */
export class Generator {
  readonly #parts: GeneratorParts;
  /** Tokens whose keys and values the sequence holds. */
  #held: number[] = [];

  constructor(parts: GeneratorParts) {
    this.#parts = parts;
  }

  async generate(
    { prompt, maxTokens, sampling, stopTexts, candidates }: GenerationRequest,
    { onStep, signal }: Streaming<GenerationStep>,
  ): Promise<Generation> {
    const { llamaCpp, model, context } = this.#parts;
    const { options } = context;
    if (prompt.length === 0 || prompt.length >= options.contextSize) {
      throw new EngineError(
        'engine/evaluation-failed',
        `a prompt of ${prompt.length} tokens does not fit a context of ${options.contextSize} with room for a reply`,
        { hint: 'Shorten the prompt, or ask for a larger context with --context.' },
      );
    }
    const cachedTokens = this.#keepPrefix(prompt);
    const sampler = new Sampler(llamaCpp, model, sampling, prompt);
    const text = new TextStream(model, prompt, stopTexts);
    const reply: number[] = [];
    let promptNs = 0;
    let generationStarted = process.hrtime.bigint();
    const finish = (stop: Generation['stop']): Generation => ({
      text: text.finish(stop === 'stop-text'),
      tokens: Uint32Array.from(reply),
      stop,
      cachedTokens,
      promptNs,
      generationNs: Number(process.hrtime.bigint() - generationStarted),
    });
    try {
      let evaluateNs = await this.#evaluate(prompt.subarray(cachedTokens), signal);
      promptNs = evaluateNs;
      generationStarted = process.hrtime.bigint();
      while (true) {
        // An interrupted prompt has no output to sample from.
        if (signal?.aborted) return finish('aborted');
        const seen = candidates > 0 ? this.#candidates(candidates) : [];
        const beforeSampling = process.hrtime.bigint();
        const token = sampler.sample(context);
        const sampleNs = Number(process.hrtime.bigint() - beforeSampling);
        if (model.endsGeneration(token)) return finish('end');
        reply.push(token);
        const beforeText = process.hrtime.bigint();
        const added = text.add(token);
        const detokenizeNs = Number(process.hrtime.bigint() - beforeText);
        const piece = model.detokenize(Uint32Array.of(token), true);
        onStep({ token, text: added.text, piece, evaluateNs, sampleNs, detokenizeNs, candidates: seen });
        if (added.stopped) return finish('stop-text');
        if (reply.length >= maxTokens) return finish('length');
        if (this.#held.length >= options.contextSize) return finish('context-full');
        if (context.turnIsDue()) await context.turn();
        evaluateNs = await this.#evaluate(Uint32Array.of(token), signal);
      }
    } finally {
      sampler.free();
    }
  }

  /** Empties the sequence, so that something else can be evaluated in it. */
  clear(): void {
    this.#parts.context.clear();
    this.#held.length = 0;
  }

  /** Forgets what the sequence holds beyond the prompt's beginning; the last token is always evaluated anew. */
  #keepPrefix(prompt: Uint32Array): number {
    const { context } = this.#parts;
    const most = Math.min(this.#held.length, prompt.length - 1);
    let common = 0;
    while (common < most && this.#held[common] === prompt[common]) common++;
    if (common > 0 && context.forget(SEQUENCE, common)) {
      this.#held.length = common;
      return common;
    }
    this.clear();
    return 0;
  }

  /** @returns nanoseconds; where a signal stopped it, the sequence goes back to what it held */
  async #evaluate(tokens: Uint32Array, signal: AbortSignal | undefined): Promise<number> {
    const { context } = this.#parts;
    const started = process.hrtime.bigint();
    if (await context.evaluate(tokens, signal)) for (const token of tokens) this.#held.push(token);
    else if (!context.forget(SEQUENCE, this.#held.length)) this.clear();
    return Number(process.hrtime.bigint() - started);
  }

  /** The most likely tokens by the model's own distribution. */
  #candidates(count: number): Candidate[] {
    const { context, model } = this.#parts;
    const row = context.lastRow();
    const { logSum } = normalize(row);
    return mostLikely(row, count).map((token) => ({
      token,
      text: model.detokenize(Uint32Array.of(token), true),
      probability: Math.exp((row[token] ?? Number.NaN) - logSum),
    }));
  }
}

/** Tokens before the reply that it is detokenized after: SentencePiece drops the space before a text's first word. */
const LEADING_TOKENS = 4;
const UNFINISHED = '\uFFFD';

/** A reply's text as its tokens come: whole characters alone, and nothing of a stop text. */
class TextStream {
  readonly #model: Model;
  readonly #stopTexts: readonly string[];
  /** The end of what was told and what is not yet, as tokens. */
  #window: number[];
  #told: string;
  #text = '';
  #givenCharacters = 0;

  constructor(model: Model, prompt: Uint32Array, stopTexts: readonly string[]) {
    this.#model = model;
    this.#stopTexts = stopTexts.filter((text) => text !== '');
    this.#window = Array.from(prompt.subarray(-LEADING_TOKENS));
    this.#told = this.#detokenize();
  }

  add(token: number): { readonly text: string; readonly stopped: boolean } {
    this.#window.push(token);
    const whole = this.#detokenize();
    if (whole.endsWith(UNFINISHED) && this.#window.length < 2 * LEADING_TOKENS) {
      return { text: '', stopped: false };
    }
    this.#text += whole.slice(this.#told.length);
    this.#window = this.#window.slice(-LEADING_TOKENS);
    this.#told = this.#detokenize();
    const at = this.#firstStop();
    if (at !== undefined) {
      this.#text = this.#text.slice(0, at);
      return { text: this.#give(this.#text.length), stopped: true };
    }
    return { text: this.#give(this.#text.length - this.#heldBack()), stopped: false };
  }

  /** All of the reply; what was held back is part of it unless a stop text ended it. */
  finish(stopped: boolean): string {
    if (!stopped) {
      const whole = this.#detokenize();
      this.#text += whole.slice(this.#told.length);
    }
    return this.#text;
  }

  #give(until: number): string {
    const text = this.#text.slice(this.#givenCharacters, until);
    this.#givenCharacters = Math.max(this.#givenCharacters, until);
    return text;
  }

  #firstStop(): number | undefined {
    const places = this.#stopTexts.map((stop) => this.#text.indexOf(stop)).filter((at) => at >= 0);
    return places.length === 0 ? undefined : Math.min(...places);
  }

  /** Characters at the end that may be the beginning of a stop text. */
  #heldBack(): number {
    let most = 0;
    for (const stop of this.#stopTexts) {
      for (let length = Math.min(stop.length - 1, this.#text.length); length > most; length--) {
        if (this.#text.endsWith(stop.slice(0, length))) most = length;
      }
    }
    return most;
  }

  #detokenize(): string {
    return this.#model.detokenize(Uint32Array.from(this.#window), false);
  }
}
