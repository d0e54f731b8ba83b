/**
 * What a thousand questions of multiple choice take beside llama-perplexity --hellaswag on the same libraries: whole
 * programs from start to end, by turns, on the same file; the median of paired ratios.
 *
 *     npm run build && npx tsx bench/choice-cost.ts [model.gguf] [rounds]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import envPaths from 'env-paths';
import { hellaSwagText, questionsOf } from '../test/helpers/choice-files.ts';
import { BIN } from '../test/helpers/cli.ts';
import { nanoPath } from '../test/helpers/nano.ts';
import { buildTools, findSource } from './parity/llama-cpp.ts';
import { runProgram } from './parity/program.ts';

const ITEMS = 1000;
const [model = nanoPath('Q4_K_M'), rounds = '5'] = process.argv.slice(2);
const source = await findSource();
if ('missing' in source) throw new Error(source.missing);
const tools = await buildTools(source, 'prebuilt', envPaths('quantscope', { suffix: '' }).cache);
const scratch = await mkdtemp(join(tmpdir(), 'quantscope-bench-'));
try {
  const base = questionsOf('nano', ITEMS);
  const items = Array.from({ length: ITEMS }, (_, at) => {
    const question = base[at % base.length];
    if (question === undefined) throw new Error('no questions');
    return { ...question, prompt: `${at}. ${question.prompt}` };
  });
  const file = join(scratch, 'items.txt');
  await writeFile(file, hellaSwagText(items));
  const threads = String(availableParallelism());
  const timed = async (program: string, args: readonly string[]): Promise<number> => {
    const started = performance.now();
    await runProgram(program, [...args]);
    return performance.now() - started;
  };
  const shared = ['-t', threads];
  const asked = ['--only', 'choices', '--choices', file, '--gpu', 'off', '--quiet', '--json'];
  const own = ['eval', model, ...asked, '--out', join(scratch, 'r.json'), ...shared];
  const ratios: number[] = [];
  for (let round = 0; round < Number(rounds); round++) {
    const theirs = await timed(tools.perplexity, [
      ...['-m', model, '-f', file, '--hellaswag', '--hellaswag-tasks', String(ITEMS), '-ngl', '0'],
      ...shared,
    ]);
    const ours = await timed(process.execPath, [BIN, ...own]);
    ratios.push(ours / theirs);
    process.stdout.write(`llama-perplexity ${theirs.toFixed(0)} ms, quantscope ${ours.toFixed(0)} ms\n`);
  }
  ratios.sort((a, b) => a - b);
  process.stdout.write(`median ratio ${ratios[Math.floor(ratios.length / 2)]?.toFixed(2)}\n`);
} finally {
  await rm(scratch, { recursive: true, force: true });
}
