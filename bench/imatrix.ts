/**
 * quantscope imatrix beside llama-imatrix on the libraries that the engine loads: sums, time and peak memory, by turns.
 *
 *     npm run build && npx tsx bench/imatrix.ts [MODEL.gguf...] [options]
 *
 *     --text FILE       (default: the embedded family's)
 *     --chunks N        (default: 28; of few chunks the start of two processes is much)
 *     --rounds N        times each side runs; the median counts (default: 3)
 *     --threads N       (default: all cores)
 *     --cache FOLDER    for the compiled tool
 *
 * Without a model: the embedded one, and SmolLM2 where it is. Exit code: 0 all that must hold does, or the tool cannot be
 * built here; 1 something does not.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import envPaths from 'env-paths';
import { openFile } from '../src/io/index.ts';
import { readImatrix } from '../src/quantize/imatrix-file.ts';
import { realModel, withoutRealModels } from '../test/helpers/real-models.ts';
import { buildTools, findSource } from './parity/llama-cpp.ts';
import { type Finished, runProgram } from './parity/program.ts';

const PROGRAM = fileURLToPath(new URL('../bin/quantscope.js', import.meta.url));
const NANO = fileURLToPath(new URL('../fixtures/nano/', import.meta.url));
/** What must hold: of the tool's time, and of each of its sums. */
const MOST_TIME = 1.3;
const MOST_DEVIATION = 1e-4;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    text: { type: 'string', default: join(NANO, 'text.txt') },
    chunks: { type: 'string', default: '28' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: String(availableParallelism()) },
    cache: { type: 'string', default: envPaths('quantscope', { suffix: '' }).cache },
  },
});

/** The largest of all sums' deviations, relative to each. */
async function deviation(ours: string, theirs: string): Promise<number> {
  await using own = await openFile(ours);
  await using other = await openFile(theirs);
  const expected = new Map((await readImatrix(other)).entries.map(({ name, sums }) => [name, sums]));
  const { entries } = await readImatrix(own);
  if (entries.length !== expected.size) return Number.POSITIVE_INFINITY;
  return entries.reduce(
    (most, { name, sums }) =>
      sums.reduce((largest, sum, column) => {
        const right = expected.get(name)?.[column] ?? Number.NaN;
        return Math.max(largest, Math.abs(sum - right) / Math.max(Math.abs(right), Number.MIN_VALUE));
      }, most),
    0,
  );
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function main(): Promise<void> {
  const source = await findSource();
  if ('missing' in source) {
    process.stdout.write(`no llama-imatrix to compare with: ${source.missing}\n`);
    return;
  }
  const { imatrix: tool } = await buildTools(source, 'prebuilt', options.cache);
  const folder = await mkdtemp(join(tmpdir(), 'quantscope-bench-'));
  const [own, theirs] = [join(folder, 'ours.gguf'), join(folder, 'theirs.gguf')];
  const usual = [
    join(NANO, 'nano-phi3-F16.gguf'),
    ...(withoutRealModels === null ? [realModel('smollm2')] : []),
  ];
  const { text, chunks, rounds, threads } = options;
  try {
    process.stdout.write(
      `${chunks} chunks, ${threads} threads, median of ${rounds}\nmodel  ours s  tool s  ratio  ours MiB  tool MiB  largest deviation of a sum\n`,
    );
    for (const model of positionals.length > 0 ? positionals : usual) {
      const [ours, tools]: [Finished[], Finished[]] = [[], []];
      for (let round = 0; round < Number(rounds); round++) {
        const request = ['imatrix', model, '--text', text, '--chunks', chunks, '-t', threads, '--gpu', 'off'];
        ours.push(await runProgram(process.execPath, [PROGRAM, ...request, '-o', own, '-f', '--quiet']));
        const fixed = ['-ngl', '0', '--no-ppl', '-o', theirs];
        tools.push(
          await runProgram(tool, ['-m', model, '-f', text, '--chunks', chunks, '-t', threads, ...fixed]),
        );
      }
      const [ourMs, toolMs] = [ours, tools].map((runs) => median(runs.map(({ wallMs }) => wallMs)));
      const [ourPeak, toolPeak] = [ours, tools].map((runs) =>
        median(runs.map(({ peakBytes }) => (peakBytes ?? Number.NaN) / 2 ** 20)),
      );
      const ratio = (ourMs ?? 0) / (toolMs ?? 1);
      const most = await deviation(own, theirs);
      process.stdout.write(
        `${basename(model)}  ${((ourMs ?? 0) / 1000).toFixed(2)}  ${((toolMs ?? 0) / 1000).toFixed(2)}  ` +
          `${ratio.toFixed(3)}  ${ourPeak?.toFixed(0)}  ${toolPeak?.toFixed(0)}  ${most.toExponential(1)}\n`,
      );
      if (ratio > MOST_TIME || !(most <= MOST_DEVIATION)) process.exitCode = 1;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
