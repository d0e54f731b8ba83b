import { modelFacts, ropeFacts } from '../gguf/index.ts';
import type { Checks } from './rule.ts';

/** Architectures whose long contexts have factors of their own (src/llama-model.cpp, get_rope_factors). */
const WITH_FACTORS: ReadonlySet<string> = new Set(['phi3', 'phimoe', 'minicpm3']);

/** Of the group architecture: rotary positions beyond the context that a model was first trained with. */
export const ROPE_RULES: Checks = {
  *'architecture/rope-factors'({ header, kind, architecture }) {
    if (header === null || kind !== 'model' || header.tensors.length === 0) return;
    const { scaling, originalContextLength: original, hasFactors } = ropeFacts(header);
    const { contextLength } = modelFacts(header);
    if (hasFactors || !(WITH_FACTORS.has(architecture ?? '') || scaling === 'longrope')) return;
    if (original === undefined || contextLength === undefined || original >= contextLength) return;
    yield {
      message: `trained for ${original} tokens and stretched to ${contextLength}, without rope_factors_long and rope_factors_short`,
      key: `${architecture}.rope.scaling.original_context_length`,
    };
  },
  *'architecture/rope-original'({ header, kind, architecture }) {
    if (header === null || kind !== 'model') return;
    const { scaling, factor, originalContextLength } = ropeFacts(header);
    if (scaling !== 'yarn' || originalContextLength !== undefined || factor === undefined || factor === 1)
      return;
    const { contextLength } = modelFacts(header);
    const key = `${architecture}.rope.scaling.original_context_length`;
    yield {
      message: `YaRN by ${factor}, and ${key} is absent: llama.cpp takes ${contextLength ?? 'the context length'} for it`,
      key,
    };
  },
};
