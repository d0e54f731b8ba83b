/**
 * quantscope quantize beside llama-quantize on the libraries that the engine loads: bytes, time and peak memory, by
 * turns. Every recipe is made from each model; those that need an importance matrix get one.
 *
 *     npm run build && npx tsx bench/quantize.ts [MODEL.gguf...] [options]
 *
 *     --recipes Q4_K_M,Q2_K    (default: all)
 *     --rounds N               times each side makes each file; the median counts (default: 1)
 *     --threads N              (default: all cores)
 *     --imatrix FILE           or none (default: for each model one of 2 chunks is made)
 *     --cache FOLDER           for the compiled tool
 *
 * Without a model: the embedded one, and the real ones where they are, as F16. Exit code: 0 all that must hold does, or
 * the tool cannot be built here; 1 something does not.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import envPaths from 'env-paths';
import { RECIPES } from '../src/quantize/recipes.ts';
import { realModel, withoutRealModels } from '../test/helpers/real-models.ts';
import { buildTools, findSource } from './parity/llama-cpp.ts';
import { type Finished, runProgram } from './parity/program.ts';

const PROGRAM = fileURLToPath(new URL('../bin/quantscope.js', import.meta.url));
const NANO = fileURLToPath(new URL('../fixtures/nano/nano-phi3-F16.gguf', import.meta.url));
/** What must hold: of the tool's time, by the source's size, and above its memory. */
const MOST_TIME = { large: 1.02, small: 1.1 } as const;
const LARGE_BYTES = 1e9;
const MOST_MORE_BYTES = 60 * 2 ** 20;
/** Starting two processes takes a part of a second: shorter work says nothing of the time. */
const LEAST_TIMED_MS = 5000;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    recipes: { type: 'string', default: [...RECIPES.keys()].join(',') },
    rounds: { type: 'string', default: '1' },
    threads: { type: 'string', default: String(availableParallelism()) },
    imatrix: { type: 'string' },
    cache: { type: 'string', default: envPaths('quantscope', { suffix: '' }).cache },
  },
});

/** The peak is that of the engine's process, the larger of two; both hold Node itself. */
const quantscope = (...args: readonly string[]) =>
  runProgram(process.execPath, [PROGRAM, ...args, '--quiet']);

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function median(runs: readonly Finished[], of: (run: Finished) => number | null): number | null {
  const values = runs.map(of).filter((value) => value !== null);
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;
}

const seconds = (ms: number | null) => (ms === null ? '-' : (ms / 1000).toFixed(2)).padStart(8);
const mebibytes = (bytes: number | null) => (bytes === null ? '-' : (bytes / 2 ** 20).toFixed(0)).padStart(7);

/** @returns what does not hold */
async function compareModel(
  model: string,
  tool: string,
  more: readonly string[],
  folder: string,
): Promise<string[]> {
  const faults: string[] = [];
  const { size } = await stat(model);
  process.stdout.write(
    `${basename(model)}, ${(size / 1e6).toFixed(1)} MB, ${options.threads} threads, median of ${options.rounds}\n` +
      'recipe      bytes       ours s  tool s   ratio   ours MiB  tool MiB\n',
  );
  const [own, theirs] = [join(folder, 'ours.gguf'), join(folder, 'theirs.gguf')];
  for (const recipe of options.recipes.split(',')) {
    const [ours, tools]: [Finished[], Finished[]] = [[], []];
    for (let round = 0; round < Number(options.rounds); round++) {
      await rm(own, { force: true });
      await rm(theirs, { force: true });
      const request = [model, recipe, ...more, '-o', own, '-t', options.threads];
      ours.push(await quantscope('quantize', ...request));
      tools.push(await runProgram(tool, [...more, model, theirs, recipe, options.threads]));
    }
    const isSame = (await sha256(own)) === (await sha256(theirs));
    const [ourMs, toolMs] = [median(ours, ({ wallMs }) => wallMs), median(tools, ({ wallMs }) => wallMs)];
    const [ourPeak, toolPeak] = [
      median(ours, ({ peakBytes }) => peakBytes),
      median(tools, ({ peakBytes }) => peakBytes),
    ];
    const ratio = (ourMs ?? 0) / (toolMs ?? 1);
    process.stdout.write(
      `${recipe.padEnd(10)}  ${isSame ? 'the same ' : 'DIFFERENT'} ${seconds(ourMs)} ${seconds(toolMs)} ` +
        `${ratio.toFixed(3).padStart(7)} ${mebibytes(ourPeak)}    ${mebibytes(toolPeak)}\n`,
    );
    if (!isSame) faults.push(`${recipe}: other bytes`);
    const most = size >= LARGE_BYTES ? MOST_TIME.large : MOST_TIME.small;
    if ((toolMs ?? 0) >= LEAST_TIMED_MS && ratio > most)
      faults.push(`${recipe}: ${ratio} of the tool's time`);
    if (ourPeak !== null && toolPeak !== null && ourPeak > toolPeak + MOST_MORE_BYTES) {
      faults.push(`${recipe}: ${mebibytes(ourPeak - toolPeak)} MiB more than the tool`);
    }
  }
  return faults.map((fault) => `${basename(model)}: ${fault}`);
}

async function main(): Promise<void> {
  const source = await findSource();
  if ('missing' in source) {
    process.stdout.write(`no llama-quantize to compare with: ${source.missing}\n`);
    return;
  }
  const { quantize: tool } = await buildTools(source, 'prebuilt', options.cache);
  const folder = await mkdtemp(join(tmpdir(), 'quantscope-bench-'));
  try {
    const models = positionals.length > 0 ? positionals : [NANO];
    if (positionals.length === 0 && withoutRealModels === null) {
      for (const name of ['smollm2', 'gemma3'] as const) {
        const path = join(folder, `${name}-F16.gguf`);
        await runProgram(tool, ['--allow-requantize', realModel(name), path, 'F16']);
        models.push(path);
      }
    }
    const faults: string[] = [];
    for (const model of models) {
      const imatrix = options.imatrix ?? join(folder, `${basename(model)}.imatrix`);
      if (options.imatrix === undefined) {
        await quantscope('imatrix', model, '--chunks', '2', '--gpu', 'off', '--out', imatrix);
      }
      const more = imatrix === 'none' ? [] : ['--imatrix', imatrix];
      faults.push(...(await compareModel(model, tool, more, folder)));
    }
    for (const fault of faults) process.stdout.write(`${fault}\n`);
    process.exitCode = faults.length > 0 ? 1 : 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
