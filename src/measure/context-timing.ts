import type { ContextOptions, EngineSession, LoadedModel } from '../engine/engine.ts';
import type { ContextRow, ContextSettings } from '../schema/context.ts';
import { engineMemoryOf } from './memory.ts';
import { rateOf } from './rates.ts';
import { benchmarkTokens } from './speed.ts';
import { type Timing, timed } from './timing.ts';

/** Single tokens run slowly until a prompt of this length has made the system spread a new process's threads. */
const SPREADING_TOKENS = 512;
const WARM_UP_GENERATION_TOKENS = 16;

export type MeasuredContext = Pick<
  ContextRow,
  'disturbed' | 'measured' | 'loadMs' | 'prompt' | 'generationAtDepth'
>;

/** Reads a prompt that fills a context up to the tokens that are then generated at its end, and times both. */
export async function timeContext(
  session: EngineSession,
  model: LoadedModel,
  options: ContextOptions,
  { generationTokens, repetitions, seed }: Pick<ContextSettings, 'generationTokens' | 'repetitions' | 'seed'>,
  hooks: {
    readonly timing: (() => Promise<Timing>) | undefined;
    readonly onRepetition: (done: number, total: number) => void;
  },
): Promise<MeasuredContext> {
  const { contextSize } = options;
  const { openMs } = await session.openContext(options);
  const generatedTokens = Math.min(generationTokens, Math.floor(contextSize / 2));
  const depth = contextSize - generatedTokens;
  const prompt = benchmarkTokens(depth, model, seed);
  const generated = benchmarkTokens(generatedTokens, model, seed + 1);
  const before = new Uint32Array();
  await session.timeTest({
    before,
    prompt: prompt.subarray(0, SPREADING_TOKENS),
    generated: generated.subarray(0, WARM_UP_GENERATION_TOKENS),
  });
  const promptNs: number[] = [];
  const generationNs: number[] = [];
  const { disturbed } = await timed(hooks.timing, async () => {
    for (let repetition = 0; repetition < repetitions; repetition++) {
      hooks.onRepetition(repetition, repetitions);
      const times = await session.timeTest({ before, prompt, generated });
      promptNs.push(times.promptNs);
      generationNs.push(times.generationNs);
    }
  });
  return {
    ...disturbed,
    measured: await engineMemoryOf(session, contextSize),
    loadMs: model.loadMs + openMs,
    prompt: rateOf(depth, promptNs),
    generationAtDepth: { depth, ...rateOf(generatedTokens, generationNs) },
  };
}
