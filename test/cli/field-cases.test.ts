import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ValidationReport } from '../../src/schema/validation.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { fieldCase, withoutFieldCases } from '../helpers/field-cases.ts';
import { nanoFolder, nanoPath } from '../helpers/nano.ts';

/** What validate says of files that people had, beside its notes: rule and message, or nothing. */
const FOUND: Readonly<Record<string, readonly [rule: string, message: RegExp][]>> = {
  'c13d-turn-markers-normal': [
    [
      'template/marker-type',
      /"<start_of_turn>" \(token 286\), "<end_of_turn>" \(token 287\), of type normal/,
    ],
  ],
  'c13e-turn-markers-control': [],
  'c12-turn-end-not-eog': [
    [
      'template/turn-end',
      /"<\|turn_end\|>" \(token 258\), and replies end at "<\|endofdoc\|>" \(token 256\)/,
    ],
  ],
  'c13-eot-is-turn-start': [['template/turn-start-ends', /EOT is token 257 "<\|im_start\|>"/]],
  'c32e-no-generation-prompt': [['template/generation-prompt', /add_generation_prompt changes nothing/]],
  'c32a-no-system': [],
  'c32f-go-template': [['template/parse', /a Go template of Ollama’s, not Jinja/]],
  'c17-no-bos-key': [],
  'c31-padded-vocab': [],
  'c22-lora-adapter': [],
  'c23-mmproj': [],
  'c24b-imatrix-ok': [],
  cvec: [],
  'c19-ollama-gptoss': [['file/layout', /architecture gptoss; llama.cpp calls it gpt-oss/]],
  'c19b-vision-inside': [['file/layout', /with its projector inside \(tensor v\.patch_embedding\.weight\)/]],
  'c21-joined-with-cat': [['file/joined', /another GGUF header follows at byte 113376/]],
  'c30c-moe-expert2-zero': [
    ['content/zero-expert', /"blk\.1\.ffn_down_exps\.weight": the slice of expert 2 is all zero/],
  ],
  'c40b-hole-inside-one-tensor': [['content/hole', /"output\.weight": 256000 bytes in a row are zero/]],
  'c10-phi3-128k-no-factors': [
    [
      'architecture/rope-factors',
      /trained for 4096 tokens and stretched to 131072, without rope_factors_long/,
    ],
  ],
  'c10c-phi3-128k-ok': [],
  'phi3-lr768': [],
  'c44-yarn-no-original': [
    [
      'architecture/rope-original',
      /YaRN by 4, and .*original_context_length is absent: llama\.cpp takes 131072/,
    ],
  ],
  'c52-filetype-99': [
    ['provenance/file-type', /general\.file_type is 99, which llama\.cpp v0\.5\.0 does not know/],
  ],
  'c52c-filetype-removed-33': [
    ['provenance/file-type', /general\.file_type is 33, Q4_0_4_4, which was removed/],
  ],
  'c26-ik-iq4_k': [['tensor/type-unknown', /type 139 is IQ4_K of ik_llama\.cpp, a fork/]],
};

/** What a file that is no model is, in the words of every command. */
const KINDS = {
  'c22-lora-adapter': 'a LoRA adapter for a model of the architecture llama',
  'c23-mmproj': 'a projector (mmproj) for images of type mlp',
  'c24b-imatrix-ok': 'an importance matrix from calib.txt',
  cvec: 'a control vector for a model of the architecture phi3, of 3 layers',
} as const;

describe.skipIf(withoutFieldCases !== null)('validate on files from the field', () => {
  let report: ValidationReport;
  beforeAll(async () => {
    await using scratch = await scratchFolder();
    const paths = Object.keys(FOUND).map((name) => scratch.path(`${name}.gguf`));
    for (const name of Object.keys(FOUND)) await writeFile(scratch.path(`${name}.gguf`), fieldCase(name));
    const { stdout } = await quantscope(['validate', '--json', ...paths]);
    report = JSON.parse(stdout);
  });
  const findings = (name: string) =>
    report.files.find(({ ref }) => ref.endsWith(`${name}.gguf`))?.diagnostics ?? [];

  for (const [name, expected] of Object.entries(FOUND)) {
    it(`${name}: ${expected.map(([rule]) => rule).join(', ') || 'nothing'}`, () => {
      const found = findings(name).filter(({ severity }) => severity !== 'note');
      expect(found.map(({ rule }) => rule)).toEqual(expected.map(([rule]) => rule));
      for (const [index, [, message]] of expected.entries()) expect(found[index]?.message).toMatch(message);
    });
  }

  it('c32a-no-system: a note says that the template takes no system message', () => {
    expect(findings('c32a-no-system')).toContainEqual(
      expect.objectContaining({
        rule: 'template/system',
        severity: 'note',
        message: expect.stringContaining('takes no system message: System role not supported'),
      }),
    );
  });

  for (const [name, what] of Object.entries(KINDS)) {
    it(`${name}: is ${what}, for validate, inspect and the commands that take models`, async () => {
      expect(findings(name)).toContainEqual(
        expect.objectContaining({ rule: 'file/kind', severity: 'note', message: `this is ${what}` }),
      );
      await using scratch = await scratchFolder();
      const path = scratch.path(`${name}.gguf`);
      await writeFile(path, fieldCase(name));
      const inspected = await quantscope(['inspect', '--json', path]);
      expect(JSON.parse(inspected.stdout).identity.what).toBe(what);
      for (const command of [
        ['run', path, 'hello'],
        ['fit', path, '--device', 'galaxy-s23'],
        ['kit', path],
        ['compare', path],
      ]) {
        const { exitCode, stderr } = await quantscope(command);
        expect(stderr, command[0]).toContain(`error: ${name}.gguf is ${what}, not a model`);
        expect(exitCode).toBe(2);
      }
    });
  }

  it('a folder with companions stands for its model', async () => {
    await using scratch = await scratchFolder();
    for (const name of ['tiny-F16', 'tiny-calibration', 'tiny-vision-F16'])
      await writeFile(scratch.path(`${name}.gguf`), fieldCase(`repo2--${name}`));
    const { stdout, exitCode } = await quantscope(['inspect', '--json', scratch.path('.')]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).model.name).toBe('Phi-3.5 mini tiny');
  });

  it.each([
    [1, 2],
    [2, 1],
  ])('shard %i of 2 without the other is an error', async (number, absent) => {
    await using scratch = await scratchFolder();
    const bytes = fieldCase('c21-joined-with-cat');
    const part = number === 1 ? bytes.subarray(0, 113_376) : bytes.subarray(113_376);
    const path = scratch.path(`m-0000${number}-of-00002.gguf`);
    await writeFile(path, part);
    const { stdout, exitCode } = await quantscope(['validate', '--json', '--severity', 'error', path]);
    expect(JSON.parse(stdout).files[0].diagnostics).toEqual([
      expect.objectContaining({
        rule: 'shard/missing',
        message: `1 of 2 shards are absent: m-0000${absent}-of-00002.gguf`,
      }),
    ]);
    expect(exitCode).toBe(1);
  });

  describe('a model with heads of 80', () => {
    let scratch: Awaited<ReturnType<typeof scratchFolder>>;
    let path = '';
    beforeAll(async () => {
      scratch = await scratchFolder();
      path = scratch.path('head80.gguf');
      await writeFile(path, fieldCase('head80'));
    });
    afterAll(() => scratch[Symbol.asyncDispose]());

    it('is refused a cache of blocks by fit and kit, in the same words', async () => {
      const asked = [path, '-d', 'galaxy-s23', '--cache-type', 'q8_0'];
      const { stdout } = await quantscope(['fit', ...asked]);
      const refused = 'llama.cpp refuses a q8_0 cache for heads of 80';
      expect(stdout).toContain(`  ${refused}`);
      expect(stdout.replaceAll(/\s+/g, ' ')).toContain(`→ F32 as asked: ${refused}`);
      const kit = await quantscope(['kit', ...asked, '-o', scratch.path('kit'), '-t', '1']);
      expect(kit.exitCode).toBe(2);
      expect(kit.stderr).toContain(refused);
      expect(kit.stderr).toContain('hint: Leave --cache-type out');
    });

    it('has no estimates of such a cache', async () => {
      const inspected = await quantscope(['inspect', path]);
      expect(inspected.stdout).toMatch(/^ +512 tokens .* refused +refused +refused +refused$/m);
      const { stdout } = await quantscope(
        ['context', path, '--no-accuracy', '-t', '1', '--sizes', '512,1024', '--json', '--gpu', 'off'],
        { cwd: scratch.folder },
      );
      const { rows, cacheTypes } = JSON.parse(stdout);
      for (const { cacheType, estimated, measured } of rows) {
        expect([estimated.status, measured.status]).toEqual(
          cacheType === 'f16' ? [undefined, undefined] : ['unavailable', 'unavailable'],
        );
        if (cacheType !== 'f16') expect(estimated.reason).toContain('n_embd_head_k=80');
      }
      for (const { cacheType, largest } of cacheTypes)
        expect(largest.status).toBe(cacheType === 'f16' ? undefined : 'unavailable');
    });
  });

  describe('a model whose context was stretched by factors from 768 tokens', () => {
    let scratch: Awaited<ReturnType<typeof scratchFolder>>;
    let path = '';
    beforeAll(async () => {
      scratch = await scratchFolder();
      path = scratch.path('stretched.gguf');
      await writeFile(path, fieldCase('phi3-lr768'));
    });
    afterAll(() => scratch[Symbol.asyncDispose]());

    it('inspect shows where from, and which factors a context gets', async () => {
      const { stdout } = await quantscope(['inspect', path, '--json']);
      expect(JSON.parse(stdout).model.rope).toEqual({
        scaling: null,
        factor: null,
        originalContextLength: 768,
        unstretched: 768,
      });
    });

    it.each([
      ['run', ['hello', '-n', '1'], 1024],
      ['eval', ['--chunks', '2', '--text', nanoPath('text')], 1024],
      ['compare', ['--chunks', '2', '--text', nanoPath('text'), '--only', 'accuracy'], 1024],
      ['eval', ['--chunks', '2', '--text', nanoPath('text')], 768],
    ])('%s %s says it of a context of %i tokens', async (command, args, contextSize) => {
      const given = [command, path, ...args, '--context', String(contextSize), '-t', '1', '--gpu', 'off'];
      const { stderr } = await quantscope(given, { cwd: scratch.folder });
      const isLong = /beyond the 768 of the first training: all of its positions get the long rope/.test(
        stderr,
      );
      expect(isLong).toBe(contextSize > 768);
    });

    it.each([
      [1024, true],
      [768, false],
    ])('fit says it of a context of %i tokens: %s', async (contextSize, isLong) => {
      const { stdout } = await quantscope(['fit', path, '-d', 'galaxy-s23', '-c', String(contextSize)]);
      expect(/every\s+position\s+gets\s+the\s+long\s+rope/.test(stdout)).toBe(isLong);
    });

    it('context measures accuracy at the size that it advises, and keeps to what is sound', async () => {
      const { stdout } = await quantscope(
        [
          'context',
          path,
          '--json',
          '-t',
          '1',
          '--gpu',
          'off',
          '-n',
          '2',
          '--chunks',
          '2',
          '--memory',
          '1GB',
        ].concat([
          ...['--sizes', '512', '--cache-types', 'f16', '--text', nanoPath('text')],
          ...['--out', scratch.path('context.json')],
        ]),
      );
      const { stretched, recommendation, cacheTypes } = JSON.parse(stdout);
      expect(stretched).toMatchObject({ contextSize: 2048, unstretched: 768 });
      expect(cacheTypes[0].accuracy.perplexity).toBeCloseTo(5.54, 1);
      expect(stretched.perplexity).toBeCloseTo(19.6, 0);
      expect(recommendation.contextSize).toBe(768);
    });
  });

  it('a renamed Phi-3 has the same weights and other tokens, say diff and compare', async () => {
    await using scratch = await scratchFolder();
    const [own, renamed] = [nanoPath('Q2_K'), scratch.path('renamed.gguf')];
    await quantscope(['validate', own, '--fix', renamed, '--set', 'general.name=Tiny', '-q']);
    const { stdout } = await quantscope(['diff', own, renamed, '--json']);
    const { tokenization, weights } = JSON.parse(stdout);
    expect(weights.identical).toBe(27);
    expect(tokenization).toEqual(['name']);
    const same = JSON.parse(
      (await quantscope(['diff', own, nanoPath('F16'), '--json', '--metadata-only'])).stdout,
    );
    expect(same.tokenization).toEqual([]);
    const [task = ''] = (await readFile(join(nanoFolder, 'tasks.jsonl'), 'utf8')).split('\n');
    await writeFile(scratch.path('task.jsonl'), task);
    const small = [
      '--only',
      'accuracy',
      '--chunks',
      '2',
      '--text',
      nanoPath('text'),
      '-t',
      '1',
      '--gpu',
      'off',
    ];
    const compared = await quantscope(
      ['compare', own, renamed, ...small, '--tasks', scratch.path('task.jsonl')],
      { cwd: scratch.folder },
    );
    expect(compared.stderr).toMatch(
      /^note: by the general\.name of \S*Q2_K\S* llama\.cpp makes special tokens swallow .*, and by that of \S*renamed\S* not/m,
    );
  });
});
