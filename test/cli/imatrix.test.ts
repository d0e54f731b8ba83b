import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { openFile } from '../../src/io/index.ts';
import { readImatrix } from '../../src/quantize/imatrix-file.ts';
import { imatrixSchema } from '../../src/schema/imatrix.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';

const F16 = nanoPath('F16');

async function imatrixOf(path: string) {
  await using source = await openFile(path);
  return await readImatrix(source);
}

describe('imatrix', () => {
  it('has llama-imatrix’s sums, whole or resumed, and quantizes what needs one', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('nano.gguf');
    const run = (...args: string[]) =>
      quantscope(['imatrix', F16, '--text', nanoPath('text'), '--out', out, '--json', '--quiet', ...args]);
    expect((await run('--chunks', '2')).exitCode).toBe(0);
    const again = await run('--chunks', '4');
    expect([again.exitCode, again.stderr]).toEqual([2, expect.stringContaining('--resume')]);
    const resumed = await run('--chunks', '4', '--resume');
    expect(imatrixSchema.parse(JSON.parse(resumed.stdout))).toMatchObject({
      chunks: 4,
      weights: 16,
      missing: [],
    });

    const { entries } = await imatrixOf(out);
    const first = entries.find(({ name }) => name === 'blk.0.attn_qkv.weight');
    expect(first?.counts).toEqual(Float32Array.of(4 * 512));
    // llama-imatrix of llama.cpp v0.5.0, 4 chunks of this text.
    for (const [column, sum] of [1.819313, 8.374846, 4.542561, 4.379339].entries()) {
      expect(Math.abs((first?.sums[column] ?? 0) / sum - 1)).toBeLessThan(1e-4);
    }
    const made = await quantscope([
      'quantize',
      F16,
      'IQ3_XXS',
      '--imatrix',
      out,
      '--out',
      scratch.folder,
      '--json',
      '--quiet',
    ]);
    expect(JSON.parse(made.stdout)).toMatchObject({ imatrix: { chunks: 4, entries: 16, missing: [] } });
    const { stdout } = await quantscope(['inspect', scratch.path('nano-phi3-IQ3_XXS.gguf'), '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ model: { imatrix: { entries: 16, chunks: 4 } } });
  });

  it('refuses a text that is too short, and another text than the one to go on with', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('m.gguf');
    const short = await quantscope([
      'imatrix',
      F16,
      '--text',
      nanoPath('text'),
      '--context',
      '100000',
      '--out',
      out,
    ]);
    expect([short.exitCode, short.stderr]).toEqual([2, expect.stringContaining('tokens')]);
    await expect(stat(out)).rejects.toThrow();
    await quantscope(['imatrix', F16, '--chunks', '2', '--out', out]);
    const other = await quantscope(['imatrix', F16, '--text', nanoPath('text'), '--out', out, '--resume']);
    expect([other.exitCode, other.stderr]).toEqual([2, expect.stringContaining('--force')]);
  });

  it('reads texts that nothing is scored on', () => {
    const linesOf = (path: string) =>
      readFileSync(new URL(`../../fixtures/${path}`, import.meta.url), 'utf8')
        .split(/\n|(?<=[.!?]) /)
        .map((line) => line.trim())
        .filter((line) => line.length > 60);
    const scored = new Set([...linesOf('general/text.txt'), ...linesOf('general/tasks.jsonl')]);
    const calibration = linesOf('calibration/general.txt');
    expect(calibration.length).toBeGreaterThan(80);
    expect(calibration.filter((line) => scored.has(line))).toEqual([]);
    // Sentences of the small world recur by design; stories do not.
    expect(readFileSync(nanoPath('text'), 'utf8').slice(0, 400)).not.toBe(
      readFileSync(new URL('../../fixtures/calibration/nano.txt', import.meta.url), 'utf8').slice(0, 400),
    );
  });
});
