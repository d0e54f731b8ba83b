import { lstat, mkdir, readdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { scanCacheDir } from '@huggingface/hub';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { FileServer, modelLike } from '../helpers/file-server.ts';
import { gitSha1, HubServer, noise, sha256 } from '../helpers/hub-server.ts';

const REPO = 'maker/tiny-GGUF';
let server: HubServer;
let scratch: Awaited<ReturnType<typeof scratchFolder>>;

beforeEach(async () => {
  server = await HubServer.start();
  scratch = await scratchFolder();
  server.repos.set(REPO, {
    files: { 't-Q4_K_M.gguf': { content: noise(20_000) }, 't-Q8_0.gguf': { content: noise(40_000, 2) } },
  });
  await run(['pull', `hf:${REPO}:Q4_K_M`, `hf:${REPO}:Q8_0`]);
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await scratch[Symbol.asyncDispose]();
});

const run = (args: readonly string[], env: Record<string, string> = {}) =>
  quantscope(args, {
    env: {
      HF_ENDPOINT: server.endpoint,
      HF_HOME: scratch.path('hf'),
      HF_HUB_CACHE: '',
      XDG_CACHE_HOME: scratch.path('cache'),
      ...env,
    },
  });

/** What a subcommand prints, as its published schema allows it. */
async function printed(name: string, args: readonly string[]): Promise<unknown> {
  const { stdout } = await run(['cache', ...args, '--json']);
  const schema = JSON.parse(await readFile(new URL(`../../schema/${name}.json`, import.meta.url), 'utf8'));
  const validate = new Ajv2020({ strict: false }).compile(schema);
  const value: unknown = JSON.parse(stdout);
  expect(validate(value), JSON.stringify(validate.errors)).toBe(true);
  return value;
}

describe('cache', () => {
  it('prints JSON as its schemas say it', async () => {
    await using files = await FileServer.start();
    files.files.set('/u.gguf', { content: modelLike(noise(5000)), etag: '"u"' });
    await run(['pull', files.url('/u.gguf')]);
    const list = await printed('cache', ['list']);
    expect(list).toMatchObject({ repos: [{ repo: REPO, entries: [{}, {}] }], urls: [{ verified: false }] });
    const [blob = ''] = await readdir(scratch.path('hf/hub/models--maker--tiny-GGUF/blobs'));
    await writeFile(scratch.path(`hf/hub/models--maker--tiny-GGUF/blobs/${blob}`), noise(10));
    const verified = await printed('cache-verify', ['verify']);
    expect(verified).toMatchObject({
      files: expect.arrayContaining([
        expect.objectContaining({ verdict: 'damaged', expected: blob, got: sha256(noise(10)) }),
        expect.objectContaining({ verdict: 'intact', repo: null, file: files.url('/u.gguf') }),
      ]),
    });
    const removed = await printed('cache-remove', ['remove', '--yes', `hf:${REPO}:Q8_0`]);
    expect(removed).toMatchObject({ files: [expect.stringContaining('t-Q8_0.gguf')] });
    expect(await printed('cache-remove', ['remove', '--partials', '--yes'])).toMatchObject({ files: [] });
  });

  it('lists what is there', async () => {
    const { stdout } = await run(['cache', 'list']);
    expect(stdout).toMatch(/^maker\/tiny-GGUF {2}58\.6 KiB\n +19\.5 KiB {2}t-Q4_K_M\.gguf {2}\(main\)/);
  });

  it('needs no token, nor one that is whole', async () => {
    const damaged = { HF_TOKEN: 'two words' };
    const { exitCode, stdout } = await run(['cache', 'list'], damaged);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(REPO);
    const asked = await run(['variants', REPO], { ...damaged, HF_HOME: scratch.path('empty') });
    expect(asked).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('the Hub token holds') });
    expect(asked.stderr).not.toContain('two words');
  });

  it('finds a damaged file and says how to mend it', async () => {
    expect((await run(['cache', 'verify'])).exitCode).toBe(0);
    const [place = ''] = (await run(['pull', `hf:${REPO}:Q8_0`])).stdout.trim().split('\n');
    const bytes = await readFile(place);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    await writeFile(await realpath(place), bytes);
    const { exitCode, stdout, stderr } = await run(['cache', 'verify', REPO]);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('damaged  maker/tiny-GGUF/t-Q8_0.gguf');
    expect(stderr).toContain(`quantscope pull hf:${REPO}/t-Q8_0.gguf`);
  });

  it('removes one model, then the rest, and only when told to', async () => {
    const asked = await run(['cache', 'remove', `hf:${REPO}:Q8_0`]);
    expect(asked.exitCode).toBe(2);
    expect(asked.stderr).toContain('--yes');
    expect((await run(['cache', 'remove', `hf:${REPO}:Q8_0`, '--yes'])).stdout).toContain('removed 39.1 KiB');
    const blobs = await readdir(scratch.path('hf/hub/models--maker--tiny-GGUF/blobs'));
    expect(blobs.length).toBe(1);
    expect((await run(['cache', 'remove', REPO, '--yes'])).exitCode).toBe(0);
    expect(await readdir(scratch.path('hf/hub'))).not.toContain('models--maker--tiny-GGUF');
    expect((await run(['cache', 'remove', REPO, '--yes'])).stderr).toContain('is not in the cache');
  });
});

describe('a file from a plain address', () => {
  it('is listed, verified and removed like the others', async () => {
    await using web = await FileServer.start();
    web.files.set('/m-Q8_0.gguf', { content: modelLike(noise(50_000)), etag: '"1"' });
    const url = web.url('/m-Q8_0.gguf');
    const path = (await run(['pull', url])).stdout.trim();
    expect((await run(['cache', 'list'])).stdout).toMatch(
      /from other addresses {2}48\.8 KiB\n +48\.8 KiB {2}http:.*m-Q8_0\.gguf {2}\(nothing to check it against\)/,
    );
    expect((await run(['cache', 'verify', url])).stdout).toBe(`intact   ${url}\n`);
    await writeFile(path, modelLike(noise(50_000, 2)));
    const damaged = await run(['cache', 'verify', url]);
    expect(damaged.exitCode).toBe(1);
    expect(damaged.stderr).toContain(`cache remove --yes ${url} && quantscope pull ${url}`);
    expect((await run(['cache', 'remove', url, '--yes'])).stdout).toBe('removed 48.8 KiB\n');
    expect(await readdir(scratch.path('cache/quantscope/urls'))).toEqual([]);
  });
});

describe('the layout of the cache', () => {
  it('is what @huggingface/hub takes for a cache', async () => {
    const info = await scanCacheDir(scratch.path('hf/hub'));
    expect(info.warnings).toEqual([]);
    const [repo] = info.repos;
    expect(repo?.id).toEqual({ type: 'model', name: REPO });
    const [revision] = repo?.revisions ?? [];
    expect(revision?.commitOid).toBe(server.commitOf(REPO));
    expect(revision?.refs).toEqual(['main']);
    const files = revision?.files.map(({ path, blob }) => [basename(path), basename(blob.path), blob.size]);
    expect(files?.sort()).toEqual(
      Object.entries(server.repos.get(REPO)?.files ?? {}).map(([path, { content }]) => [
        path,
        sha256(content),
        content.length,
      ]),
    );
    const ref = await readFile(scratch.path('hf/hub/models--maker--tiny-GGUF/refs/main'), 'utf8');
    expect(ref).toBe(server.commitOf(REPO));
    const tag = await readFile(scratch.path('hf/hub/CACHEDIR.TAG'), 'utf8');
    expect(tag).toMatch(/^Signature: 8a477f597d28d172789f06886806bc55\n/);
  });

  it('of huggingface_hub is used without a request for the bytes', async () => {
    // As `hf download` leaves it (huggingface_hub 1.33): LFS blobs by SHA-256, git ones by SHA-1.
    const content = noise(30_000, 7);
    const readme = Buffer.from('# other\n');
    const repo = 'other/deep-GGUF';
    server.repos.set(repo, {
      files: { 'Q4_K_M/d-Q4_K_M.gguf': { content }, 'README.md': { content: readme, lfs: false } },
    });
    const commit = server.commitOf(repo);
    const root = scratch.path('hf/hub/models--other--deep-GGUF');
    await mkdir(join(root, 'blobs'), { recursive: true });
    await mkdir(join(root, 'refs'));
    await mkdir(join(root, 'snapshots', commit, 'Q4_K_M'), { recursive: true });
    await mkdir(join(root, '.no_exist', commit), { recursive: true });
    await mkdir(scratch.path('hf/hub/.locks/models--other--deep-GGUF'), { recursive: true });
    await writeFile(scratch.path(`hf/hub/.locks/models--other--deep-GGUF/${sha256(content)}.lock`), '');
    await writeFile(join(root, '.no_exist', commit, 'config.json'), '');
    await writeFile(join(root, 'refs', 'main'), commit);
    await writeFile(join(root, 'blobs', sha256(content)), content);
    await writeFile(join(root, 'blobs', gitSha1(readme)), readme);
    await symlink(
      `../../../blobs/${sha256(content)}`,
      join(root, 'snapshots', commit, 'Q4_K_M/d-Q4_K_M.gguf'),
    );
    await symlink(`../../blobs/${gitSha1(readme)}`, join(root, 'snapshots', commit, 'README.md'));
    server.requests.length = 0;
    const online = await run(['pull', `hf:${repo}:Q4_K_M`, '--json']);
    expect(JSON.parse(online.stdout).files.map(({ state }: { state: string }) => state)).toEqual(['cached']);
    expect(server.requests.some(({ url }) => url.includes('/resolve/'))).toBe(false);
    expect(server.downloads).toEqual([]);
    const offline = await run(['pull', `hf:${repo}:Q4_K_M`, '--quiet'], { HF_HUB_OFFLINE: '1' });
    expect(offline.stdout.trim()).toBe(join(root, 'snapshots', commit, 'Q4_K_M', 'd-Q4_K_M.gguf'));
    const verified = await run(['cache', 'verify', repo]);
    expect(verified.stdout).toBe(`intact   ${repo}/Q4_K_M/d-Q4_K_M.gguf\nintact   ${repo}/README.md\n`);
    // Elsewhere, by the legacy name of the variable.
    const legacy = { HF_HOME: scratch.path('nowhere'), HUGGINGFACE_HUB_CACHE: scratch.path('hf/hub') };
    expect((await run(['pull', `hf:${repo}:Q4_K_M`], { ...legacy, HF_HUB_OFFLINE: 'yes' })).exitCode).toBe(0);
  });

  it('has the files themselves where links are not to be made', async () => {
    await run(['cache', 'remove', REPO, '--yes']);
    const [place = ''] = (
      await run(['pull', `hf:${REPO}:Q8_0`], { HF_HUB_DISABLE_SYMLINKS: '1' })
    ).stdout.split('\n');
    expect((await lstat(place)).isFile()).toBe(true);
    server.requests.length = 0;
    expect((await run(['pull', `hf:${REPO}:Q8_0`], { HF_HUB_DISABLE_SYMLINKS: '1' })).exitCode).toBe(0);
    expect(server.downloads).toEqual([]);
    expect((await run(['cache', 'verify'])).stdout).toBe(`unknown  ${REPO}/t-Q8_0.gguf\n`);
  });

  it('keeps what is unfinished of other models when one is removed', async () => {
    const blobs = scratch.path('hf/hub/models--maker--tiny-GGUF/blobs');
    const partial = join(blobs, `${'a'.repeat(64)}.1234abcd.incomplete`);
    await writeFile(partial, noise(1024));
    expect((await run(['cache', 'list'])).stdout).toContain('58.6 KiB, 1.0 KiB unfinished');
    for (const name of ['Q4_K_M', 'Q8_0']) await run(['cache', 'remove', `hf:${REPO}:${name}`, '--yes']);
    expect(await readdir(blobs)).toEqual([basename(partial)]);
    expect((await run(['cache', 'remove', '--partials', '--yes'])).stdout).toBe('removed 1.0 KiB\n');
    expect(await readdir(blobs)).toEqual([]);
  });
});
