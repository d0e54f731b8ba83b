import type { ContextOptions, EngineSession, LoadedModel } from '../engine/engine.ts';
import { benchmarkTokens } from './speed.ts';

/** Up to so many cores every count is tried; beyond, the powers of two, the math cores and all cores. */
const ALL_COUNTS_UP_TO = 8;
/** Enough for a full matrix product a thread, and a few seconds at most on a phone-sized model. */
const PROMPT_TOKENS = 128;
const GENERATION_TOKENS = 32;
/** A new process evaluates single tokens slowly until a long prompt has made the system spread its threads. */
const SPREADING_TOKENS = 512;
const MOST_SAMPLES = 3;
const SAMPLING_NS = 1e9;
const NOTHING = new Uint32Array();
/** A step of the search ends when a count is this much slower than the best: speed over threads has one summit. */
const CLEARLY_SLOWER = 0.9;
/** Counts this near the best are level, and the fewer threads win. */
const LEVEL = 0.98;

/** The speeds of one count. */
export interface TriedThreads {
  readonly threads: number;
  readonly promptTps: number;
  readonly generationTps: number;
}

export interface ThreadSearch {
  readonly promptThreads: number;
  readonly generationThreads: number;
  /** In the order they were tried. */
  readonly tried: readonly TriedThreads[];
}

/** @returns counts worth trying, ascending; `mathCores` is one of them */
export function candidateCounts(cores: number, mathCores: number): number[] {
  const counts = new Set([cores, Math.min(mathCores, cores)]);
  for (let count = 1; count < cores; count = cores <= ALL_COUNTS_UP_TO ? count + 1 : count * 2) {
    counts.add(count);
  }
  return [...counts].filter((count) => count >= 1).sort((a, b) => a - b);
}

/**
 * Finds how many threads read a prompt fastest and how many generate fastest, by short runs: from llama.cpp's own
 * choice upwards and then downwards, each way until both have become clearly slower. The model must be loaded; the
 * context is opened here and stays open.
 * @param cores of the machine
 */
export async function findThreads(
  session: EngineSession,
  model: LoadedModel,
  options: Omit<ContextOptions, 'contextSize' | 'threads' | 'promptThreads'>,
  cores: number,
  seed: number,
): Promise<ThreadSearch> {
  const counts = candidateCounts(cores, session.info.mathCores);
  const start = counts.indexOf(Math.min(session.info.mathCores, cores));
  const tried: TriedThreads[] = [];
  const tryCounts = async (ordered: readonly number[]) => {
    for (const threads of ordered) {
      await session.openContext({ ...options, threads, contextSize: SPREADING_TOKENS });
      if (tried.length === 0) {
        const spreading = benchmarkTokens(SPREADING_TOKENS, model, seed);
        await session.timeTest({ before: NOTHING, prompt: spreading, generated: NOTHING });
      }
      const one = { threads, ...(await timeCount(session, model, seed)) };
      tried.push(one);
      const best = bestRates(tried);
      if (
        one.promptTps < CLEARLY_SLOWER * best.promptTps &&
        one.generationTps < CLEARLY_SLOWER * best.generationTps
      )
        return;
    }
  };
  await tryCounts(counts.slice(start));
  await tryCounts(counts.slice(0, start).reverse());
  return chooseThreads(tried);
}

/** The fewest threads that are level with the fastest, for each of the two. */
export function chooseThreads(tried: readonly TriedThreads[]): ThreadSearch {
  const best = bestRates(tried);
  const fewest = (level: (one: TriedThreads) => boolean) =>
    Math.min(...tried.filter(level).map(({ threads }) => threads));
  return {
    promptThreads: fewest(({ promptTps }) => promptTps >= LEVEL * best.promptTps),
    generationThreads: fewest(({ generationTps }) => generationTps >= LEVEL * best.generationTps),
    tried: [...tried],
  };
}

function bestRates(tried: readonly TriedThreads[]): Omit<TriedThreads, 'threads'> {
  return {
    promptTps: Math.max(...tried.map(({ promptTps }) => promptTps)),
    generationTps: Math.max(...tried.map(({ generationTps }) => generationTps)),
  };
}

/** The best of a few runs each: what disturbs a run only ever slows it. */
async function timeCount(
  session: EngineSession,
  model: LoadedModel,
  seed: number,
): Promise<Omit<TriedThreads, 'threads'>> {
  const prompt = benchmarkTokens(PROMPT_TOKENS, model, seed);
  const generated = benchmarkTokens(GENERATION_TOKENS, model, seed + 1);
  const promptNs = await quickest(
    async () => (await session.timeTest({ before: NOTHING, prompt, generated: NOTHING })).promptNs,
  );
  const generationNs = await quickest(
    async () => (await session.timeTest({ before: NOTHING, prompt: NOTHING, generated })).generationNs,
  );
  return {
    promptTps: (PROMPT_TOKENS * 1e9) / promptNs,
    generationTps: (GENERATION_TOKENS * 1e9) / generationNs,
  };
}

async function quickest(once: () => Promise<number>): Promise<number> {
  let spentNs = 0;
  let leastNs = Number.POSITIVE_INFINITY;
  for (let sample = 0; sample < MOST_SAMPLES && spentNs < SAMPLING_NS; sample++) {
    const ns = await once();
    spentNs += ns;
    leastNs = Math.min(leastNs, ns);
  }
  return leastNs;
}
