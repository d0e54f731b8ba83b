import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { copyFile, readdir, stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { mixSchema } from '../../src/schema/mix.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';

const F16 = nanoPath('F16');
const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

describe('mix', () => {
  it('makes a file that loses less than the stock recipe of its size, and a recipe that makes it again', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('mix.gguf');
    const { stdout, stderr, exitCode } = await quantscope(
      [
        'mix',
        F16,
        '--like',
        'Q2_K',
        '--chunks',
        '2',
        '--test-chunks',
        '4',
        '--out',
        out,
        '--json',
        '--quiet',
      ],
      { timeoutMs: 300_000 },
    );
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const results = mixSchema.parse(JSON.parse(stdout));
    const [mix, stock] = results.measured;
    // 0.42 to 0.48 of it was seen on longer texts.
    expect((mix?.meanKld ?? 1) / (stock?.meanKld ?? 0)).toBeLessThan(0.7);
    expect(stock?.bytes).toBe((await stat(nanoPath('Q2_K'))).size);
    expect(mix?.bytes).toBe((await stat(out)).size);
    expect(mix?.bytes).toBeLessThanOrEqual(results.budgetBytes);
    expect(results.groups.length).toBe(18);

    // What eval says of the file on the same text.
    const evaluated = await quantscope([
      'eval',
      F16,
      out,
      '--only',
      'text',
      '--chunks',
      '4',
      '--json',
      '--quiet',
      '--gpu',
      'off',
    ]);
    const { variants } = JSON.parse(evaluated.stdout) as { variants: { divergence: { meanKld: number } }[] };
    const measured = variants.map(({ divergence }) => divergence.meanKld).sort((a, b) => b - a);
    expect(Math.abs((measured[0] ?? 0) / (mix?.meanKld ?? 1) - 1)).toBeLessThan(1e-3);

    const mark = /--override-kv "([^"]*)"/.exec(results.written?.command ?? '')?.[1] ?? '';
    const again = scratch.path('again.gguf');
    await quantscope([
      ...['quantize', F16, 'Q2_K', '--override-kv', mark],
      ...['--tensor-type-file', results.written?.tensorTypeFile ?? '', '--out', again],
    ]);
    expect(sha256(again)).toBe(sha256(out));
    expect((await readdir(scratch.folder)).sort()).toEqual([
      'again.gguf',
      'mix.gguf',
      'mix.json',
      'mix.types.txt',
    ]);
  }, 400_000);

  it('says what cannot be before anything is measured', async () => {
    await using scratch = await scratchFolder();
    const out = ['--out', scratch.path('m.gguf')];
    const quantized = await quantscope(['mix', nanoPath('Q8_0'), ...out]);
    expect([quantized.exitCode, quantized.stderr]).toEqual([2, expect.stringContaining('quantized already')]);
    const needs = await quantscope(['mix', F16, '--like', 'IQ2_XXS', ...out]);
    expect([needs.exitCode, needs.stderr]).toEqual([2, expect.stringContaining('importance matrix')]);
    expect(await readdir(scratch.folder)).toEqual([]);
    const copy = scratch.path('own-F16.gguf');
    await copyFile(F16, copy);
    const itself = await quantscope(['mix', copy, '--out', copy, '--force']);
    expect([itself.exitCode, itself.stderr]).toEqual([2, expect.stringContaining('the source itself')]);
    expect(sha256(copy)).toBe(sha256(F16));
  });
});
