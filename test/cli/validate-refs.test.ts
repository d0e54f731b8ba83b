import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ValidationReport } from '../../src/schema/validation.ts';
import { type CliResult, quantscope, scratchFolder } from '../helpers/cli.ts';
import { HubServer, noise, sha256 } from '../helpers/hub-server.ts';
import { nanoPath } from '../helpers/nano.ts';
import { shardFiles } from '../helpers/split.ts';

const REPO = 'maker/nano-GGUF';
const SHARDED = 'maker/sharded-GGUF';
const BROKEN = 'maker/broken-GGUF';
let server: HubServer;
let scratch: Awaited<ReturnType<typeof scratchFolder>>;

beforeEach(async () => {
  server = await HubServer.start();
  scratch = await scratchFolder();
  const content = async (path: string) => ({ content: await readFile(path) });
  server.repos.set(REPO, {
    files: {
      'nano.Q4_K_M.gguf': await content(nanoPath('Q4_K_M')),
      'nano-q2_k.gguf': await content(nanoPath('Q2_K')),
    },
  });
  server.repos.set(BROKEN, {
    files: { 'm-Q8_0.gguf': await content('fixtures/malformed/tensor.offset.gguf') },
  });
  const shards = shardFiles(await readFile(nanoPath('Q8_0')), 3, 'nano-Q8_0');
  server.repos.set(SHARDED, {
    files: Object.fromEntries([...shards].map(([name, bytes]) => [name, { content: bytes }])),
  });
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await scratch[Symbol.asyncDispose]();
});

const run = (args: readonly string[], env: Record<string, string> = {}) =>
  quantscope(args, {
    env: { HF_ENDPOINT: server.endpoint, HF_HOME: scratch.path('hf'), HF_HUB_CACHE: '', ...env },
  });
const validate = (...args: string[]) => run(['validate', ...args]);

const schema: object = JSON.parse(
  await readFile(new URL('../../schema/validation.json', import.meta.url), 'utf8'),
);
const matchesPublishedSchema = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);

function filesOf({ stdout, stderr }: CliResult): ValidationReport['files'] {
  expect(stderr).not.toMatch(/\n\s+at /);
  const report: ValidationReport = JSON.parse(stdout);
  expect(matchesPublishedSchema(report), JSON.stringify(matchesPublishedSchema.errors)).toBe(true);
  return report.files;
}

const rulesOf = (file: ValidationReport['files'][number] | undefined) =>
  file?.diagnostics.filter(({ severity }) => severity !== 'note').map(({ rule }) => rule);

describe('validate of a ref to the Hub', () => {
  it('judges the header without a download, and says that the content was not checked', async () => {
    const result = await validate(`hf:${REPO}:Q4_K_M`, '--json');
    const [file] = filesOf(result);
    expect(result.exitCode).toBe(0);
    expect(file).toMatchObject({
      ref: `hf:${REPO}:Q4_K_M`,
      verdict: 'ok',
      bytes: (await readFile(nanoPath('Q4_K_M'))).length,
      sha256: null,
      content: { status: 'unavailable', reason: expect.stringContaining('quantscope pull') },
    });
    expect(file?.diagnostics).toContainEqual(
      expect.objectContaining({
        rule: 'provenance/origin',
        message: `from ${REPO} at commit ${server.commitOf(REPO)}`,
      }),
    );
    expect(server.downloads.map(({ headers }) => headers.range)).toEqual(['bytes=0-262143']);
    expect(await readdir(scratch.folder)).toEqual([]);
    const { stdout } = await validate(`hf:${REPO}:Q4_K_M`);
    expect(stdout).toBe(
      `ok       hf:${REPO}:Q4_K_M  2.6 MiB, header only\n1 file, 1 ok\n` +
        'Content of 1 file not checked: the file is remote: quantscope pull, then validate, checks its content and\nhash.\n',
    );
    const junit = (await validate(`hf:${REPO}:Q4_K_M`, '--format', 'junit')).stdout;
    expect(junit).toMatch(/name="content">\n {6}<skipped message="the file is remote: /);
  });

  it('takes many refs of every kind in order, and one that fails stops no other', async () => {
    await writeFile(
      scratch.path('catalogue.json'),
      JSON.stringify({ tiny: { repo: REPO, quantizations: ['Q2_K'] } }),
    );
    await copyFile(nanoPath('Q2_K'), scratch.path('local.gguf'));
    const url = `${server.endpoint}/${REPO}/resolve/main/nano-q2_k.gguf`;
    const refs = [
      'tiny:Q4_K_M',
      scratch.path('local.gguf'),
      'hf:no/such:Q4_K_M',
      'nano:Q2_K',
      `hf:${BROKEN}`,
    ];
    const env = { QUANTSCOPE_CATALOGUE: scratch.path('catalogue.json') };
    const result = await run(
      ['validate', '--json', ...refs, `${server.cdnOrigin}/none.gguf`, url, 'tiny'],
      env,
    );
    expect(result.exitCode).toBe(1);
    const files = filesOf(result);
    expect(files.map(({ ref, verdict, content }) => [ref, verdict, content.status])).toEqual([
      [`hf:${REPO}:Q4_K_M`, 'ok', 'unavailable'],
      [scratch.path('local.gguf'), 'ok', 'checked'],
      ['hf:no/such:Q4_K_M', 'error', 'unavailable'],
      ['nano:Q2_K', 'ok', 'checked'],
      [`hf:${BROKEN}`, 'error', 'unavailable'],
      [`${server.cdnOrigin}/none.gguf`, 'error', 'unavailable'],
      // The address and the catalogue's name are one file.
      [`hf:${REPO}@main/nano-q2_k.gguf`, 'ok', 'unavailable'],
    ]);
    expect(files.map(rulesOf).slice(2, 6)).toEqual([
      ['file/unreadable'],
      [],
      ['tensor/offset'],
      ['file/unreadable'],
    ]);
    expect(files[2]?.diagnostics[0]?.message).toBe('hf:no/such: no such repository (401)');
    const listings = server.requests.filter(({ url: asked }) => asked.includes(`/models/${REPO}/tree/`));
    expect(listings).toHaveLength(1);
  });

  it('checks content and hash of what is in the cache', async () => {
    await run(['pull', `hf:${REPO}:Q4_K_M`, '--quiet']);
    server.requests.length = 0;
    const [file] = filesOf(await validate(`hf:${REPO}:Q4_K_M`, '--json'));
    expect(file).toMatchObject({
      ref: `hf:${REPO}:Q4_K_M`,
      sha256: sha256(await readFile(nanoPath('Q4_K_M'))),
      content: { status: 'checked' },
    });
    expect(server.downloads).toEqual([]);
  });

  it('reports a Hub that cannot be reached, and a ref that is not in the cache when offline', async () => {
    const offline = await run(['validate', 'nano:Q2_K', `hf:${REPO}:Q4_K_M`, '--json'], {
      HF_HUB_OFFLINE: '1',
    });
    expect(offline.exitCode).toBe(1);
    expect(filesOf(offline).map(rulesOf)).toEqual([[], ['file/unreadable']]);
    expect(server.requests).toEqual([]);
  });

  it('compares the stated hash and size with what was asked for and what is served', async () => {
    const stated = sha256(await readFile(nanoPath('Q2_K')));
    const ref = `hf:${REPO}:Q2_K`;
    expect((await validate(ref, '--sha256', stated)).exitCode).toBe(0);
    const wrong = filesOf(await validate(ref, '--sha256', 'a'.repeat(64), '--json'));
    expect(wrong[0]?.diagnostics[0]).toMatchObject({
      rule: 'content/sha256',
      message: `the Hub states SHA-256 ${stated}, expected ${'a'.repeat(64)}`,
    });
    const policy = (...known: string[]) =>
      writeFile(scratch.path('policy.json'), JSON.stringify({ sha256: known }));
    await policy(stated);
    expect((await validate(ref, '--policy', scratch.path('policy.json'))).exitCode).toBe(0);
    await policy('b'.repeat(64));
    expect((await validate(ref, '--policy', scratch.path('policy.json'))).stdout).toMatch(
      /policy\/sha256 +the SHA-256 that the Hub states/,
    );
    server.swapped.set(stated, Buffer.concat([await readFile(nanoPath('Q2_K')), noise(64)]));
    const grown = filesOf(await validate(ref, '--json'));
    expect(rulesOf(grown[0])).toEqual(['provenance/size', 'data/trailing']);
  });

  it('refuses what needs the whole file, and names the command that brings it', async () => {
    for (const option of [['--load'], ['--manifest', 'check']]) {
      const { exitCode, stdout, stderr } = await validate('nano:Q2_K', `hf:${REPO}:Q2_K`, ...option);
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr).toMatch(/^error: --\w+.* needs the whole file, and hf:.*\nhint: .*quantscope pull hf:/);
    }
    const url = `${server.cdnOrigin}/${sha256(await readFile(nanoPath('Q2_K')))}`;
    const byUrl = await validate(url, '--sha256', 'a'.repeat(64));
    expect(byUrl.exitCode).toBe(2);
    expect(byUrl.stderr).toMatch(/^error: --sha256 needs the whole file/);
    await writeFile(scratch.path('policy.json'), JSON.stringify({ sha256: ['a'.repeat(64)] }));
    const unknown = await validate(`${url}?link=1`, '--policy', scratch.path('policy.json'));
    expect(unknown.exitCode).toBe(1);
    expect(unknown.stdout).toMatch(/policy\/sha256 +the SHA-256 is not known/);
  });

  it('judges the shards of a model as a set, and says which is missing', async () => {
    const sound = await validate(`hf:${SHARDED}`, '--json');
    expect(sound.exitCode).toBe(0);
    expect(filesOf(sound).map(({ ref }) => ref)).toEqual(
      [1, 2, 3].map((number) => `hf:${SHARDED}/nano-Q8_0-0000${number}-of-00003.gguf`),
    );
    expect(server.downloads).toHaveLength(3);
    const { files } = server.repos.get(SHARDED) ?? { files: {} };
    const second = sha256(files['nano-Q8_0-00002-of-00003.gguf']?.content ?? noise(0));
    // Another shard's bytes under the name of the second.
    server.swapped.set(second, files['nano-Q8_0-00001-of-00003.gguf']?.content ?? noise(0));
    const mixed = filesOf(await validate(`hf:${SHARDED}`, '--json'));
    expect(rulesOf(mixed[0])).toContain('shard/count');
    expect(rulesOf(mixed[1])).toContain('provenance/size');
  });

  it('splits the refs among jobs as the environment says', async () => {
    const refs = ['nano:Q2_K', `hf:${REPO}:Q4_K_M`, 'nano:Q8_0'];
    const share = async (env: Record<string, string>, shard: string) =>
      filesOf(await run(['validate', '--json', '--no-content', '--shard', shard, ...refs], env)).map(
        ({ ref }) => ref,
      );
    expect(await share({ QUANTSCOPE_SHARD: '1/2' }, 'auto')).toEqual(['nano:Q2_K', 'nano:Q8_0']);
    expect(await share({ JOB_COMPLETION_INDEX: '1' }, 'auto/2')).toEqual([`hf:${REPO}:Q4_K_M`]);
    expect(await share({}, '4/4')).toEqual([]);
    const unknown = await validate('nano:Q2_K', '--shard', 'auto');
    expect(unknown.exitCode).toBe(2);
    expect(unknown.stderr).toMatch(/^error: --shard auto: .*\nhint: Set QUANTSCOPE_SHARD/);
  });
});

describe.runIf(process.platform === 'linux')('validate of files with hostile names', () => {
  const NAME = 'a\n::error::b,c:<d>&"\u001B[31m%0A.gguf';

  it.each(['text', 'json', 'ndjson', 'junit', 'sarif', 'github'])(
    'as %s stays what it is',
    async (format) => {
      await copyFile('fixtures/malformed/tensor.offset.gguf', scratch.path(NAME));
      const { exitCode, stdout } = await validate(scratch.path(NAME), '--format', format);
      expect(exitCode).toBe(1);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is what is tested.
      expect(stdout).not.toMatch(/[\u0000-\u0009\u000B-\u001F]/);
      if (format === 'github') expect(stdout.trimEnd().split('\n')).toHaveLength(1);
      if (['json', 'ndjson', 'sarif'].includes(format)) expect(() => JSON.parse(stdout)).not.toThrow();
      if (format === 'junit') expect(stdout).toMatch(/&#10;::error::b,c:&lt;d&gt;&amp;&quot;/);
      await rm(scratch.path(NAME));
    },
  );
});
