import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { CardCheck } from '../../src/schema/card-check.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { HubServer } from '../helpers/hub-server.ts';
import { nanoPath } from '../helpers/nano.ts';
import { writeSparsePhi3 } from '../helpers/phi3-file.ts';
import { publishedSchema } from '../helpers/published-schema.ts';
import { nanoResults } from '../helpers/results.ts';

const PHI3 = 'Phi-3-mini-4k-instruct-Q4_K_M.gguf';
const PUBLISHED = '../shared/data/phi3-q4km-card.md';

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
let server: HubServer;

const run = (...args: string[]) =>
  quantscope(['card', ...args], {
    cwd: scratch.folder,
    env: { HF_ENDPOINT: server.endpoint, HF_HOME: scratch.path('hf'), HF_HUB_CACHE: '' },
  });
const jsonOf = async (...args: string[]): Promise<{ exitCode: number | null; check: CardCheck }> => {
  const { exitCode, stdout, stderr } = await run('check', ...args, '--json');
  expect(stderr).toBe('');
  return { exitCode, check: JSON.parse(stdout) };
};
const falseOnes = ({ claims }: CardCheck) =>
  claims.filter(({ verdict }) => verdict === 'false').map(({ line, says, actual }) => [line, says, actual]);

beforeAll(async () => {
  scratch = await scratchFolder();
  server = await HubServer.start();
  await writeSparsePhi3(scratch.path(PHI3));
  const results = nanoResults();
  const variants = results.variants.map((variant) => ({ ...variant, ref: `nano:${variant.name}` }));
  await writeFile(scratch.path('results.json'), JSON.stringify({ ...results, variants }));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await scratch[Symbol.asyncDispose]();
});

describe('card', () => {
  it('writes down how the file was made, as far as the file says', async () => {
    const text = nanoPath('text');
    await quantscope([
      'imatrix',
      nanoPath('F16'),
      '--text',
      text,
      '--chunks',
      '2',
      '--out',
      scratch.path('i.gguf'),
    ]);
    const marks = [
      '--override-kv',
      'quantscope.mix=str:quantscope 1.0',
      '--override-kv',
      'quantscope.mix.goal=str:2 MB',
    ];
    for (const [name, more] of [
      ['stock', []],
      ['mix', marks],
    ] as const) {
      const options = ['--imatrix', scratch.path('i.gguf'), ...more, '--out', scratch.path(`${name}.gguf`)];
      expect((await quantscope(['quantize', nanoPath('F16'), 'Q4_K_M', ...options])).exitCode).toBe(0);
    }
    const { stdout: stock } = await run('stock.gguf');
    expect(stock).toContain('| Recipe | Q4_K_M<sup>r</sup> |');
    expect(stock).toMatch(/\| made from \| .*text\.txt<sup>r<\/sup> \|/);
    expect(stock).toContain('| chunks of it | 2<sup>r</sup> |');
    const { stdout: mix } = await run('mix.gguf', '--out', 'MIX.md', '--force').then(() => run('mix.gguf'));
    expect(mix).toContain('| Based on | Q4_K_M<sup>r</sup> |');
    expect(mix).toContain('| quantscope.mix.goal | 2 MB<sup>r</sup> |');
    const { check } = await jsonOf('MIX.md', '--model', 'mix.gguf');
    expect(falseOnes(check)).toEqual([]);
  });

  it.each([PHI3, 'nano:Q4_K_M', 'nano:F16'])('of %s holds no claim that its file denies', async (ref) => {
    const written = await run(ref, '--out', 'CARD.md', '--force');
    expect([written.exitCode, written.stderr]).toEqual([0, 'The card is in CARD.md\n']);
    const { exitCode, check } = await jsonOf('CARD.md', '--model', ref);
    expect(falseOnes(check)).toEqual([]);
    expect(check.contradictions).toEqual([]);
    expect(exitCode).toBe(0);
    const held = new Set(check.claims.filter(({ verdict }) => verdict === 'true').map(({ kind }) => kind));
    for (const kind of [
      'file-size',
      'original-size',
      'size-reduction',
      'parameters',
      'quantization',
      'bits-per-weight',
      'context-length',
      'layers',
      'tensor-type',
      'tensor-bits',
      'kv-memory',
      'memory',
    ]) {
      expect(held, kind).toContain(kind);
    }
  });

  it('has a head that YAML readers take, and every figure marked', async () => {
    const { stdout } = await run(PHI3);
    const [, head = '', body = ''] = /^---\n(.*?)\n---\n(.*)$/s.exec(stdout) ?? [];
    expect(parse(head)).toEqual({
      license: 'mit',
      library_name: 'gguf',
      pipeline_tag: 'text-generation',
      tags: ['gguf', 'Q4_K_M'],
    });
    expect(body).toContain('| Parameters | 3,821,079,552<sup>r</sup> |');
    expect(body).toContain('| Original size (FP16) | 7.64 GB (7.12 GiB)<sup>e</sup> |');
    expect(body).toMatch(/iPhone 13 \|.*metal [\d.]+ \([\d.]+ to [\d.]+\)<sup>p<\/sup>/);
    expect(body).toMatch(/POCO F8 Ultra \|.*cpu [\d.]+ \([\d.]+ to [\d.]+\)<sup>m<\/sup>/);
    expect(body).not.toContain(scratch.folder);
    const tables = body.split('\n').filter((line) => /^\| .*\d/.test(line) && !line.startsWith('| Phone '));
    for (const row of tables.filter((line) => /\d GB|\d MB|\d tokens/.test(line)))
      expect(row).toMatch(/<sup>[rmep]</);
  });

  it('tells the phones that were asked for, and the memory of a context', async () => {
    const { stdout } = await run(PHI3, '--device', 'iphone-15-pro', '--context', '1024');
    expect(stdout).toMatch(/\| iPhone 15 Pro \| (?:fits|tight|does not fit): [\d.]+ GB of [\d.]+ GB/);
    expect(stdout).not.toContain('Galaxy');
    expect(stdout).toContain('| 1,024 tokens, f16 |');
    const unknown = await run(PHI3, '--device', 'iphone-99');
    expect([unknown.exitCode, unknown.stdout]).toEqual([2, '']);
    expect(unknown.stderr).toMatch(/^error: .*iphone-99/);
  });

  it('of a family is of its Q4_K_M, with the others as alternatives', async () => {
    const { exitCode, stdout, stderr } = await run('nano');
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^nano stands for 4 models: the card is of its Q4_K_M\. .*quantscope card nano:/);
    expect(stdout).toContain('# Nano Phi-3 (Q4_K_M)');
    const rows = stdout.slice(stdout.indexOf('## Alternatives')).match(/^\| (?:Q\d|F)\S+/gm);
    expect(rows).toEqual(['| Q2_K', '| Q4_K_M', '| Q8_0', '| F16']);
    const quiet = await run('nano', '--quiet');
    expect([quiet.stderr, quiet.stdout]).toEqual(['', stdout]);
    const other = await run('nano:Q8_0');
    expect([other.exitCode, other.stderr]).toEqual([0, '']);
    expect(other.stdout).toContain('Q8_0 (this file)');
  });

  it('of a folder wants one model with a Q4_K_M, or the file named', async () => {
    await mkdir(scratch.path('one'));
    for (const label of ['Q2_K', 'Q4_K_M'])
      await copyFile(nanoPath(label), scratch.path(`one/${label}.gguf`));
    const one = await run('one');
    expect(one.stdout).toContain('# Nano Phi-3 (Q4_K_M)');
    expect(one.stdout).toContain('| Q2_K | 1.8 MB');
    await mkdir(scratch.path('none'));
    for (const label of ['Q2_K', 'Q8_0']) await copyFile(nanoPath(label), scratch.path(`none/${label}.gguf`));
    const none = await run('none');
    expect([none.exitCode, none.stdout]).toEqual([2, '']);
    expect(none.stderr).toMatch(/^error: none stands for 2 models.*\nhint: .*Q8_0\.gguf/);
    await copyFile(nanoPath('Q4_K_M'), scratch.path('none/a-Q4_K_M.gguf'));
    await writeSparsePhi3(scratch.path('none/phi3.gguf'));
    expect((await run('none')).stderr).toContain('none stands for 4 models, expected one');
  });

  it('of a repository reads one header, and its alternatives from the listing', async () => {
    const content = async (label: string) => ({ content: await readFile(nanoPath(label)) });
    server.repos.set('maker/nano-GGUF', {
      files: { 'nano-Q4_K_M.gguf': await content('Q4_K_M'), 'nano-Q2_K.gguf': await content('Q2_K') },
    });
    const { exitCode, stdout } = await run('hf:maker/nano-GGUF');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('| Q2_K | 1.8 MB (1.7 MiB)<sup>r</sup> |');
    expect(new Set(server.downloads.map(({ url }) => url)).size).toBe(1);
    for (const { headers } of server.downloads) expect(headers.range).toBeDefined();
    expect((await run('hf:maker/nothing')).exitCode).toBe(2);
  });

  it('of results is of the recommended variant, with what was measured', async () => {
    const { exitCode, stdout } = await run('results.json', '--out', 'measured.md');
    expect([exitCode, stdout]).toEqual([0, '']);
    const card = await readFile(scratch.path('measured.md'), 'utf8');
    expect(card).toContain('# Nano Phi-3 (Q4_K_M)');
    expect(card).toMatch(/\| Mean KL divergence \| [\d.]+ ± [\d.]+ nats<sup>m<\/sup> \|/);
    expect(card).toMatch(/\| Q2_K \|.*<sup>m<\/sup> \|/);
    const checked = await jsonOf('measured.md', '--model', 'nano:Q4_K_M', '--results', 'results.json');
    expect(falseOnes(checked.check)).toEqual([]);
    const measured = checked.check.claims.filter(
      ({ basis, verdict }) => basis === 'measured' && verdict === 'true',
    );
    expect(measured.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['perplexity', 'divergence', 'file-size']),
    );
    const again = await run('results.json', '--out', 'measured.md');
    expect([again.exitCode, again.stderr]).toEqual([
      2,
      'error: measured.md is there already\nhint: Name another file with --out, or replace it with --force.\n',
    ]);
  });

  it.each([
    [['missing.gguf'], 'missing.gguf: no such file or folder'],
    [['missing.json'], 'missing.json cannot be read'],
    [['results.json', '--results', 'results.json'], 'are both results'],
    [[PHI3, '--results', 'results.json'], 'the results have no variant of 2396835072 bytes'],
    [['nano', '--out', 'no/such/folder.md'], 'no/such/folder.md cannot be written'],
    [['nano:Q5_K_M'], 'Q5_K_M'],
    [['nano', '--context', '0'], 'context'],
  ])('refuses %j in one error', async (args, message) => {
    const { exitCode, stdout, stderr } = await run(...args);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^error: /m);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});

describe('card check', () => {
  const CARD =
    '# Phi-3-mini (Q4_K_M)\n\n- Size: 1.5 GB\n- File size: 2.4 GB\n- Layers: 32\n- Speed: 3x faster\n';

  it('says as text, Markdown, JSON and annotations what is wrong and where', async () => {
    await writeFile(scratch.path('wrong.md'), CARD);
    const text = await run('check', 'wrong.md', '--model', PHI3);
    expect([text.exitCode, text.stderr]).toEqual([1, '']);
    expect(text.stdout).toContain('6 claims: 4 true, 1 false, 1 not checkable, 1 contradiction');
    expect(text.stdout).toContain('2 values for one file size: 1.5 GB in line 3; 2.4 GB in line 4');
    expect(text.stdout).toContain('is 2.40 GB (2.23 GiB), read: the file has 2,396,835,072 bytes');
    for (const line of text.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    const markdown = await run('check', 'wrong.md', '--model', PHI3, '--md');
    expect(markdown.stdout).toMatch(/^\| 3 \| Size: 1\.5 GB \| file size \| \*\*✗ false\*\* \| 2\.40 GB/m);
    const github = await run('check', 'wrong.md', '--model', PHI3, '--github');
    expect(github.stdout.split('\n').map((line) => line.slice(0, 29))).toEqual([
      '::error file=wrong.md,line=3,',
      '::error file=wrong.md,line=3,',
      '',
    ]);
    const { exitCode, check } = await jsonOf('wrong.md', '--model', PHI3);
    expect(exitCode).toBe(1);
    expect(falseOnes(check)).toEqual([[3, '1.5 GB', '2.40 GB (2.23 GiB)']]);
    const published = JSON.parse(await readFile('schema/card-check.json', 'utf8'));
    expect(published).toEqual(publishedSchema('card-check'));
    const validate = new Ajv2020({ strict: false }).compile(published);
    expect(validate(check), JSON.stringify(validate.errors)).toBe(true);
  });

  it('prints no annotation and exits with 0 where the card is right', async () => {
    await writeFile(scratch.path('right.md'), '# Phi-3-mini\n\nIt has 32 layers.\n');
    const { exitCode, stdout, stderr } = await run('check', 'right.md', '--model', PHI3, '--github');
    expect([exitCode, stdout, stderr]).toEqual([0, '', '']);
  });

  it('finds contradictions without a model', async () => {
    await writeFile(scratch.path('wrong.md'), CARD);
    const { exitCode, check } = await jsonOf('wrong.md');
    expect(exitCode).toBe(1);
    expect(check).toMatchObject({ model: null, verdict: 'wrong', counts: { false: 0 } });
  });

  it.each([
    ['empty.md', Buffer.from(' \n'), 'empty.md is empty'],
    ['binary.md', Buffer.from([35, 32, 0, 7]), 'binary.md is no text: byte 2 is zero'],
    ['latin1.md', Buffer.from('# Größe', 'latin1'), 'latin1.md is not UTF-8'],
    ['huge.md', Buffer.alloc(300_000, 'a '), 'huge.md has 300,000 bytes, expected a card of at most 262,144'],
    ['missing.md', null, 'missing.md cannot be read'],
    ['.', null, '. cannot be read'],
  ])('refuses %s in one error', async (name, content, message) => {
    if (content !== null) await writeFile(scratch.path(name), content);
    const { exitCode, stdout, stderr } = await run('check', name, '--model', PHI3);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`error: ${message}`);
    expect(stderr.trimEnd().split('\n')).toHaveLength(2);
  });

  it.each([
    [['--results', 'results.json'], '--results is given without the model'],
    [['--model', 'nano'], 'nano stands for 4 models'],
    [['--model', 'missing.gguf'], 'missing.gguf'],
    [['--json', '--md'], "cannot be used with option '--md'"],
  ])('refuses %j', async (args, message) => {
    await writeFile(scratch.path('right.md'), '# Phi-3-mini\n');
    const { exitCode, stdout, stderr } = await run('check', 'right.md', ...args);
    expect(exitCode).toBe(2);
    if (args.includes('--json')) expect(JSON.parse(stdout).error.code).toBe('usage/arguments');
    else expect(stdout).toBe('');
    expect(stderr).toContain(message);
  });

  it.skipIf(!existsSync(PUBLISHED))(
    `finds what is wrong on a published card (needs ${PUBLISHED})`,
    async () => {
      const { exitCode, check } = await jsonOf(resolve(PUBLISHED), '--model', PHI3);
      expect(exitCode).toBe(1);
      expect(falseOnes(check)).toEqual([
        [17, '71%', '68.6 %'],
        [31, '6-bit for attention', '5.27 bits: 63 % Q4_K, 38 % Q6_K'],
        [34, '80%', '68.6 %'],
        [34, '1.5GB', '2.40 GB (2.23 GiB)'],
        [95, '1.5GB', '2.40 GB (2.23 GiB)'],
        [119, '1.5GB', '2.40 GB (2.23 GiB)'],
        [172, '800MB', 'at least 1.26 GB (1.17 GiB)'],
      ]);
      expect(check.counts.true).toBeGreaterThanOrEqual(15);
    },
  );

  it('and card tell by example how they are used', async () => {
    for (const args of [['--help'], ['check', '--help']]) {
      const { exitCode, stdout } = await run(...args);
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/Examples:\n {2}quantscope card/);
      expect(stdout).toContain('Exit code: 0');
    }
  });
});
