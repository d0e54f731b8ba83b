import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LlamaTools } from './llama-cpp.ts';
import {
  type DivergenceAnswer,
  type DivergenceRequest,
  largest,
  type Side,
  type SpeedRequest,
  type Statistics,
  type TextRequest,
} from './measured.ts';
import { type Finished, runProgram } from './program.ts';

/** Of the native build, which has no flush-log.cpp, llama-perplexity can end before its log is written out. */
const ATTEMPTS = 3;

interface BenchRow {
  readonly n_prompt: number;
  readonly n_gen: number;
  readonly samples_ts: readonly number[];
}

/** llama-bench and llama-perplexity of one build, on the CPU, everything else by their own defaults. */
export function peerSide({ build, bench, perplexity }: LlamaTools): Side {
  const runText = async (
    { file, text, contextSize, chunks, threads }: TextRequest,
    figure: RegExp,
    more: readonly string[] = [],
  ): Promise<{ readonly value: number; readonly run: Finished }> => {
    const settings = ['-c', contextSize, '--chunks', chunks, '-t', threads, '-ngl', 0].map(String);
    for (let attempt = 1; ; attempt++) {
      const run = await runProgram(perplexity, ['-m', file, '-f', text, ...settings, ...more]);
      const value = figure.exec(`${run.stdout}\n${run.stderr}`)?.[1];
      if (value !== undefined) return { value: Number(value), run };
      if (attempt === ATTEMPTS) throw new Error(`llama-perplexity printed no ${figure.source} for ${file}`);
    }
  };

  const runBase = async (request: DivergenceRequest, base: string): Promise<Finished> => {
    const more = ['--kl-divergence-base', base];
    const { run } = await runText(
      { ...request, file: request.reference },
      /Final estimate: PPL = ([\d.]+)/,
      more,
    );
    return run;
  };
  const compare = async (request: DivergenceRequest, base: string): Promise<DivergenceAnswer> => {
    const more = ['--kl-divergence-base', base, '--kl-divergence'];
    const { run } = await runText(request, /Same top p:\s+([\d.]+)/, more);
    return { statistics: statisticsIn(run), wallMs: run.wallMs, peakBytes: run.peakBytes };
  };

  return {
    name: build,

    async speed({ file, threads, repetitions, promptTokens, generationTokens }: SpeedRequest) {
      const settings = ['-p', promptTokens, '-n', generationTokens, '-r', repetitions, '-t', threads];
      const args = ['-m', file, ...settings.map(String), '-ngl', '0', '-o', 'json'];
      const { stdout, peakBytes } = await runProgram(bench, args);
      const rows: readonly BenchRow[] = JSON.parse(stdout);
      return {
        prompt: rows.find(({ n_prompt }) => n_prompt > 0)?.samples_ts ?? [],
        generation: rows.find(({ n_gen }) => n_gen > 0)?.samples_ts ?? [],
        peakBytes,
      };
    },

    async perplexity(request) {
      const { value, run } = await runText(request, /Final estimate: PPL = ([\d.]+)/);
      return { perplexity: value, wallMs: run.wallMs, peakBytes: run.peakBytes };
    },

    async divergence(request) {
      const folder = await mkdtemp(join(tmpdir(), 'quantscope-parity-'));
      try {
        const base = join(folder, 'base.kld');
        const first = await runBase(request, base);
        const { statistics, wallMs, peakBytes } = await compare(request, base);
        return {
          statistics,
          wallMs: first.wallMs + wallMs,
          peakBytes: largest(first.peakBytes, peakBytes),
        };
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },

    async writeBase(request, base) {
      await runBase(request, base);
    },

    againstBase: compare,
  };
}

/** What llama-perplexity calls them. */
const PRINTED: Readonly<Record<keyof Statistics, RegExp>> = {
  'mean KLD': /Mean\s+KLD:\s+(-?[\d.]+)/,
  'median KLD': /Median\s+KLD:\s+(-?[\d.]+)/,
  '90 % KLD': /90\.0%\s+KLD:\s+(-?[\d.]+)/,
  '99 % KLD': /99\.0%\s+KLD:\s+(-?[\d.]+)/,
  '99.9 % KLD': /99\.9%\s+KLD:\s+(-?[\d.]+)/,
  'maximum KLD': /Maximum KLD:\s+(-?[\d.]+)/,
  'mean Δp': /Mean\s+Δp:\s+(-?[\d.]+)/,
  'RMS Δp': /RMS Δp\s+:\s+(-?[\d.]+)/,
  'same top token': /Same top p:\s+([\d.]+)/,
  'ln PPL ratio': /Mean ln\(PPL\(Q\)\/PPL\(base\)\)\s+:\s+(-?[\d.]+)/,
  perplexity: /Mean PPL\(Q\)\s+:\s+([\d.]+)/,
};

function statisticsIn({ stdout, stderr }: Finished): Statistics {
  const said = `${stdout}\n${stderr}`;
  // The keys are those of the record.
  return Object.fromEntries(
    Object.entries(PRINTED).map(([name, pattern]) => [name, Number(pattern.exec(said)?.[1] ?? Number.NaN)]),
  ) as unknown as Statistics;
}
