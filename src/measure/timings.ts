import type { Generation } from '../engine/replies.ts';
import type { Timings } from '../schema/run.ts';

/**
 * A reply's timings by llama.rn's names and arithmetic (llama.cpp, tools/server, result_timings).
 * @param promptTokens of the whole prompt, those in the cache included
 */
export function timingsOf(
  promptTokens: number,
  {
    cachedTokens,
    promptNs,
    generationNs,
    tokens,
  }: Pick<Generation, 'cachedTokens' | 'promptNs' | 'generationNs' | 'tokens'>,
): Timings {
  const evaluated = promptTokens - cachedTokens;
  const [promptMs, predictedMs] = [promptNs / 1e6, generationNs / 1e6];
  return {
    cache_n: cachedTokens,
    prompt_n: evaluated,
    prompt_ms: promptMs,
    prompt_per_token_ms: share(promptMs, evaluated),
    prompt_per_second: share(evaluated * 1000, promptMs),
    predicted_n: tokens.length,
    predicted_ms: predictedMs,
    predicted_per_token_ms: share(predictedMs, tokens.length),
    predicted_per_second: share(tokens.length * 1000, predictedMs),
  };
}

function share(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}
