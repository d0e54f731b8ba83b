import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LlamaTools } from './llama-cpp.ts';
import { largest, type Side, type SpeedRequest, type TextRequest } from './measured.ts';
import { type Finished, runProgram } from './program.ts';

/** llama-perplexity can end before its log is written out: then it is run again. */
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
        const saved = join(folder, 'base.kld');
        const base = await runText(
          { ...request, file: request.reference },
          /Final estimate: PPL = ([\d.]+)/,
          ['--kl-divergence-base', saved],
        );
        const { value, run } = await runText(request, /Mean\s+KLD:\s+(-?[\d.]+)/, [
          '--kl-divergence-base',
          saved,
          '--kl-divergence',
        ]);
        return {
          method: 'exact',
          meanKld: value,
          wallMs: base.run.wallMs + run.wallMs,
          peakBytes: largest(base.run.peakBytes, run.peakBytes),
        };
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}
