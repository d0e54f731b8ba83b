import { readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { HubServer, noise } from '../helpers/hub-server.ts';

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

const run = (args: readonly string[]) =>
  quantscope(args, { env: { HF_ENDPOINT: server.endpoint, HF_HOME: scratch.path('hf'), HF_HUB_CACHE: '' } });

describe('cache', () => {
  it('lists what is there', async () => {
    const { stdout } = await run(['cache', 'list']);
    expect(stdout).toMatch(/^maker\/tiny-GGUF {2}58\.6 KiB\n +19\.5 KiB {2}t-Q4_K_M\.gguf {2}\(main\)/);
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
