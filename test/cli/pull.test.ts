import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PullReport } from '../../src/schema/hub.ts';
import { BIN, type CliResult, quantscope, scratchFolder } from '../helpers/cli.ts';
import { FileServer } from '../helpers/file-server.ts';
import { HubServer, noise, sha256 } from '../helpers/hub-server.ts';
import { nanoPath } from '../helpers/nano.ts';

const REPO = 'maker/nano-GGUF';

let server: HubServer;
let scratch: Awaited<ReturnType<typeof scratchFolder>>;

beforeEach(async () => {
  server = await HubServer.start();
  scratch = await scratchFolder();
  const files = await Promise.all(
    ['Q2_K', 'Q4_K_M', 'Q8_0'].map(
      async (name) => [`nano-${name}.gguf`, { content: await readFile(nanoPath(name)) }] as const,
    ),
  );
  server.repos.set(REPO, {
    files: { ...Object.fromEntries(files), 'README.md': { content: Buffer.from('# nano\n'), lfs: false } },
  });
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await scratch[Symbol.asyncDispose]();
});

function run(args: readonly string[], env: Record<string, string> = {}): Promise<CliResult> {
  return quantscope(args, {
    env: {
      HF_ENDPOINT: server.endpoint,
      HF_HOME: scratch.path('hf'),
      HF_TOKEN: 'hf_secret',
      HF_HUB_CACHE: '',
      XDG_CACHE_HOME: scratch.path('cache'),
      XDG_CONFIG_HOME: scratch.path('config'),
      ...env,
    },
  });
}

const cacheRoot = () => scratch.path('hf/hub/models--maker--nano-GGUF');

describe('pull', () => {
  it('prints the path of the verified file and nothing else on stdout', async () => {
    const { exitCode, stdout, stderr } = await run(['pull', `hf:${REPO}:q4_k_m`]);
    expect(stderr).toContain('verified');
    expect(exitCode).toBe(0);
    const path = stdout.trim();
    expect(path).toBe(join(cacheRoot(), 'snapshots', server.commitOf(REPO), 'nano-Q4_K_M.gguf'));
    expect((await readFile(path)).equals(await readFile(nanoPath('Q4_K_M')))).toBe(true);
    expect(await readlink(path)).toMatch(/^\.\.\/\.\.\/blobs\/[0-9a-f]{64}$/);
  });

  it('says in a dry run what it would do, and does nothing', async () => {
    const { exitCode, stdout } = await run(['pull', `hf:${REPO}:Q2_K`, `hf:${REPO}:Q8_0`, '--dry-run']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/absent +1\.7 MiB {2}maker\/nano-GGUF\/nano-Q2_K\.gguf/);
    expect(stdout).toContain('would download 6.0 MiB of 6.0 MiB');
    expect(server.downloads).toEqual([]);
    expect(await readdir(scratch.path('hf')).catch(() => [])).toEqual([]);
  });

  it('prints JSON, and downloads nothing the second time', async () => {
    await run(['pull', `hf:${REPO}:Q2_K`, '--quiet']);
    const { stdout, stderr } = await run(['pull', `hf:${REPO}:Q2_K`, `hf:${REPO}:Q8_0`, '--json', '--quiet']);
    expect(stderr).toBe('');
    const report: { files: { state: string; objectId: string }[] } = JSON.parse(stdout);
    expect(report.files.map(({ state }) => state)).toEqual(['cached', 'downloaded']);
    expect(report.files[0]?.objectId).toBe(sha256(await readFile(nanoPath('Q2_K'))));
    expect(server.downloads.length).toBe(2);
  });

  it('lists what there is where a quantization is missing, and says what it takes where none is named', async () => {
    const missing = await run(['pull', `hf:${REPO}:Q5_K_M`]);
    expect(missing.exitCode).toBe(2);
    expect(missing.stderr).toContain('it has Q2_K (1.7 MiB), Q4_K_M (2.6 MiB), Q8_0 (4.3 MiB)');
    const unnamed = await run(['pull', `hf:${REPO}`, '--dry-run']);
    expect(unnamed.exitCode).toBe(0);
    expect(unnamed.stderr).toContain(
      `hf:${REPO} names none of 3 models: taking nano-Q4_K_M.gguf, as llama.cpp does`,
    );
    const pasted = await run([
      'pull',
      `https://huggingface.co/${REPO}/blob/main/nano-Q2_K.gguf`,
      '--dry-run',
    ]);
    expect(pasted.stdout).toContain('nano-Q2_K.gguf');
  });

  it('finds all the shards of a model', async () => {
    const [one, two] = [noise(50_000, 1), noise(60_000, 2)];
    server.repos.set(REPO, {
      files: {
        'BF16/m-BF16-00001-of-00002.gguf': { content: one },
        'BF16/m-BF16-00002-of-00002.gguf': { content: two },
        'm-Q8_0.gguf': { content: noise(1000) },
      },
    });
    const { stdout } = await run(['pull', `hf:${REPO}:bf16`]);
    const [first = '', second = ''] = stdout.trim().split('\n');
    expect((await readFile(first)).equals(one)).toBe(true);
    expect((await readFile(second)).equals(two)).toBe(true);
    expect(await readlink(first)).toMatch(/^\.\.\/\.\.\/\.\.\/blobs\//);
  });

  it('refuses a repository whose paths leave their folder', async () => {
    server.repos.set(REPO, { files: { '../../evil-Q4_K_M.gguf': { content: noise(100) } } });
    const { exitCode, stderr } = await run(['pull', `hf:${REPO}:Q4_K_M`]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('not safe');
  });

  it('says what to do about a gated repository and never shows the token', async () => {
    server.repos.set(REPO, { files: { 'm-Q4_K_M.gguf': { content: noise(100) } }, gated: true });
    const gated = await run(['pull', `hf:${REPO}:Q4_K_M`], { HF_TOKEN: '' });
    expect(gated.exitCode).toBe(2);
    expect(gated.stderr).toMatch(/gated.*\nhint: Accept its terms at .*maker\/nano-GGUF.*HF_TOKEN/);
    const absent = await run(['pull', 'hf:maker/nothing:Q4_K_M']);
    expect(absent.stderr).toContain('no such repository');
    expect(absent.stderr).not.toContain('hf_secret');
  });

  it('uses the cache when offline, and says so when it is not there', async () => {
    await run(['pull', `hf:${REPO}:Q2_K`]);
    server.requests.length = 0;
    const offline = await run(['pull', `hf:${REPO}:Q2_K`], { HF_HUB_OFFLINE: '1' });
    expect(offline.exitCode).toBe(0);
    expect(server.requests).toEqual([]);
    const absent = await run(['pull', `hf:${REPO}:Q8_0`], { HF_HUB_OFFLINE: '1' });
    expect(absent.exitCode).toBe(2);
    expect(absent.stderr).toContain('no such model in the cache');
  });

  it('goes on where it was interrupted', async () => {
    server.options = { bytesPerSecond: 1_000_000 };
    const child = spawn(process.execPath, [BIN, 'pull', `hf:${REPO}:Q8_0`], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, HF_ENDPOINT: server.endpoint, HF_HOME: scratch.path('hf'), HF_HUB_CACHE: '' },
    });
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    const ended = new Promise((done) => {
      child.on('close', done);
    });
    while (server.downloads.length === 0) await wait(20);
    await wait(1500);
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(stderr).toBe('interrupted: what was received is kept, and the same command goes on from there\n');
    const partial = JSON.parse((await run(['pull', `hf:${REPO}:Q8_0`, '--dry-run', '--json'])).stdout);
    expect(partial.files[0].state).toBe('partial');
    server.options = {};
    server.requests.length = 0;
    expect((await run(['pull', `hf:${REPO}:Q8_0`])).exitCode).toBe(0);
    expect(server.downloads[0]?.headers.range).not.toMatch(/^bytes=0-/);
  });
});

/** The report as the published schema allows it. */
async function checkedReport(text: string): Promise<PullReport> {
  const report: PullReport = JSON.parse(text);
  const schema = JSON.parse(await readFile(new URL('../../schema/pull.json', import.meta.url), 'utf8'));
  const validate = new Ajv2020({ strict: false }).compile(schema);
  expect(validate(report) ? null : validate.errors).toBeNull();
  return report;
}

describe('pull of a plain address', () => {
  it('fetches it once, says what was checked, and reports it beside hub refs', async () => {
    await using web = await FileServer.start();
    web.files.set('/f/nano-Q2_K.gguf?sig=secret', { content: await readFile(nanoPath('Q2_K')), etag: '"1"' });
    const url = web.url('/f/nano-Q2_K.gguf?sig=secret');
    const planned = await run(['pull', url, '--dry-run']);
    expect(planned.stdout).toMatch(/^absent +1\.7 MiB {2}http:\/\/127\.0\.0\.1:\d+\/f\/nano-Q2_K\.gguf\n/);
    const { exitCode, stdout, stderr } = await run([
      'pull',
      url,
      `hf:${REPO}:Q2_K`,
      nanoPath('Q8_0'),
      '--json',
    ]);
    expect(exitCode).toBe(0);
    expect(stderr).toContain(
      `no digest to check it against, its SHA-256 is ${sha256(await readFile(nanoPath('Q2_K')))}`,
    );
    const { files } = await checkedReport(stdout);
    expect(files.map(({ source, state, verified }) => [source, state, verified])).toEqual([
      ['url', 'downloaded', false],
      ['hub', 'downloaded', true],
      ['local', 'cached', null],
    ]);
    expect(files[0]?.path.startsWith(scratch.path('cache'))).toBe(true);
    web.requests.length = 0;
    const again = await run(['pull', url]);
    expect(again.stderr).toBe('');
    expect((await readFile(again.stdout.trim())).equals(await readFile(nanoPath('Q2_K')))).toBe(true);
    expect(web.downloads).toEqual([]);
    const compared = await run(['compare', url, '--only', 'size', '--json', '--quiet']);
    expect(compared.exitCode).toBe(0);
    const outputs = [planned, { stdout, stderr }, again, compared].map((each) => each.stdout + each.stderr);
    expect(outputs.join()).not.toContain('secret');
  });

  it('refuses one that holds a password', async () => {
    const { exitCode, stderr } = await run(['pull', 'https://me:hunter2@example.com/m.gguf']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('holds a name and password');
    expect(stderr).not.toContain('hunter2');
  });
});

describe('a catalogue of one’s own', () => {
  it('gives a name its repository', async () => {
    await writeFile(
      scratch.path('catalogue.json'),
      JSON.stringify({ phi3: { repo: REPO, quantizations: ['Q2_K', 'Q8_0'] } }),
    );
    const env = { QUANTSCOPE_CATALOGUE: scratch.path('catalogue.json') };
    const { stdout } = await run(['pull', 'phi3', '--json'], env);
    const report: { files: { file: string }[] } = JSON.parse(stdout);
    expect(report.files.map(({ file }) => file)).toEqual(['nano-Q2_K.gguf', 'nano-Q8_0.gguf']);
    const compared = await run(['compare', 'phi3', '--only', 'size', '--json', '--quiet'], env);
    expect(compared.stderr).toBe('');
    const results: { variants: { name: string }[] } = JSON.parse(compared.stdout);
    expect(results.variants.map(({ name }) => name)).toEqual(['Q8_0', 'Q2_K']);
  });

  it('lies in the config folder, and is used offline, with a revision and a quantization', async () => {
    const commit = server.commitOf(REPO);
    await mkdir(scratch.path('config/quantscope'), { recursive: true });
    const entry = { repo: REPO, revision: commit, quantizations: ['Q2_K'], licence: 'mine' };
    await writeFile(
      scratch.path('config/quantscope/catalogue.json'),
      JSON.stringify({ $schema: 'catalogue.json', Mine: entry }),
    );
    const first = await run(['pull', 'mine:q8_0']);
    expect(first.stderr).toContain('maker/nano-GGUF: licence mine');
    server.requests.length = 0;
    const offline = { HF_HUB_OFFLINE: '1' };
    const again = await run(['pull', 'mine:Q8_0', `hf:${REPO}@${commit}:Q8_0`], offline);
    expect(again.stdout).toBe(first.stdout);
    const table = JSON.parse((await run(['variants', 'mine', '--json'], offline)).stdout);
    expect([table.source, table.licence, table.variants.length]).toEqual(['cache', 'mine', 1]);
    const absent = await run(['pull', 'mine'], offline);
    expect(absent.exitCode).toBe(2);
    expect(absent.stderr).toMatch(
      /^error: hf:maker\/nano-GGUF@[0-9a-f]{40}:Q2_K: no such model in the cache/m,
    );
    expect((await run(['pull', 'phi3'], offline)).stderr).toContain(
      'not in the cache at main, and HF_HUB_OFFLINE is set',
    );
    expect(server.requests).toEqual([]);
  });

  it.each([
    ['nothing there', undefined, 'cannot be read'],
    ['no JSON', '{', 'not JSON'],
    ['no object', '[]', 'expected object'],
    ['a name that is taken', '{"nano":{"repo":"a/b"}}', '"nano" cannot be a name'],
    ['a misspelt field', '{"phi3":{"quants":["Q2_K"]}}', 'quants'],
    ['no repository', '{"mine":{"quantizations":[]}}', 'mine: repo is absent'],
    ['a repository that is none', '{"mine":{"repo":"../x"}}', 'owner/name'],
    ['a revision that is none', '{"mine":{"repo":"a/b","revision":"../x"}}', 'a branch, a tag or a commit'],
  ])('is refused with %s', async (_, text, said) => {
    const path = scratch.path('catalogue.json');
    if (text !== undefined) await writeFile(path, text);
    const { exitCode, stderr, stdout } = await run(['variants'], { QUANTSCOPE_CATALOGUE: path });
    expect(stdout).toBe('');
    expect(exitCode).toBe(2);
    expect(stderr).toContain(said);
    expect(stderr).toContain(path);
    expect(stderr).toMatch(/\nhint: /);
  });
});
