import type { EngineSession, LoadedModel } from '../engine/engine.ts';
import { randomTokens } from './random.ts';
import { bytesReadPerToken, effectiveBandwidth, rateOf, type TokenRead } from './rates.ts';
import type { Speed } from './results.ts';
import { median } from './statistics.ts';

/** Generation is warmed up by a few tokens: what it warms (caches, thread pool) does not need all of them. */
const WARM_UP_GENERATION_TOKENS = 16;

export interface SpeedPlan {
  readonly promptTokens: number;
  readonly generationTokens: number;
  /** Tokens already in the cache when generation at depth begins. */
  readonly depth: number;
  readonly repetitions: number;
  readonly seed: number;
}

/** The context a plan needs, as llama-bench sizes it. */
export function speedContextSize({
  promptTokens,
  generationTokens,
  depth,
}: Pick<SpeedPlan, 'promptTokens' | 'generationTokens' | 'depth'>): number {
  return Math.max(promptTokens, depth + generationTokens);
}

/**
 * Prompt and generation speed by llama-bench's method: random ids after BOS, the cache cleared before every
 * repetition, one discarded warm-up, every generated token asking for output. The context must be open.
 *
 * @param chatPrompt a tokenized chat prompt, for the time to the first token
 * @param tokenRead what evaluating one token reads, for the effective bandwidth
 * @param onStep called after each repetition with how many of all are done
 */
export async function measureSpeed(
  session: EngineSession,
  model: LoadedModel,
  plan: SpeedPlan,
  chatPrompt: Uint32Array,
  tokenRead: Pick<TokenRead, 'weightsBytes' | 'lookedUpBytes' | 'kvBytesPerToken'>,
  onStep: (done: number, total: number) => void,
): Promise<Speed> {
  const prompt = benchmarkTokens(plan.promptTokens, model, plan.seed);
  const generated = benchmarkTokens(plan.generationTokens, model, plan.seed + 1);
  const before = benchmarkTokens(plan.depth, model, plan.seed + 2);
  const nothing = new Uint32Array();
  const total = 4 * plan.repetitions;
  let done = 0;
  const repeat = async (once: () => Promise<number>): Promise<number[]> => {
    const samplesNs: number[] = [];
    for (let i = 0; i < plan.repetitions; i++) {
      samplesNs.push(await once());
      onStep(++done, total);
    }
    return samplesNs;
  };

  await session.timePrompt(prompt);
  const promptNs = await repeat(() => session.timePrompt(prompt));
  await session.timeGeneration(nothing, generated.subarray(0, WARM_UP_GENERATION_TOKENS));
  const generationNs = await repeat(() => session.timeGeneration(nothing, generated));
  const atDepthNs = await repeat(() => session.timeGeneration(before, generated));
  const firstTokenNs = await repeat(() => session.timeFirstToken(chatPrompt));

  const generation = rateOf(plan.generationTokens, generationNs);
  return {
    prompt: rateOf(plan.promptTokens, promptNs),
    generation,
    generationAtDepth: { depth: plan.depth, ...rateOf(plan.generationTokens, atDepthNs) },
    firstTokenMs: median(firstTokenNs) / 1e6,
    firstTokenPromptTokens: chatPrompt.length,
    effectiveBandwidthBytesPerSecond: effectiveBandwidth(
      generation.meanTps,
      bytesReadPerToken({ ...tokenRead, depth: 0, generated: plan.generationTokens }),
    ),
  };
}

/** BOS where the model adds one, then random ids. */
function benchmarkTokens(count: number, { vocabularySize, addsBos, bosToken }: LoadedModel, seed: number) {
  const tokens = randomTokens(count, vocabularySize, seed);
  if (addsBos && bosToken !== null && count > 0) tokens[0] = bosToken;
  return tokens;
}
