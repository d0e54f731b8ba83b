import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';

/** Results are written as soon as something is measured: where there are none, nothing was. */
async function refused(args: readonly string[], files: Readonly<Record<string, string>>): Promise<string> {
  await using scratch = await scratchFolder();
  for (const [name, content] of Object.entries(files)) await writeFile(scratch.path(name), content);
  const out = scratch.path('results.json');
  const own = args.map((arg) => (arg in files ? scratch.path(arg) : arg));
  const { stderr, exitCode } = await quantscope([
    'eval',
    'nano:Q2_K',
    ...own,
    '-t',
    '1',
    '--quiet',
    '--out',
    out,
  ]);
  expect(exitCode).toBe(2);
  await expect(readFile(out)).rejects.toThrow();
  return stderr;
}

describe('what cannot work is refused before anything is measured', () => {
  it('results to resume of another kind or version, or none, with what they are', async () => {
    const resumed = (document: object) =>
      refused(['--resume', 'a.json'], { 'a.json': JSON.stringify(document) });
    expect(await resumed({ schema: 'quantscope/results@2' })).toMatch(
      /a\.json is "quantscope\/results@2", expected "quantscope\/results@1"\nhint: Another version of quantscope/,
    );
    expect(await resumed({ schema: 'quantscope/bench@1' })).toMatch(
      /a\.json is "quantscope\/bench@1", expected "quantscope\/results@1"\nhint: Name the file that --out/,
    );
    expect(await resumed([])).toMatch(/a\.json names no schema, expected/);
    expect(await resumed({ schema: 'quantscope/results@1' })).toMatch(
      /is not as quantscope\/results@1 says: /,
    );
  });

  it('a text that is empty, or shorter than two chunks', async () => {
    expect(await refused(['--text', 'a.txt'], { 'a.txt': '' })).toMatch(
      /a\.txt has 0 bytes.*\nhint: .*--text/,
    );
    const words = 'She sold the scarf to Jack for 32 dollars. '.repeat(40);
    expect(await refused(['--text', 'a.txt'], { 'a.txt': words })).toMatch(/tokens, need at least 1,024/);
  });

  it('a file of tasks or choices with a bad line, named with what to do', async () => {
    const bad = '{"task":"a","prompt":"b","answer":"c"}\n{"task":"a","prompt":\n';
    expect(await refused(['--tasks', 'a.jsonl'], { 'a.jsonl': bad })).toMatch(
      /line 2: not JSON.*\nhint: Each line/,
    );
    const choices = '{"sentence":"no blank","option1":"a","option2":"b","answer":"1"}\n';
    expect(await refused(['--choices', 'a.jsonl'], { 'a.jsonl': choices })).toMatch(
      /line 1, field "sentence": expected a sentence with _/,
    );
    expect(await refused(['--choices', 'a.txt'], { 'a.txt': 'one\ntwo\n' })).toMatch(
      /2 lines, expected 6 an item/,
    );
  });

  it.each([
    ['eval', '--save-reference', []],
    ['eval', '--out', []],
    ['compare', '--html', []],
    ['compare', '--out', []],
    ['bench', '--out', []],
    ['context', '--out', []],
    ['imatrix', '--out', []],
    ['mix', '--html', ['--bits', '6']],
    ['mix', '--out', ['--bits', '6']],
  ])('a place of %s %s that cannot be written', async (command, option, more) => {
    await using scratch = await scratchFolder();
    const [file, model] = [scratch.path('file'), scratch.path('model.gguf')];
    await writeFile(file, '');
    await copyFile(nanoPath(command === 'mix' ? 'F16' : 'Q2_K'), model);
    const { stdout, stderr, exitCode } = await quantscope([command, model, ...more, option, join(file, 'x')]);
    expect({ stdout, exitCode }, stderr).toEqual({ stdout: '', exitCode: 2 });
    expect(stderr).toMatch(/^error: .*file.*\nhint: .*\n$/);
    expect((await readdir(scratch.folder)).sort()).toEqual(['file', 'model.gguf']);
  });

  it('a text too short for context, which would measure speeds first', async () => {
    await using scratch = await scratchFolder();
    const text = scratch.path('a.txt');
    for (const content of ['', 'She sold the scarf to Jack for 32 dollars. '.repeat(40)]) {
      await writeFile(text, content);
      const out = scratch.path('out.json');
      const args = ['context', 'nano:Q2_K', '--text', text, '-t', '1', '--gpu', 'off', '--out', out];
      const { stderr, exitCode } = await quantscope(args);
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/^error: .*tokens.*\nhint: Give a longer text/);
      await expect(readFile(out)).rejects.toThrow();
    }
  });

  it('a shard to which nothing falls', async () => {
    const one = '{"task":"a","prompt":"b","answer":"c"}\n';
    const args = ['--only', 'tasks', '--tasks', 'a.jsonl', '--shard', '3/4'];
    expect(await refused(args, { 'a.jsonl': one })).toMatch(
      /nothing falls to shard 3 of 4.*\nhint: Ask for at most 1/,
    );
  });

  it('examples of which there are too few', async () => {
    const two = '{"question":"1 + 1?","choices":["1","2","3","4"],"answer":1}\n'.repeat(2);
    const args = ['--choices', 'a.jsonl', '--few-shot', '3', '--few-shot-from', 'a.jsonl'];
    expect(await refused(args, { 'a.jsonl': two })).toMatch(
      /holds 2 examples of mmlu, expected at least the 3/,
    );
    expect(await refused(['--few-shot', '3'], {})).toMatch(
      /--few-shot is for the files of --tasks or --choices/,
    );
    expect(await refused(['--max-time', '3'], {})).toMatch(/only with --until-decided/);
  });
});
