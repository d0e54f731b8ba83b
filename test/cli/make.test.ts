import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeRandomPhi3 } from '../../bench/random-phi3.ts';
import { cacheListSchema } from '../../src/schema/cache.ts';
import { type Results, resultsSchema } from '../../src/schema/results.ts';
import { type CliOptions, quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';

let scratch: Awaited<ReturnType<typeof scratchFolder>>;

beforeEach(async () => {
  scratch = await scratchFolder();
});
afterEach(() => scratch[Symbol.asyncDispose]());

const run = (args: readonly string[], options: CliOptions = {}) =>
  quantscope(args, { ...options, env: { XDG_CACHE_HOME: scratch.path('cache'), HF_HUB_CACHE: '' } });

const sizesOf = async (...args: readonly string[]): Promise<Results> => {
  const { stdout, stderr, exitCode } = await run([
    ...['compare', ...args, '--only', 'size', '--json', '--quiet'],
    ...['--out', scratch.path('results.json')],
  ]);
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  return resultsSchema.parse(JSON.parse(stdout));
};

const madeFiles = async () => {
  const { stdout } = await run(['cache', 'list', '--json']);
  return cacheListSchema.parse(JSON.parse(stdout)).made;
};

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

describe('compare --make', () => {
  it('makes what is missing, keeps it by the content of its source, and compares', async () => {
    const first = await sizesOf('nano:F16', '--make', 'Q8_0,q4_k_m');
    expect(first.variants.map(({ name }) => name)).toEqual(['F16', 'Q8_0', 'Q4_K_M']);
    expect(first.reference).toBe('F16');
    // The embedded files were made by llama-quantize.
    const hashes = first.variants.map(({ file }) => file.sha256);
    expect(hashes).toEqual(['F16', 'Q8_0', 'Q4_K_M'].map((label) => sha256(nanoPath(label))));
    const made = await madeFiles();
    expect(made.map(({ recipe }) => recipe)).toEqual(['Q4_K_M', 'Q8_0']);
    const times = await Promise.all(made.map(async ({ place }) => (await stat(place)).mtimeMs));

    // Another name of the same content, and one recipe more.
    await writeFile(scratch.path('nano-phi3-F16.gguf'), readFileSync(nanoPath('F16')));
    const second = await sizesOf(scratch.path('nano-phi3-F16.gguf'), '--make', 'Q8_0,Q4_K_M,Q2_K');
    expect(second.variants.map(({ name }) => name)).toEqual(['F16', 'Q8_0', 'Q4_K_M', 'Q2_K']);
    const after = await Promise.all(made.map(async ({ place }) => (await stat(place)).mtimeMs));
    expect(after).toEqual(times);
    expect((await madeFiles()).length).toBe(3);
  });

  it('makes again what a run that was killed left, or what was damaged', async () => {
    await sizesOf('nano:F16', '--make', 'Q8_0');
    const [{ place = '' } = {}] = await madeFiles();
    await writeFile(place, 'short');
    await mkdir(join(dirname(place), '.quantscope-killed'));
    await writeFile(join(dirname(place), '.quantscope-killed/model.gguf'), Buffer.alloc(100));
    const listed = await run(['cache']);
    expect(listed.stdout).toMatch(/made here {2}0 B, \d+ B unfinished/);
    const { variants } = await sizesOf('nano:F16', '--make', 'Q8_0');
    expect(variants[1]?.file.sha256).toBe(sha256(nanoPath('Q8_0')));
    await run(['cache', 'remove', '--partials', '--yes']);
    expect(await readdir(dirname(place))).toEqual(['nano-phi3-Q8_0.gguf', 'nano-phi3-Q8_0.gguf.json']);
  });

  it('is looked after by cache', async () => {
    await sizesOf('nano:F16', '--make', 'Q8_0,Q2_K');
    const [first, second] = await madeFiles();
    expect((await run(['cache', 'verify', 'made'])).stdout).toBe(
      'intact   made:nano-phi3-Q2_K.gguf\nintact   made:nano-phi3-Q8_0.gguf\n',
    );
    const bytes = readFileSync(first?.place ?? '');
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await writeFile(first?.place ?? '', bytes);
    expect((await run(['cache', 'verify'])).exitCode).toBe(1);
    expect((await run(['cache', 'remove', 'made:nano-phi3-Q2_K.gguf', '--yes'])).exitCode).toBe(0);
    expect(await madeFiles()).toEqual([second]);
    expect((await run(['cache', 'remove', 'made:other.gguf', '--yes'])).stderr).toContain('not in the cache');
    await run(['cache', 'remove', 'made', '--yes']);
    expect(await readdir(scratch.path('cache/quantscope/made'))).toEqual([]);
  });

  it('leaves nothing half written when it is interrupted', async () => {
    const { exitCode } = await run(['compare', 'nano:F16', '--make', 'Q8_0,Q4_K_M,Q3_K_M,Q5_K_M'], {
      onStderr: (stderr, pid) => {
        if (/Q8_0 +done/.test(stderr)) process.kill(pid, 'SIGINT');
      },
    });
    expect(exitCode).toBe(130);
    const left = await readdir(scratch.path('cache/quantscope/made'), { recursive: true });
    expect(left.filter((name) => /quantscope-/.test(name))).toEqual([]);
    await rm(scratch.path('cache'), { recursive: true });
  });

  it('says what cannot work before anything is made', async () => {
    const refused = async (...args: readonly string[]) => {
      const { stdout, stderr, exitCode } = await run(['compare', ...args]);
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
      return stderr;
    };
    expect(await refused('--make', 'Q4_K_M')).toContain('needs a model');
    expect(await refused('nano', '--make', 'Q4_K_M')).toContain('stands for 4 models');
    expect(await refused('nano:F16', '--make', 'Q4_K_L')).toContain('Did you mean');
    expect(await refused('nano:F16', '--make', 'Q8_0,mix:2')).toContain('mix:2.0GB');
    expect(await refused('nano:F16', '--make', 'Q8_0,IQ2_XXS')).toContain('needs an importance matrix');
    expect(await refused('nano:F16', '--make', 'Q8_0', '--imatrix', '/nowhere.gguf')).toContain(
      '/nowhere.gguf',
    );
    expect(await refused('nano:F16', '--make', 'Q8_0', '--text', '/nowhere.txt')).toContain('/nowhere.txt');
    expect(await refused('nano:F16', '--imatrix', 'i.gguf')).toContain('nothing is made');
    expect(await refused('nano:Q8_0', '--make', 'Q4_K_M')).toContain('quantized already');
    expect(await madeFiles()).toEqual([]);
  });

  it('makes a mix, beside the stock recipe of its size', async () => {
    // Small, for a mix tries every type of every matrix.
    const source = scratch.path('random-F16.gguf');
    await writeRandomPhi3(
      source,
      { layers: 1, embedding: 256, feedForward: 256, heads: 4, vocabulary: 512 },
      'F16',
    );
    const { variants } = await sizesOf(source, '--make', 'Q4_K_M,mix:Q4_K_M');
    const [stock, mix] = ['random-Q4_K_M.gguf', 'random-mix-Q4_K_M.gguf'].map((file) =>
      variants.find(({ ref }) => ref.endsWith(file)),
    );
    expect(mix?.file.bytes).toBeLessThanOrEqual(stock?.file.bytes ?? 0);
    expect(mix?.file.sha256).not.toBe(stock?.file.sha256);
    const made = await madeFiles();
    expect(made.map(({ recipe }) => recipe).sort()).toEqual(['Q4_K_M', 'mix-Q4_K_M']);
    await run(['cache', 'remove', 'made', '--yes']);
    expect(await readdir(scratch.path('cache/quantscope/made'))).toEqual([]);
  }, 300_000);
});
