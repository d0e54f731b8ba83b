import { writeFile } from 'node:fs/promises';
import envPaths from 'env-paths';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildTools, findSource } from '../../bench/parity/llama-cpp.ts';
import { runProgram } from '../../bench/parity/program.ts';
import { isAvailable } from '../../src/schema/availability.ts';
import { resultsSchema } from '../../src/schema/results.ts';
import {
  hellaSwagOrder,
  hellaSwagText,
  questionsOf,
  taskBinary,
  winoGrandeCsv,
} from '../helpers/choice-files.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';
import { realModel, withoutRealModels } from '../helpers/real-models.ts';

// The tool itself, on the libraries that the engine loads: what it counts right, item by item.
const source = await findSource();
let tool = '';

/** Of every line "n, accuracy so far": whether the nth item was right. */
function outcomesIn(output: string): boolean[] {
  const counts = [...output.matchAll(/^(\d+)\t\s*([\d.]+)%?(?:\t.*)?$/gm)].map(([, n, percent]) =>
    Math.round((Number(n) * Number(percent)) / 100),
  );
  return counts.map((count, i) => count > (counts[i - 1] ?? 0));
}

async function theirs(model: string, file: string, flags: readonly string[]): Promise<boolean[]> {
  const args = ['-m', model, '-f', file, ...flags, '-t', '1', '-ngl', '0'];
  const { stdout, stderr } = await runProgram(tool, args);
  return outcomesIn(`${stdout}\n${stderr}`);
}

async function ours(model: string, file: string): Promise<readonly boolean[]> {
  await using scratch = await scratchFolder();
  const args = ['eval', model, '--only', 'choices', '--choices', file, '-t', '1', '--gpu', 'off', '--quiet'];
  const { stdout, stderr } = await quantscope([...args, '--json', '--out', scratch.path('r.json')]);
  const choices = resultsSchema.parse(JSON.parse(stdout)).variants[0]?.choices;
  if (choices === undefined || !isAvailable(choices)) throw new Error(stderr + JSON.stringify(choices));
  return choices.outcomes;
}

const models = [
  ['nano', () => nanoPath('Q4_K_M'), 'nano'],
  ...(withoutRealModels === null
    ? ([
        ['smollm2', () => realModel('smollm2'), 'general'],
        ['gemma3', () => realModel('gemma3'), 'general'],
      ] as const)
    : []),
] as const;

describe.skipIf('missing' in source)('beside llama-perplexity, item by item', () => {
  beforeAll(async () => {
    if ('missing' in source) return;
    const tools = await buildTools(source, 'prebuilt', envPaths('quantscope', { suffix: '' }).cache);
    tool = tools.perplexity;
  }, 600_000);

  it.for(models)('%s chooses what --multiple-choice chooses', async ([, path, set]) => {
    await using scratch = await scratchFolder();
    const file = scratch.path('tasks.bin');
    await writeFile(file, taskBinary(questionsOf(set, 60)));
    const expected = await theirs(path(), file, ['--multiple-choice']);
    expect(expected.length).toBe(60);
    expect(await ours(path(), file)).toEqual(expected);
  });

  it.for(models.slice(0, 2))('%s chooses what --hellaswag chooses', async ([, path, set]) => {
    await using scratch = await scratchFolder();
    const questions = questionsOf(set, 60);
    const file = scratch.path('hellaswag.txt');
    await writeFile(file, hellaSwagText(questions));
    const expected = await theirs(path(), file, ['--hellaswag', '--hellaswag-tasks', `${questions.length}`]);
    const own = await ours(path(), file);
    expect(expected).toHaveLength(own.length);
    expect(hellaSwagOrder(own.length).map((item) => own[item])).toEqual(expected);
  });

  it.for(models.slice(0, 2))('%s chooses what --winogrande chooses', async ([, path]) => {
    await using scratch = await scratchFolder();
    const file = scratch.path('winogrande.csv');
    await writeFile(file, winoGrandeCsv());
    const expected = await theirs(path(), file, ['--winogrande']);
    const own = await ours(path(), file);
    expect(own).toHaveLength(64);
    expect(new Set(expected).size).toBe(2);
    // The tool leaves the file's last line out (load_winogrande_from_csv stops at the end of the file).
    expect(own.slice(0, -1)).toEqual(expected);
  });
});
