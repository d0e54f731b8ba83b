import { fileURLToPath } from 'node:url';
import { isAvailable } from '../../src/schema/availability.ts';
import { type BenchRow, benchSchema } from '../../src/schema/bench.ts';
import { type Results, resultsSchema, type VariantResult } from '../../src/schema/results.ts';
import { type DivergenceAnswer, largest, type Side, type Statistics, type TextRequest } from './measured.ts';
import { type Finished, runProgram } from './program.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/quantscope.js', import.meta.url));

/** llama-perplexity has no limit; a chunk of a large model takes minutes on a small machine. */
const TIMEOUT_S = 7200;

/**
 * The built program, on the CPU, as a user would call it. This file alone knows its options and its JSON.
 * @param build which of its engine's builds to take: the peer it is judged beside is made like the prebuilt one
 */
export function ourSide(build: 'prebuilt' | 'local'): Side {
  const quantscope = (args: readonly (string | number)[]): Promise<Finished> => {
    const fixed = ['--gpu', 'off', '--timeout', TIMEOUT_S, '--json', '--quiet'];
    return runProgram(process.execPath, [PROGRAM, ...args, ...fixed].map(String), {
      env: { QUANTSCOPE_ENGINE: build },
    });
  };
  const evaluate = async (
    files: readonly string[],
    { text, contextSize, chunks, threads }: TextRequest,
    more: readonly string[],
  ): Promise<{ readonly results: Results; readonly run: Finished }> => {
    const settings = ['--text', text, '-c', contextSize, '--chunks', chunks, '-t', threads, ...more];
    const run = await quantscope(['eval', ...files, '--only', 'text', ...settings]);
    return { results: resultsSchema.parse(JSON.parse(run.stdout)), run };
  };

  return {
    name: build === 'prebuilt' ? 'quantscope' : 'quantscope, local build',

    async speed({ file, threads, repetitions, promptTokens, generationTokens }) {
      const settings = ['-p', promptTokens, '-n', generationTokens, '-r', repetitions, '-t', threads];
      const { stdout } = await quantscope(['bench', file, ...settings]);
      const { rows } = benchSchema.parse(JSON.parse(stdout));
      return {
        prompt: ratesOf(rows.find(({ test }) => test.promptTokens > 0)),
        generation: ratesOf(rows.find(({ test }) => test.generationTokens > 0)),
        peakBytes: largest(...rows.map(peakOf)),
      };
    },

    async perplexity(request) {
      const { results, run } = await evaluate([request.file], request, []);
      const { perplexity } = variantOf(results, request.file);
      if (!isAvailable(perplexity)) throw new Error(`no perplexity of ${request.file}: ${perplexity.reason}`);
      return { perplexity: perplexity.value, wallMs: run.wallMs, peakBytes: run.peakBytes };
    },

    async divergence(request) {
      const { file, reference } = request;
      return answerOf(await evaluate([reference, file], request, ['--reference', reference]), file);
    },

    async writeBase(request, base) {
      await evaluate([request.reference], request, ['--save-reference', base]);
    },

    async againstBase(request, base) {
      return answerOf(await evaluate([request.file], request, ['--reference', base]), request.file);
    },
  };
}

function answerOf({ results, run }: { results: Results; run: Finished }, file: string): DivergenceAnswer {
  const { divergence, perplexity } = variantOf(results, file);
  if (!isAvailable(divergence)) throw new Error(`no divergence of ${file}: ${divergence.reason}`);
  if (!isAvailable(perplexity)) throw new Error(`no perplexity of ${file}: ${perplexity.reason}`);
  const statistics: Statistics = {
    'mean KLD': divergence.meanKld,
    'median KLD': divergence.medianKld,
    '90 % KLD': divergence.p90Kld,
    '99 % KLD': divergence.p99Kld,
    '99.9 % KLD': divergence.p999Kld,
    'maximum KLD': divergence.maxKld,
    'mean Δp': 100 * divergence.meanDeltaP,
    'RMS Δp': 100 * divergence.rmsDeltaP,
    'same top token': 100 * divergence.sameTop,
    'ln PPL ratio': divergence.lnPplRatio,
    perplexity: perplexity.value,
  };
  return { statistics, wallMs: run.wallMs, peakBytes: run.peakBytes };
}

/** Whether `quantscope engine build` has made a build for the CPU here. */
export async function hasLocalBuild(): Promise<boolean> {
  const { stdout } = await runProgram(process.execPath, [PROGRAM, 'engine', 'list', '--json']);
  const { localBuilds }: { localBuilds: { backend: string; builtAt: string | null }[] } = JSON.parse(stdout);
  return localBuilds.some(({ backend, builtAt }) => backend === 'cpu' && builtAt !== null);
}

function variantOf(results: Results, file: string): VariantResult {
  const found = results.variants.find(({ ref }) => ref === file);
  if (found === undefined || found.failure !== null) {
    throw new Error(`${file}: ${found?.failure?.message ?? 'not in the results'}`);
  }
  return found;
}

function ratesOf(row: BenchRow | undefined): number[] {
  if (row === undefined || !isAvailable(row.speed)) {
    throw new Error(`bench has no rate: ${row?.failure?.message ?? 'no such row'}`);
  }
  const { tokens, samplesNs } = row.speed;
  return samplesNs.map((ns) => (tokens / ns) * 1e9);
}

function peakOf({ memory }: BenchRow): number | null {
  return isAvailable(memory) && isAvailable(memory.peakRssBytes) ? memory.peakRssBytes : null;
}
