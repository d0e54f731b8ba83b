import type { Context } from './context.ts';
import type { LlamaCpp } from './llama-cpp/library.ts';
import type { Pointer } from './llama-cpp/types.ts';
import type { Model } from './model.ts';
import type { Sampling } from './replies.ts';

/** A filter keeps at least so many tokens. */
const MIN_KEEP = 1;

const GREEDY = { temperature: 0, repeatPenalty: 1, repeatLastTokens: 0 } as const;

/** A chain of llama.cpp's samplers. It takes note of what it draws. */
export class Sampler {
  readonly #llamaCpp: LlamaCpp;
  readonly #chain: Pointer | null;

  /** @param before tokens that the penalty for repetitions knows of */
  constructor(
    llamaCpp: LlamaCpp,
    model: Model,
    sampling: Sampling | typeof GREEDY = GREEDY,
    before: Uint32Array = new Uint32Array(),
  ) {
    const { api } = llamaCpp;
    this.#llamaCpp = llamaCpp;
    const chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params());
    this.#chain = chain;
    const add = (sampler: Pointer | null) => api.llama_sampler_chain_add(chain, sampler);
    const { temperature, repeatPenalty, repeatLastTokens } = sampling;
    if (repeatPenalty !== 1 && repeatLastTokens > 0) {
      const { vocabularySize } = model.facts;
      const penalties = api.llama_sampler_init_penalties(
        vocabularySize,
        repeatLastTokens,
        repeatPenalty,
        0,
        0,
      );
      for (const token of before.subarray(-repeatLastTokens)) api.llama_sampler_accept(penalties, token);
      add(penalties);
    }
    if (temperature <= 0 || !('seed' in sampling)) {
      add(api.llama_sampler_init_greedy());
      return;
    }
    add(api.llama_sampler_init_top_k(sampling.topK));
    add(api.llama_sampler_init_top_p(sampling.topP, MIN_KEEP));
    add(api.llama_sampler_init_min_p(sampling.minP, MIN_KEEP));
    add(api.llama_sampler_init_temp(temperature));
    add(api.llama_sampler_init_dist(sampling.seed));
  }

  /** @param index of the output's token in the batch; -1 is the last output */
  sample(context: Context, index = -1): number {
    return this.#llamaCpp.api.llama_sampler_sample(this.#chain, context.pointer, index);
  }

  free(): void {
    this.#llamaCpp.api.llama_sampler_free(this.#chain);
  }
}
