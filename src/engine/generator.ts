import type { AddonContext, AddonModel, AddonSampler, BatchIndex, Bindings } from './bindings.ts';
import type {
  Candidate,
  ContextOptions,
  Generation,
  GenerationRequest,
  GenerationStep,
  Sampling,
  Streaming,
} from './engine.ts';
import { EngineError } from './errors.ts';

const SEQUENCE = 0;

/** What a reply needs of an open context. */
export interface GeneratorParts {
  readonly bindings: Bindings;
  readonly model: AddonModel;
  readonly context: AddonContext;
  readonly options: ContextOptions;
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
    const { bindings, model, context, options } = this.#parts;
    if (prompt.length === 0 || prompt.length >= options.contextSize) {
      throw new EngineError(
        'engine/evaluation-failed',
        `a prompt of ${prompt.length} tokens does not fit a context of ${options.contextSize} with room for a reply`,
        { hint: 'Shorten the prompt, or ask for a larger context with --context.' },
      );
    }
    const cachedTokens = this.#keepPrefix(prompt);
    const sampler = samplerFor(bindings, model, sampling, prompt);
    const observer = candidates > 0 ? new CandidateReader(bindings, model, candidates) : null;
    const text = new TextStream(model, prompt, stopTexts);
    const reply: number[] = [];
    let generationStarted = process.hrtime.bigint();
    const finish = (stop: Generation['stop']): Generation => ({
      text: text.finish(stop === 'stop-text'),
      tokens: Uint32Array.from(reply),
      stop,
      cachedTokens,
      promptNs,
      generationNs: Number(process.hrtime.bigint() - generationStarted),
    });
    let { output, evaluateNs } = await this.#evaluate(prompt.subarray(cachedTokens), signal);
    const promptNs = evaluateNs;
    generationStarted = process.hrtime.bigint();
    try {
      while (true) {
        // An interrupted prompt has no output to sample from.
        if (signal?.aborted || output === undefined) return finish('aborted');
        const seen = (await observer?.read(context, output)) ?? [];
        const beforeSampling = process.hrtime.bigint();
        const token = await context.sampleToken(output, sampler);
        const sampleNs = Number(process.hrtime.bigint() - beforeSampling);
        if (token < 0 || model.isEogToken(token)) return finish('end');
        reply.push(token);
        const beforeText = process.hrtime.bigint();
        const added = text.add(token);
        const detokenizeNs = Number(process.hrtime.bigint() - beforeText);
        const piece = model.detokenize(Uint32Array.of(token), true);
        onStep({ token, text: added.text, piece, evaluateNs, sampleNs, detokenizeNs, candidates: seen });
        if (added.stopped) return finish('stop-text');
        if (reply.length >= maxTokens) return finish('length');
        if (this.#held.length >= options.contextSize) return finish('context-full');
        ({ output, evaluateNs } = await this.#evaluate(Uint32Array.of(token), signal));
      }
    } finally {
      sampler.dispose();
      observer?.dispose();
    }
  }

  /** Empties the sequence, for whoever evaluates something else in it. */
  clear(): void {
    this.#parts.context.disposeSequence(SEQUENCE);
    this.#held.length = 0;
  }

  /** Forgets what the sequence holds beyond the prompt's beginning; the last token is always evaluated anew. */
  #keepPrefix(prompt: Uint32Array): number {
    const { context } = this.#parts;
    const most = Math.min(this.#held.length, prompt.length - 1);
    let common = 0;
    while (common < most && this.#held[common] === prompt[common]) common++;
    if (common > 0 && context.removeTokenCellsFromSequence(SEQUENCE, common, this.#held.length)) {
      this.#held.length = common;
      return common;
    }
    this.clear();
    return 0;
  }

  /** Evaluates in batches, the last token asking for output; a signal ends it between two batches. */
  async #evaluate(
    tokens: Uint32Array,
    signal: AbortSignal | undefined,
  ): Promise<{ output: BatchIndex | undefined; evaluateNs: number }> {
    const { context, options } = this.#parts;
    const started = process.hrtime.bigint();
    let output: BatchIndex | undefined;
    const { threads, promptThreads = threads } = options;
    context.setThreads(tokens.length === 1 ? threads : promptThreads);
    for (let start = 0; start < tokens.length && !signal?.aborted; start += options.batchSize) {
      const batch = tokens.subarray(start, start + options.batchSize);
      const isLast = start + batch.length === tokens.length;
      context.initBatch(batch.length);
      const wanted = isLast ? Uint32Array.of(batch.length - 1) : new Uint32Array();
      const [index] = context.addToBatch(SEQUENCE, this.#held.length, batch, wanted);
      await context.decodeBatch();
      this.#held.push(...batch);
      // The binding types its batch indexes as a branded number, which a typed array cannot hold.
      if (isLast) output = index as BatchIndex | undefined;
    }
    return { output, evaluateNs: Number(process.hrtime.bigint() - started) };
  }
}

function samplerFor(
  bindings: Bindings,
  model: AddonModel,
  { temperature, topK, topP, minP, repeatPenalty, repeatLastTokens, seed }: Sampling,
  prompt: Uint32Array,
): AddonSampler {
  const sampler = new bindings.AddonSampler(model);
  // The sampler takes note of what it draws; the prompt's end it must be told.
  const repeat = {
    repeatPenalty,
    repeatPenaltyMaxTokens: repeatLastTokens,
    repeatPenaltyTokens: prompt.subarray(Math.max(0, prompt.length - repeatLastTokens)),
  };
  sampler.applyConfig({ temperature, topK, topP, minP, seed, ...repeat });
  return sampler;
}

/** The head of the model's own distribution, through samplers that draw nothing. */
class CandidateReader {
  readonly #model: AddonModel;
  readonly #greedy: AddonSampler;
  readonly #top: AddonSampler;

  constructor(bindings: Bindings, model: AddonModel, count: number) {
    this.#model = model;
    this.#greedy = new bindings.AddonSampler(model);
    this.#greedy.applyConfig({ temperature: 0 });
    this.#top = new bindings.AddonSampler(model);
    this.#top.applyConfig({ temperature: 1, topK: count, seed: 1 });
  }

  async read(context: AddonContext, output: BatchIndex): Promise<Candidate[]> {
    const nothing: [readonly number[], boolean, boolean, boolean, number] = [[], false, false, true, 0];
    const [, , , maximum, weight = Number.NaN] = await context.sampleToken(
      output,
      this.#greedy,
      false,
      false,
      nothing,
      true,
    );
    const [, , , logits] = await context.sampleToken(output, this.#top, false, false, true, false);
    const max = maximum[1] ?? Number.NaN;
    const candidates: Candidate[] = [];
    for (let i = 0; i < logits.length; i += 2) {
      const token = logits[i] ?? 0;
      const probability = Math.exp((logits[i + 1] ?? Number.NaN) - max) / weight;
      candidates.push({ token, text: this.#model.detokenize(Uint32Array.of(token), true), probability });
    }
    return candidates;
  }

  dispose(): void {
    this.#greedy.dispose();
    this.#top.dispose();
  }
}

/** Tokens before the reply that it is detokenized after: SentencePiece drops the space before a text's first word. */
const LEADING_TOKENS = 4;
const UNFINISHED = '\uFFFD';

/** A reply's text as its tokens come: whole characters alone, and nothing of a stop text. */
class TextStream {
  readonly #model: AddonModel;
  readonly #stopTexts: readonly string[];
  /** The end of what was told and what is not yet, as tokens. */
  #window: number[];
  #told: string;
  #text = '';
  #givenCharacters = 0;

  constructor(model: AddonModel, prompt: Uint32Array, stopTexts: readonly string[]) {
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
