import { isAvailable, type Unavailable } from '../schema/availability.ts';
import type { Rate, Speed } from '../schema/figures.ts';
import type { VariantResult } from '../schema/results.ts';
import { rateOf } from './rates.ts';
import { mean, median } from './statistics.ts';

/**
 * One row of several runs of one variant in one configuration: speeds pooled with each run's durations kept apart,
 * every other figure of the latest run that has it.
 * @param runs in the order of time, at least one
 */
export function pooledRow(runs: readonly VariantResult[]): VariantResult {
  const last = runs.at(-1);
  if (last === undefined) throw new TypeError('no runs to pool');
  const ran = runs.filter(({ status }) => status === 'ok');
  const row = { ...(ran.at(-1) ?? last) };
  const kept: readonly VariantResult[] = ran.length > 0 ? ran : runs;
  return {
    ...row,
    load: latest(kept.map((run) => run.load)) ?? row.load,
    speed: pooledSpeed(kept.map((run) => run.speed)) ?? row.speed,
    memory: latest(kept.map((run) => run.memory)) ?? row.memory,
    perplexity: latest(kept.map((run) => run.perplexity)) ?? row.perplexity,
    divergence: latest(kept.map((run) => run.divergence)) ?? row.divergence,
    tasks: latest(kept.map((run) => run.tasks)) ?? row.tasks,
    weights: latest(kept.map((run) => run.weights)) ?? row.weights,
  };
}

/**
 * Speeds of several runs as one. Runs that were disturbed are left out where others were not.
 * @returns null where no run has any
 */
export function pooledSpeed(runs: readonly (Speed | Unavailable)[]): Speed | null {
  const taken = runs.filter((run) => isAvailable(run));
  const quiet = taken.filter(({ disturbed }) => disturbed === undefined);
  const used = quiet.length > 0 ? quiet : taken;
  const [first] = used;
  if (first === undefined) return null;
  if (used.length === 1) return first;
  const depths = used.flatMap(({ generationAtDepth }) =>
    isAvailable(generationAtDepth) ? [generationAtDepth.depth] : [],
  );
  const atDepth = pooledRate(used.map((speed) => speed.generationAtDepth));
  const disturbed = used.flatMap((speed) => speed.disturbed ?? []);
  const numbers = (values: readonly (number | Unavailable)[]) =>
    values.filter((value): value is number => typeof value === 'number');
  const firstTokens = numbers(used.map(({ firstTokenMs }) => firstTokenMs));
  const bandwidths = numbers(used.map((speed) => speed.effectiveBandwidthBytesPerSecond));
  return {
    ...first,
    prompt: pooledRate(used.map(({ prompt }) => prompt)) ?? first.prompt,
    generation: pooledRate(used.map(({ generation }) => generation)) ?? first.generation,
    generationAtDepth: atDepth === null ? first.generationAtDepth : { depth: depths[0] ?? 0, ...atDepth },
    firstTokenMs: firstTokens.length === 0 ? first.firstTokenMs : median(firstTokens),
    effectiveBandwidthBytesPerSecond:
      bandwidths.length === 0 ? first.effectiveBandwidthBytesPerSecond : mean(bandwidths),
    ...(disturbed.length === 0
      ? {}
      : { disturbed: [...new Map(disturbed.map((each) => [each.code, each])).values()] }),
  };
}

/** Null where no run has the rate, or where they are of different tests. */
export function pooledRate(runs: readonly (Rate | Unavailable)[]): Rate | null {
  const taken = runs.filter((run) => isAvailable(run));
  const [first] = taken;
  if (first === undefined || taken.some(({ tokens }) => tokens !== first.tokens)) return null;
  const samplesNs = taken.flatMap((rate) => rate.samplesNs);
  if (samplesNs.length === 0) return null;
  return {
    ...rateOf(first.tokens, samplesNs),
    runs: taken.flatMap((rate) => rate.runs ?? [rate.samplesNs.length]),
  };
}

/** The logarithms of the rates of each run, so that differences are relative ones. */
export function logRatesByRun({ tokens, samplesNs, runs }: Rate): number[][] {
  const counts = runs ?? [samplesNs.length];
  const ends = counts.map((_, run) => counts.slice(0, run + 1).reduce((sum, count) => sum + count, 0));
  return ends
    .map((end, run) => samplesNs.slice(end - (counts[run] ?? 0), end))
    .map((durations) => durations.filter((ns) => ns > 0).map((ns) => Math.log((tokens * 1e9) / ns)))
    .filter((rates) => rates.length > 0);
}

function latest<Figure extends object>(
  figures: readonly (Figure | Unavailable)[],
): Figure | Unavailable | null {
  return figures.findLast((figure) => isAvailable(figure)) ?? null;
}
