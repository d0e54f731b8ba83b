import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RepoCache } from '../../src/hub/repo-cache.ts';
import type { CacheList, CacheRemoval } from '../../src/schema/cache.ts';
import { type CliResult, quantscope, scratchFolder } from '../helpers/cli.ts';
import { hfClient } from '../helpers/hf-client.ts';
import { HubServer, noise, sha256 } from '../helpers/hub-server.ts';

// Skipped where Python's package index does not answer.
const programs = hfClient();
const [A, B] = ['maker/a-GGUF', 'maker/b-GGUF'];
const content = noise(200_000, 3);
const XET = 'ab'.repeat(32);

describe.skipIf(programs === null)('a cache that huggingface_hub 2.4.0 keeps too', () => {
  let server: HubServer;
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;

  beforeAll(async () => {
    server = await HubServer.start();
    for (const repo of [A, B]) server.repos.set(repo, { files: { 'm-Q4_0.gguf': { content } } });
  });
  afterAll(() => server[Symbol.asyncDispose]());
  beforeEach(async () => {
    scratch = await scratchFolder();
  });
  afterEach(() => scratch[Symbol.asyncDispose]());

  const env = () => ({
    HF_ENDPOINT: server.endpoint,
    HF_HOME: scratch.path('hf'),
    HF_HUB_CACHE: cache(),
    HF_TOKEN: '',
    HF_HUB_DISABLE_UPDATE_CHECK: '1',
    XDG_CACHE_HOME: scratch.path('xdg'),
  });
  const cache = () => scratch.path('hf/hub');
  const payload = () => join(cache(), 'blobs', XET.slice(0, 2), XET);
  const run = (...args: string[]): Promise<CliResult> => quantscope(args, { env: env() });
  const list = async (): Promise<CacheList> => JSON.parse((await run('cache', 'list', '--json')).stdout);
  const remove = async (...refs: string[]): Promise<CacheRemoval> =>
    JSON.parse((await run('cache', 'remove', '--yes', '--json', ...refs)).stdout);
  // Not synchronously: it asks the server, which is here.
  const program = (name: string, ...args: string[]): Promise<{ status: unknown; text: string }> =>
    new Promise((resolve) => {
      const options = { env: { ...process.env, ...env() }, timeout: 60_000 };
      execFile(join(programs ?? '', name), args, options, (error, stdout, stderr) =>
        resolve({ status: error === null ? 0 : error.code, text: `${stdout}${stderr}` }),
      );
    });
  const hf = (...args: string[]) => program('hf', ...args);

  /** Two repositories with one file, of which the client keeps the bytes in its store, as it does what comes by Xet. */
  async function shared(): Promise<void> {
    for (const repo of [A, B]) expect((await run('pull', `hf:${repo}`)).exitCode).toBe(0);
    const blobs = [A, B].map((repo) => new RepoCache(cache(), repo).blobPath(sha256(content)));
    const code = `
from huggingface_hub.utils._shared_blobs import publish_blob_to_shared_store, try_link_from_shared_store
import sys, os
cache, first, second, xet = sys.argv[1:]
size = os.path.getsize(first)
assert publish_blob_to_shared_store(blob_path=first, xet_hash=xet, cache_dir=cache, expected_size=size)
os.unlink(second)
assert try_link_from_shared_store(blob_path=second, xet_hash=xet, cache_dir=cache, expected_size=size)
`;
    const made = await program('python', '-c', code, cache(), ...blobs, XET);
    expect(made).toMatchObject({ status: 0 });
  }

  it('counts shared bytes once, and frees them with their last repository', async () => {
    await shared();
    const before = await list();
    expect(before.totalBytes).toBe(content.length);
    expect(before.repos.map(({ sizeBytes, sharedBytes }) => [sizeBytes, sharedBytes])).toEqual([
      [content.length, content.length],
      [content.length, content.length],
    ]);
    expect((await run('cache', 'verify')).exitCode).toBe(0);
    // Nothing to download: what is there is found through both links.
    server.requests.length = 0;
    expect((await run('pull', `hf:${A}`)).exitCode).toBe(0);
    expect(server.downloads).toEqual([]);

    expect((await remove(A)).bytes).toBe(0);
    expect(existsSync(payload())).toBe(true);
    expect(await hf('cache', 'verify', B)).toMatchObject({ status: 0 });
    expect((await remove(`${B}:Q4_0`)).bytes).toBe(content.length);
    expect(existsSync(payload())).toBe(false);
    expect(existsSync(`${payload()}.refs`)).toBe(false);
    expect(await hf('cache', 'ls')).toMatchObject({ status: 0, text: expect.not.stringContaining('arning') });
    expect((await hf('cache', 'prune', '--yes')).text).toMatch(/nothing|no .*(?:found|to)/i);
  });

  it('shows what is left over in the store, and removes it', async () => {
    await shared();
    for (const repo of [A, B]) await rm(new RepoCache(cache(), repo).folder, { recursive: true });
    expect((await list()).orphans).toEqual([{ path: payload(), sizeBytes: content.length }]);
    expect((await run('cache', 'list')).stdout).toContain('195 KiB that nothing needs any more');
    expect((await remove('--partials')).bytes).toBe(content.length);
    expect((await list()).orphans).toEqual([]);
    expect((await hf('cache', 'prune', '--yes')).text).toMatch(/nothing|no .*(?:found|to)/i);
  });

  it('mends damaged bytes by what it says', async () => {
    await shared();
    await chmod(payload(), 0o644);
    const damaged = await readFile(payload());
    damaged[1000] = (damaged[1000] ?? 0) ^ 1;
    await writeFile(payload(), damaged);
    const { exitCode, stderr } = await run('cache', 'verify');
    expect(exitCode).toBe(1);
    const cures = [...stderr.matchAll(/mend it with: (.*)$/gm)].map(([, cure = '']) => cure);
    expect(cures).toHaveLength(2);
    for (const cure of cures)
      for (const command of cure.split(' && ')) await run(...command.split(' ').slice(1));
    expect((await run('cache', 'verify')).exitCode).toBe(0);
    for (const repo of [A, B]) expect(await hf('cache', 'verify', repo)).toMatchObject({ status: 0 });
  });

  it('is consistent where a pull was interrupted at once', async () => {
    await new RepoCache(cache(), A).prepare();
    expect(await hf('cache', 'ls')).toMatchObject({ status: 0, text: expect.not.stringContaining('arning') });
  });

  it('has a token that the command of the hint renews', async () => {
    const gated = 'maker/gated-GGUF';
    server.repos.set(gated, { gated: true, files: { 'm-Q4_0.gguf': { content } } });
    await mkdir(scratch.path('hf'));
    await writeFile(scratch.path('hf/token'), 'hf_of\ntwo lines');
    const refused = await run('pull', `hf:${gated}`);
    expect(refused.exitCode).toBe(2);
    const [, command = ''] = /log in again with `hf ([^`]+)`/i.exec(refused.stderr) ?? [];
    const token = `hf_${'a'.repeat(34)}`;
    expect(await hf(...command.split(' '), '--token', token)).toMatchObject({ status: 0 });
    expect((await run('pull', `hf:${gated}`)).exitCode).toBe(0);
  });

  it('finds a link that leads nowhere', async () => {
    await run('pull', `hf:${A}`);
    await rm(new RepoCache(cache(), A).blobPath(sha256(content)));
    const { exitCode, stderr, stdout } = await run('cache', 'verify');
    expect({ exitCode, stdout }).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining('unreadable'),
    });
    expect(stderr).toContain('mend it with: ');
  });
});
