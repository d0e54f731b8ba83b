import { existsSync } from 'node:fs';
import { copyFile, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { openFile } from '../../src/io/index.ts';
import { readImatrix } from '../../src/quantize/imatrix-file.ts';
import { diffSchema } from '../../src/schema/diff.ts';
import { imatrixSchema } from '../../src/schema/imatrix.ts';
import { inspectionSchema } from '../../src/schema/inspection.ts';
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

  it('is told of by inspect, and compared by diff', async () => {
    await using scratch = await scratchFolder();
    const [short, long] = [scratch.path('short.gguf'), scratch.path('long.gguf')];
    const run = (chunks: string, out: string) =>
      quantscope(['imatrix', F16, '--text', nanoPath('text'), '--chunks', chunks, '--out', out, '--quiet']);
    await run('2', short);
    await run('3', long);
    const { importance } = inspectionSchema.parse(
      JSON.parse((await quantscope(['inspect', short, '--json'])).stdout),
    );
    expect(importance).toMatchObject({ chunks: 2, chunkSize: 512, weights: 16, coverage: 1, empty: [] });
    const page = (await quantscope(['inspect', short])).stdout;
    // llama-imatrix --show-statistics of v0.5.0 has the same matrix first.
    expect(page).toMatch(/Most used[^\n]*\n[^\n]*\n {2}blk\.3\.ffn_down\.weight/);
    const diffed = await quantscope(['diff', short, long, '--json', '--quiet']);
    const { importance: distances } = diffSchema.parse(JSON.parse(diffed.stdout));
    expect(distances?.matrices.length).toBe(16);
    // Sums of three chunks are half as large again; their means are near.
    expect(distances?.matrices[0]?.relativeRmse).toBeLessThan(0.4);
    expect(distances?.matrices.at(-1)?.cosine).toBeGreaterThan(0.999);
    const gated = await quantscope(['diff', short, long, '--fail-above', '0.1']);
    expect([gated.exitCode, gated.stderr]).toEqual([2, expect.stringContaining('importance matrices')]);
  });

  it('never writes over its model or its texts, and says beforehand where it cannot write', async () => {
    await using scratch = await scratchFolder();
    const [model, text] = [scratch.path('model.gguf'), scratch.path('text.txt')];
    await copyFile(F16, model);
    await copyFile(nanoPath('text'), text);
    await symlink(model, scratch.path('link.gguf'));
    const refused = async (out: string, said: string) => {
      const args = ['imatrix', model, '--text', text, '--chunks', '1', '--out', out, '--force'];
      const { stdout, stderr, exitCode } = await quantscope(args);
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
      expect(stderr).toContain(said);
    };
    await refused(model, 'the source itself');
    await refused(scratch.path('link.gguf'), 'the source itself');
    await refused(text, 'the text itself');
    await refused(scratch.folder, 'is a folder');
    await refused(scratch.path('none/i.gguf'), 'cannot be written');
    expect((await readFile(model)).equals(await readFile(F16))).toBe(true);
    expect((await readFile(text)).equals(await readFile(nanoPath('text')))).toBe(true);
  });

  it('keeps the chunks that were read when it is interrupted', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('i.gguf');
    // Long enough that it is not over before it hears of the interruption.
    const text = scratch.path('text.txt');
    await writeFile(text, (await readFile(nanoPath('text'), 'utf8')).repeat(8));
    const { exitCode, stderr } = await quantscope(['imatrix', F16, '--text', text, '--out', out], {
      // Written anew after every ten chunks.
      onStart: (pid) => {
        const look = setInterval(() => {
          if (!existsSync(out)) return;
          clearInterval(look);
          process.kill(pid, 'SIGINT');
        }, 5);
      },
    });
    expect(exitCode).toBe(130);
    const { chunks } = await imatrixOf(out);
    expect(stderr).toContain(`has ${chunks} chunks: go on with --resume`);
    expect(chunks % 10).toBe(0);
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
});
