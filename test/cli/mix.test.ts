import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import envPaths from 'env-paths';
import { describe, expect, it } from 'vitest';
import { buildTools, findSource } from '../../bench/parity/llama-cpp.ts';
import { type MixResults, mixSchema } from '../../src/schema/mix.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoFolder, nanoPath } from '../helpers/nano.ts';

const F16 = nanoPath('F16');
const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
const source = await findSource();

/** Few losses to measure, on little text. */
const QUICK = ['--types', 'Q2_K,Q4_K,Q8_0', '--chunks', '2', '--test-chunks', '2'];

async function mix(...args: string[]): Promise<MixResults> {
  const { stdout, stderr, exitCode } = await quantscope(['mix', F16, ...args, '--json', '--quiet'], {
    timeoutMs: 300_000,
  });
  expect(stderr).toBe('');
  const results = mixSchema.parse(JSON.parse(stdout));
  expect(exitCode).toBe(results.verdict === 'better' ? 0 : 1);
  return results;
}

const typesOf = (path: string) => readFile(path.replace(/\.gguf$/, '.types.txt'), 'utf8');

describe('mix', () => {
  it('makes a file that loses less than the stock recipe of its size, and tells losses as eval does', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('mix.gguf');
    const results = await mix('--like', 'Q2_K', '--chunks', '2', '--test-chunks', '4', '--out', out);
    const made = results.measured.find(({ kind }) => kind === 'mix');
    const stock = results.measured.find(({ name }) => name === 'Q2_K');
    // 0.36 to 0.42 of it was seen on longer texts.
    expect((made?.meanKld ?? 1) / (stock?.meanKld ?? 0)).toBeLessThan(0.6);
    expect(stock?.bytes).toBe((await stat(nanoPath('Q2_K'))).size);
    expect(made?.bytes).toBe((await stat(out)).size);
    expect(made?.bytes).toBeLessThanOrEqual(results.budgetBytes ?? 0);
    expect(results.groups.length).toBe(18);
    expect((await readdir(scratch.folder)).sort()).toEqual([
      'mix.gguf',
      'mix.json',
      'mix.measured.jsonl',
      'mix.types.txt',
    ]);

    // The stock recipe was measured in memory: its file, which llama-quantize wrote, loses the same.
    const evaluated = await quantscope([
      ...['eval', F16, out, nanoPath('Q2_K'), '--only', 'text', '--chunks', '4', '--json', '--quiet'],
      ...['--gpu', 'off'],
    ]);
    const { variants } = JSON.parse(evaluated.stdout) as {
      variants: { file: { bytes: number }; divergence: { meanKld: number } }[];
    };
    for (const row of [made, stock]) {
      const there = variants.find(({ file }) => file.bytes === row?.bytes);
      expect(Math.abs((there?.divergence.meanKld ?? 0) / (row?.meanKld ?? 1) - 1)).toBeLessThan(0.01);
    }
  }, 400_000);

  it('writes a list of types with which the same bytes are made', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('mix.gguf');
    const { written } = await mix(...QUICK, '--like', 'Q2_K', '--always', '--out', out);
    const again = scratch.path('again.gguf');
    const overrides = [...(written?.command ?? '').matchAll(/--override-kv "([^"]*)"/g)].flatMap(
      ([, mark]) => (mark === undefined ? [] : ['--override-kv', mark]),
    );
    expect(overrides.length).toBe(6);
    await quantscope([
      ...['quantize', F16, 'Q2_K', ...overrides],
      ...['--tensor-type-file', written?.tensorTypeFile ?? '', '--out', again],
    ]);
    expect(sha256(again)).toBe(sha256(out));
    if ('missing' in source) return;
    const tools = await buildTools(source, 'prebuilt', envPaths('quantscope', { suffix: '' }).cache);
    const theirs = scratch.path('theirs.gguf');
    const command = (written?.command ?? '')
      .replace(/^llama-quantize/, `'${tools.quantize}'`)
      .replaceAll(out, theirs);
    await promisify(execFile)('bash', ['-c', command]);
    expect(sha256(theirs)).toBe(sha256(out));
  }, 600_000);

  it('goes on after it was killed at any time, to the same recipe', async () => {
    await using scratch = await scratchFolder();
    const whole = scratch.path('whole.gguf');
    await mix(...QUICK, '--always', '--out', whole);
    const out = scratch.path('killed.gguf');
    const journal = scratch.path('killed.measured.jsonl');
    const lines = () => (existsSync(journal) ? readFileSync(journal, 'utf8').split('\n').length : 0);
    for (const most of [2, 9, 25]) {
      const resume = existsSync(journal) ? ['--resume'] : [];
      await quantscope(['mix', F16, ...QUICK, '--always', '--out', out, ...resume, '--quiet'], {
        onStart: (pid) => {
          const timer = setInterval(() => {
            if (lines() < most) return;
            clearInterval(timer);
            process.kill(pid, 'SIGKILL');
          }, 20);
        },
      });
      expect(existsSync(out)).toBe(false);
    }
    await writeFile(journal, `${readFileSync(journal, 'utf8')}{"types": "Q4_K: half a li`);
    const { losses } = await mix(...QUICK, '--always', '--out', out, '--resume');
    expect(losses.reused).toBeGreaterThan(20);
    expect(await typesOf(out)).toBe(await typesOf(whole));
  }, 600_000);

  it('joins what shares have measured', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('mix.gguf');
    for (const shard of ['1/2', '2/2']) {
      const share = await quantscope(['mix', F16, ...QUICK, '--shard', shard, '--out', out]);
      expect(share.exitCode).toBe(0);
    }
    const journals = ['1-of-2', '2-of-2'].map((share) => scratch.path(`mix.${share}.measured.jsonl`));
    const { losses } = await mix(...QUICK, '--always', '--out', out, '--measured', journals.join());
    // The shares have measured every tensor at every type; the mix as a whole is left.
    expect(losses.measured).toBe(1);
    expect(losses.reused).toBeGreaterThanOrEqual(18);
  }, 400_000);

  it('finds the smallest that loses no more than what is allowed', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('mix.gguf');
    const { measured } = await mix(...QUICK, '--max-kld', '0.05', '--always', '--out', out);
    const kld = measured.find(({ kind }) => kind === 'mix')?.meanKld ?? 1;
    expect(kld).toBeLessThanOrEqual(0.05);
    expect(kld).toBeGreaterThan(0.04);
  }, 400_000);

  it('takes only types that a phone runs fast', async () => {
    await using scratch = await scratchFolder();
    const html = scratch.path('mix.html');
    const { phone, groups } = await mix(
      ...['--chunks', '2', '--test-chunks', '2', '--device', 'galaxy-s23', '--bits', '5.2', '--always'],
      ...['--out', scratch.path('mix.gguf'), '--html', html],
    );
    expect(phone?.types).not.toContain('Q2_K');
    expect(groups.map(({ type }) => type).filter((type) => !phone?.types?.includes(type))).toEqual([]);
    expect(await readFile(html, 'utf8')).toContain('Loss by size');
  }, 400_000);

  it('says in a line what cannot be, before anything is measured', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('m.gguf');
    const fails = async (args: string[], text: string) => {
      const { exitCode, stderr, stdout } = await quantscope(['mix', ...args]);
      expect({ args, exitCode, stdout, lines: stderr.trim().split('\n').length <= 3 }).toEqual({
        ...{ args, exitCode: 2, stdout: '', lines: true },
      });
      expect(stderr).toContain(text);
    };
    const [empty, short, cut] = [
      scratch.path('empty.txt'),
      scratch.path('short.txt'),
      scratch.path('cut.gguf'),
    ];
    await writeFile(empty, '');
    await writeFile(short, 'Once upon a time.');

    await copyFile(F16, cut);
    await truncate(cut, 1_000_000);
    await mkdir(scratch.path('folder'));
    await fails([nanoPath('Q8_0'), '-o', out], 'quantized already');
    await fails([scratch.path('none.gguf'), '-o', out], 'none.gguf');
    await fails([empty, '-o', out], 'empty.txt');
    await fails([cut, '-o', out], 'cut.gguf');
    await fails([scratch.path('folder'), '-o', out], 'folder');
    await fails([F16, '-o', out, '--text', empty], 'no text in it');
    await fails([F16, '-o', out, '--text', short], 'the text has');
    await fails([F16, '-o', out, '--text', scratch.path('folder')], 'folder');
    await fails([F16, '-o', out, '--text', `${nanoFolder}text.txt`], 'chosen on');
    await fails([F16, '-o', '/proc/m.gguf'], '/proc');
    await fails([F16, '-o', out, '--size', '1MB'], 'the smallest mix takes');
    await fails([F16, '-o', out, '--size', '8MB'], 'the largest mix takes');
    await fails([F16, '-o', out, '--size', '2MB', '--bits', '4'], 'two goals');
    await fails([F16, '-o', out, '--like', 'IQ2_XXS'], 'importance matrix');
    await fails([F16, '-o', out, '--device', 'galaxy-s23', '--min-tps', '10'], 'cannot be predicted');
    await fails([F16, '-o', out, '--measured', short], 'journal');
    await fails([F16, '-o', out, '--types', 'Q9_K'], 'Q9_K');
    const copy = scratch.path('own-F16.gguf');
    await copyFile(F16, copy);
    await fails([copy, '--out', copy, '--force'], 'the source itself');
    expect(sha256(copy)).toBe(sha256(F16));
    expect((await readdir(scratch.folder)).filter((name) => /^m\.|^\.quant/.test(name))).toEqual([]);
  }, 200_000);
});
