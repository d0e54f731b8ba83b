// What mixes must hold: their divergence beside stock recipes of their size, on text that the choice did not see, with
// and without an importance matrix; the size at which one is as good as Q4_K_M; time and memory; and what fituna (PyPI)
// answers for the same source beside a mix of its answer's size.
//
//   npx tsx bench/mix/mix.ts nano|smollm2 [--without-fituna] [--threads N]
//
// Needs `npm run build`; smollm2 needs `npm run real-models`, fituna needs python3 and llama.cpp's tools, which are built.
// Ends with 1 where a limit is not held. Rows are printed as they come, as Markdown.
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import envPaths from 'env-paths';
import { type MixResults, mixSchema } from '../../src/schema/mix.ts';
import { realModel } from '../../test/helpers/real-models.ts';
import { runProgram } from '../parity/program.ts';
import { fitunaAnswer } from './fituna.ts';

const BIN = fileURLToPath(new URL('../../bin/quantscope.js', import.meta.url));
const NANO = fileURLToPath(new URL('../../fixtures/nano/nano-phi3-F16.gguf', import.meta.url));
const TEXTS = { nano: 'calibration/nano.txt', smollm2: 'calibration/general.txt' } as const;

/** Divergence of the mix as a share of the recipe's of its size; size as a share of Q4_K_M's; seconds on 2 cores. */
const LIMITS = {
  nano: { q4: 0.5, q2: 0.45, q4Imatrix: 0.52, q2Imatrix: 0.42, size: 0.88, seconds: 60 },
  smollm2: { q4: 0.55, q2: 0.15, q4Imatrix: 0.7, q2Imatrix: 0.15, size: 0.85, seconds: 900 },
} as const;
const PEAK = { share: 1.3, bytes: 500e6 } as const;

interface Run {
  readonly results: MixResults;
  readonly peakBytes: number | null;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { 'without-fituna': { type: 'boolean' }, threads: { type: 'string' } },
    allowPositionals: true,
  });
  const [name] = positionals;
  if (name !== 'nano' && name !== 'smollm2') throw new Error('say nano or smollm2');
  const threads = values.threads ?? String(availableParallelism());
  const folder = await mkdtemp(join(tmpdir(), 'quantscope-bench-mix-'));
  try {
    const source = name === 'nano' ? NANO : await floatsOf(realModel(name), join(folder, 'smollm2-F16.gguf'));
    const imatrix = join(folder, 'imatrix.gguf');
    await runProgram(process.execPath, [BIN, 'imatrix', source, '--out', imatrix, '-t', threads, '--quiet']);
    const mix = async (label: string, ...args: string[]): Promise<Run> => {
      const out = join(folder, `${label}.gguf`);
      const common = ['--out', out, '--always', '--json', '--quiet', '-t', threads];
      const { stdout, peakBytes } = await runProgram(process.execPath, [
        BIN,
        'mix',
        source,
        ...common,
        ...args,
      ]);
      return { results: mixSchema.parse(JSON.parse(stdout)), peakBytes };
    };
    const limits = LIMITS[name];
    process.stdout.write('| what | recipe | mix | ratio | limit | held |\n|---|---|---|---|---|---|\n');
    const q4 = await mix('q4', '--like', 'Q4_K_M');
    ratioRow("Q4_K_M's size", q4.results, limits.q4);
    row('seconds, Q4_K_M', '', '', q4.results.durationMs / 1000, limits.seconds);
    if (q4.peakBytes !== null) {
      const most = PEAK.share * q4.results.source.bytes + PEAK.bytes;
      row('peak memory, MB', '', '', q4.peakBytes / 1e6, most / 1e6);
    }
    const before = ['--measured', join(folder, 'q4.measured.jsonl')];
    ratioRow("Q2_K's size", (await mix('q2', '--like', 'Q2_K', ...before)).results, limits.q2);
    const stock = rowOf(q4.results, 'Q4_K_M');
    const { results } = await mix('size', '--max-kld', String(stock.meanKld), ...before);
    const smallest = mixRow(results);
    const ratio = smallest.bytes / stock.bytes;
    row(
      "size at Q4_K_M's KLD",
      String(stock.bytes),
      `${smallest.bytes} (${smallest.meanKld.toFixed(5)})`,
      ratio,
      limits.size,
    );
    const q4Imatrix = await mix('q4i', '--like', 'Q4_K_M', '--imatrix', imatrix);
    ratioRow("Q4_K_M's size, both with an imatrix", q4Imatrix.results, limits.q4Imatrix);
    const beforeImatrix = ['--imatrix', imatrix, '--measured', join(folder, 'q4i.measured.jsonl')];
    const q2Imatrix = await mix('q2i', '--like', 'Q2_K', ...beforeImatrix);
    ratioRow("Q2_K's size, both with an imatrix", q2Imatrix.results, limits.q2Imatrix);
    if (values['without-fituna'] !== true) {
      const text = fileURLToPath(new URL(`../../fixtures/${TEXTS[name]}`, import.meta.url));
      const cache = envPaths('quantscope', { suffix: '' }).cache;
      const answer = await fitunaAnswer(source, text, join(folder, 'fituna'), cache);
      const beside = await mix('fituna', '--like', answer.recipe, ...before);
      ratioRow(`fituna's answer: ${answer.recipe}`, beside.results, 1);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Its weights lie on the grid of the file that it is made from. */
async function floatsOf(quantized: string, path: string): Promise<string> {
  await runProgram(process.execPath, [
    BIN,
    'quantize',
    quantized,
    'F16',
    '--allow-requantize',
    '--out',
    path,
  ]);
  return path;
}

function mixRow({ measured }: MixResults): MixResults['measured'][number] {
  const found = measured.find(({ kind }) => kind === 'mix');
  if (found === undefined) throw new Error('no mix was measured');
  return found;
}

function rowOf({ measured }: MixResults, name: string): MixResults['measured'][number] {
  const found = measured.find((each) => each.name === name);
  if (found === undefined) throw new Error(`${name} was not measured`);
  return found;
}

function ratioRow(what: string, results: MixResults, limit: number): void {
  const [stock, mix] = [rowOf(results, results.comparedWith), mixRow(results)];
  const text = ({ bytes, meanKld, stderrKld }: MixResults['measured'][number]) =>
    `${bytes} B, ${meanKld.toFixed(5)} ± ${stderrKld.toFixed(5)}`;
  row(what, text(stock), text(mix), mix.meanKld / stock.meanKld, limit);
}

function row(what: string, stock: string, mix: string, figure: number, limit: number): void {
  const held = figure <= limit;
  if (!held) process.exitCode = 1;
  const digits = limit > 10 ? 0 : 3;
  process.stdout.write(
    `| ${what} | ${stock} | ${mix} | ${figure.toFixed(digits)} | ${limit.toFixed(limit > 10 ? 0 : 2)} | ${held ? 'yes' : '**no**'} |\n`,
  );
}

await main();
