import type { EngineSession, LoadedModel, TestTimes } from '../engine/engine.ts';
import type { Rate, Speed } from '../schema/figures.ts';
import { randomTokens } from './random.ts';
import { bytesReadPerToken, effectiveBandwidth, rateOf, type TokenRead } from './rates.ts';
import { median } from './statistics.ts';

/** Generation is warmed up by a few tokens: what it warms (caches, thread pool) does not need all of them. */
export const WARM_UP_GENERATION_TOKENS = 16;

/** A test of llama-bench: a prompt, a generation or one after the other, after `depth` tokens that are not timed. */
export interface SpeedTest {
  readonly promptTokens: number;
  readonly generationTokens: number;
  readonly depth: number;
}

/** How a test is repeated. */
export interface SpeedRuns {
  readonly repetitions: number;
  readonly seed: number;
}

export interface SpeedPlan extends SpeedTest, SpeedRuns {}

/** As llama-bench names a test: pp512, tg128, pp512+tg128, tg128@d512. */
export function testName({ promptTokens, generationTokens, depth }: SpeedTest): string {
  const parts = [
    ...(promptTokens > 0 ? [`pp${promptTokens}`] : []),
    ...(generationTokens > 0 ? [`tg${generationTokens}`] : []),
  ];
  return parts.join('+') + (depth > 0 ? `@d${depth}` : '');
}

/** The context that compare's tests need. */
export function speedContextSize({ promptTokens, generationTokens, depth }: SpeedTest): number {
  return Math.max(promptTokens, depth + generationTokens);
}

/**
 * One test by llama-bench's method: random ids after BOS, the cache cleared before every repetition, one discarded
 * warm-up, every generated token asking for output. The open context must hold all tokens of the test.
 * @param onRepetition called after each repetition with how many are done
 * @returns the times of each repetition
 */
export async function timeRepetitions(
  session: EngineSession,
  model: LoadedModel,
  test: SpeedTest,
  { repetitions, seed }: SpeedRuns,
  onRepetition: (done: number) => void,
): Promise<TestTimes[]> {
  const nothing = new Uint32Array();
  const prompt = benchmarkTokens(test.promptTokens, model, seed);
  const generated = benchmarkTokens(test.generationTokens, model, seed + 1);
  const before = benchmarkTokens(test.depth, model, seed + 2);
  const warmUp = generated.subarray(0, WARM_UP_GENERATION_TOKENS);
  await session.timeTest({ before: nothing, prompt, generated: warmUp });
  const times: TestTimes[] = [];
  while (times.length < repetitions) {
    times.push(await session.timeTest({ before, prompt, generated }));
    onRepetition(times.length);
  }
  return times;
}

/** The rate of a test, over its prompt and generation together. */
export function testRate({ promptTokens, generationTokens }: SpeedTest, times: readonly TestTimes[]): Rate {
  return rateOf(
    promptTokens + generationTokens,
    times.map(({ promptNs, generationNs }) => promptNs + generationNs),
  );
}

/**
 * What compare times of each variant: a prompt, generation from an empty context and at depth, and the time to the
 * first token. The context must be open.
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
  const { promptTokens, generationTokens, depth, repetitions } = plan;
  const total = 4 * repetitions;
  let done = 0;
  const step = () => onStep(++done, total);
  const rate = async (test: SpeedTest) =>
    testRate(test, await timeRepetitions(session, model, test, plan, step));

  // The prompt first: single tokens run slowly until the system has spread a new process's threads.
  const prompt = await rate({ promptTokens, generationTokens: 0, depth: 0 });
  const generation = await rate({ promptTokens: 0, generationTokens, depth: 0 });
  const atDepth = await rate({ promptTokens: 0, generationTokens, depth });
  const firstTokenNs: number[] = [];
  while (firstTokenNs.length < repetitions) {
    firstTokenNs.push(await session.timeFirstToken(chatPrompt));
    step();
  }
  return {
    prompt,
    generation,
    generationAtDepth: { depth, ...atDepth },
    firstTokenMs: median(firstTokenNs) / 1e6,
    firstTokenPromptTokens: chatPrompt.length,
    effectiveBandwidthBytesPerSecond: effectiveBandwidth(
      generation.meanTps,
      bytesReadPerToken({ ...tokenRead, depth: 0, generated: generationTokens }),
    ),
  };
}

/** BOS where the model adds one, then random ids. */
export function benchmarkTokens(
  count: number,
  { vocabularySize, addsBos, bosToken }: LoadedModel,
  seed: number,
): Uint32Array {
  const tokens = randomTokens(count, vocabularySize, seed);
  if (addsBos && bosToken !== null && count > 0) tokens[0] = bosToken;
  return tokens;
}
