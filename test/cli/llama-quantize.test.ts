import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import envPaths from 'env-paths';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildTools, findSource } from '../../bench/parity/llama-cpp.ts';
import { runProgram } from '../../bench/parity/program.ts';
import { writeRandomPhi3 } from '../../bench/random-phi3.ts';
import { RECIPES } from '../../src/quantize/recipes.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';
import { realModel, withoutRealModels } from '../helpers/real-models.ts';
import { writeShards } from '../helpers/split.ts';

// llama-quantize itself, on the libraries that the engine loads: what differs is the tool alone.
const source = await findSource();

const F16 = nanoPath('F16');
let tool = '';
let scratch: Awaited<ReturnType<typeof scratchFolder>>;
let imatrix = '';
let typeFile = '';

async function ours(...args: readonly string[]): Promise<void> {
  const { stderr, exitCode } = await quantscope([...args, '--quiet', '-t', '2'], { timeoutMs: 600_000 });
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Hashes of the files in a folder, by what follows the model's name. */
async function filesIn(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await sha256(join(folder, name))] as const)),
  );
}

/** Makes the recipes by both, and compares all the bytes of all the files. */
async function expectSame(
  model: string,
  recipes: readonly string[],
  options: readonly string[] = [],
  isSplit = false,
): Promise<void> {
  await using made = await scratchFolder();
  const [own, theirs] = [made.path('ours'), made.path('theirs')];
  await mkdir(theirs);
  await ours('quantize', model, ...recipes, ...options, '--out', own);
  const stem = basename(model).replace(/-(?:F16|F32|BF16|Q8_0)?(?:-00001-of-\d+)?\.gguf$/, '');
  for (const recipe of recipes) {
    // Of shards the tool adds number and ending.
    const out = join(theirs, isSplit ? `${stem}-${recipe}` : `${stem}-${recipe}.gguf`);
    await runProgram(tool, [...options, model, out, recipe, '2']);
  }
  const files = await filesIn(own);
  expect(files).toEqual(await filesIn(theirs));
  if (!isSplit) expect(Object.keys(files).length).toBe(recipes.length);
}

describe.skipIf('missing' in source)('beside llama-quantize', () => {
  beforeAll(async () => {
    if ('missing' in source) return;
    tool = (await buildTools(source, 'prebuilt', envPaths('quantscope', { suffix: '' }).cache)).quantize;
    scratch = await scratchFolder();
    imatrix = scratch.path('imatrix.gguf');
    await ours('imatrix', F16, '--text', nanoPath('text'), '--chunks', '4', '--out', imatrix);
    typeFile = scratch.path('types.txt');
    await writeFile(typeFile, 'ffn_up=q5_k\n^blk\\.0\\.ffn_down=q6_k attn_qkv=iq4_nl');
  }, 600_000);

  afterAll(() => scratch?.[Symbol.asyncDispose]());

  it('every recipe has the same bytes, with an importance matrix', async () => {
    // Small, for IQ1 and IQ2 take long.
    const path = scratch.path('random-F16.gguf');
    await writeRandomPhi3(
      path,
      { layers: 1, embedding: 256, feedForward: 512, heads: 4, vocabulary: 512 },
      'F16',
    );
    const own = scratch.path('random-imatrix.gguf');
    await ours('imatrix', path, '--text', nanoPath('text'), '--chunks', '2', '--out', own);
    await expectSame(path, [...RECIPES.keys()], ['--imatrix', own]);
  });

  it.each([
    ['a type by pattern', ['--tensor-type', 'attn_output=q8_0', '--tensor-type', 'FFN_DOWN=q3_K']],
    ['types from a file', () => ['--tensor-type-file', typeFile]],
    ['a type of the output', ['--output-tensor-type', 'q5_k']],
    ['a type of the embedding', ['--token-embedding-type', 'q3_k']],
    ['an output that stays', ['--leave-output-tensor']],
    ['one type for all', ['--pure']],
    [
      'other metadata',
      [
        ...['--override-kv', 'general.name=str:renamed', '--override-kv', 'case.count=int:7'],
        ...[
          '--override-kv',
          'case.share=float:0.25',
          '--override-kv',
          'tokenizer.ggml.add_eos_token=bool:true',
        ],
      ],
    ],
    ['all of them', () => ['--pure', '--imatrix', imatrix, '--tensor-type-file', typeFile]],
  ])('%s', async (_, options) => {
    await expectSame(F16, ['Q4_K_M', 'Q2_K'], typeof options === 'function' ? options() : options);
  });

  it.each(['F32', 'BF16'])('a source in %s', async (type) => {
    const path = scratch.path(`nano-phi3-${type}.gguf`);
    await ours('quantize', F16, type, '--out', path);
    await expectSame(path, ['Q8_0', 'Q4_K_M', 'IQ4_XS', 'F16', 'COPY']);
  });

  it('a source that is quantized already', async () => {
    await expectSame(nanoPath('Q8_0'), ['Q4_K_M', 'F16', 'COPY'], ['--allow-requantize']);
  });

  it('shards, as one file and kept', async () => {
    const [first = ''] = await writeShards(scratch.folder, readFileSync(F16), 3, 'nano-F16');
    await expectSame(first, ['Q4_K_M']);
    await expectSame(first, ['Q4_K_M'], ['--keep-split'], true);
  });

  it.skipIf(withoutRealModels !== null)(
    'real models, whose rows leave few types to choose from',
    async () => {
      for (const name of ['smollm2', 'gemma3'] as const) {
        const path = scratch.path(`${name}-F16.gguf`);
        await ours('quantize', realModel(name), 'F16', '--allow-requantize', '--out', path);
        await expectSame(path, ['Q8_0', 'Q4_0', 'Q4_K_M', 'Q2_K', 'COPY']);
      }
    },
    600_000,
  );
});
