import { writeFile } from 'node:fs/promises';
import envPaths from 'env-paths';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildTools, findSource } from '../../bench/parity/llama-cpp.ts';
import { runProgram } from '../../bench/parity/program.ts';
import { openFile } from '../../src/io/index.ts';
import { type Imatrix, readImatrix } from '../../src/quantize/imatrix-file.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';
import { realModel, withoutRealModels } from '../helpers/real-models.ts';

// llama-imatrix itself, on the libraries that the engine loads: what differs is the tool alone.
const source = await findSource();
let tool = '';

/** Of a sum, relative to it. */
const NEAR = 1e-4;

async function readFrom(path: string): Promise<Imatrix> {
  await using file = await openFile(path);
  return await readImatrix(file);
}

async function byBoth(
  model: string,
  text: string,
  chunks: number,
  more: readonly string[] = [],
): Promise<readonly [ours: Imatrix, theirs: Imatrix]> {
  await using scratch = await scratchFolder();
  const [own, theirs] = [scratch.path('ours.gguf'), scratch.path('theirs.gguf')];
  const options = ['--chunks', String(chunks), ...more];
  const made = await quantscope(
    ['imatrix', model, '--text', text, ...options, '--out', own, '--gpu', 'off', '-t', '1', '--quiet'],
    { timeoutMs: 600_000 },
  );
  expect({ stderr: made.stderr, exitCode: made.exitCode }).toEqual({ stderr: '', exitCode: 0 });
  const fixed = ['-ngl', '0', '-t', '1', '--no-ppl', '-o', theirs];
  const contextOption = more.length > 0 ? ['-c', more[1] ?? '', '-b', more[1] ?? ''] : [];
  await runProgram(tool, ['-m', model, '-f', text, '--chunks', String(chunks), ...contextOption, ...fixed]);
  return [await readFrom(own), await readFrom(theirs)];
}

function expectSame(ours: Imatrix, theirs: Imatrix): void {
  const { entries, ...facts } = ours;
  const { entries: others, ...otherFacts } = theirs;
  expect(facts).toEqual(otherFacts);
  expect(entries.map(({ name }) => name)).toEqual(others.map(({ name }) => name));
  for (const [index, { name, sums, counts }] of entries.entries()) {
    const other = others[index];
    expect(counts, name).toEqual(other?.counts);
    const farthest = sums.reduce((most, sum, column) => {
      const expected = other?.sums[column] ?? 0;
      return Math.max(most, Math.abs(sum - expected) / Math.max(Math.abs(expected), Number.MIN_VALUE));
    }, 0);
    expect(farthest, name).toBeLessThanOrEqual(NEAR);
  }
}

describe.skipIf('missing' in source)('beside llama-imatrix', () => {
  beforeAll(async () => {
    if ('missing' in source) return;
    tool = (await buildTools(source, 'prebuilt', envPaths('quantscope', { suffix: '' }).cache)).imatrix;
  }, 600_000);

  it.each(['F16', 'Q4_K_M'])('every sum of the embedded model is the same, from %s', async (label) => {
    expectSame(...(await byBoth(nanoPath(label), nanoPath('text'), 6)));
  });

  it('in chunks of another size, too', async () => {
    expectSame(...(await byBoth(nanoPath('F16'), nanoPath('text'), 4, ['--context', '256'])));
  });

  it.skipIf(withoutRealModels !== null)(
    'every sum of a real model is the same',
    async () => {
      await using scratch = await scratchFolder();
      const text = scratch.path('ferry.txt');
      const line = 'The ferry leaves at 7:45; bring 12.50 in coins. Завтра утром мы поедем на рынок.\n';
      await writeFile(text, Array.from({ length: 40 }, (_, index) => `${index}. ${line}`).join(''));
      expectSame(...(await byBoth(realModel('smollm2'), text, 2)));
    },
    600_000,
  );
});
