import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inspectionSchema } from '../../src/schema/inspection.ts';
import type { ValidationReport } from '../../src/schema/validation.ts';
import { type CliResult, quantscope, scratchFolder } from '../helpers/cli.ts';
import { FileServer } from '../helpers/file-server.ts';
import { sha256 } from '../helpers/hub-server.ts';
import { nanoPath } from '../helpers/nano.ts';
import { shardFiles } from '../helpers/split.ts';

const PATH = '/m/nano-Q2_K.gguf?signature=SECRET';
const content = await readFile(nanoPath('Q2_K'));
let server: FileServer;
let scratch: Awaited<ReturnType<typeof scratchFolder>>;

beforeEach(async () => {
  server = await FileServer.start();
  scratch = await scratchFolder();
  server.files.set(PATH, { content, etag: '"one"' });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await scratch[Symbol.asyncDispose]();
});

/** The folder of what addresses gave is the platform's: see env-paths. */
const run = async (args: readonly string[], env: Record<string, string> = {}): Promise<CliResult> => {
  const home = { HOME: scratch.folder, LOCALAPPDATA: scratch.folder, XDG_CACHE_HOME: scratch.path('cache') };
  const result = await quantscope(args, { env: { ...home, HF_HOME: scratch.path('hf'), ...env } });
  expect(result.stdout + result.stderr).not.toContain('SECRET');
  expect(result.stderr).not.toMatch(/\n\s+at /);
  return result;
};

async function validated(url: string, env: Record<string, string> = {}) {
  const result = await run(['validate', url, '--json'], env);
  const report: ValidationReport = JSON.parse(result.stdout);
  return { ...result, files: report.files };
}

async function pulled(path = PATH): Promise<string> {
  const { exitCode, stdout } = await run(['pull', server.url(path), '--quiet']);
  expect(exitCode).toBe(0);
  server.requests.length = 0;
  return stdout.trim().split('\n')[0] ?? '';
}

describe('a model pulled from an address', () => {
  it('is validated with its content, after one request for four bytes', async () => {
    const url = server.url(PATH);
    expect((await validated(url)).files[0]?.content.status).toBe('unavailable');
    await pulled();
    const { exitCode, files } = await validated(url);
    expect(exitCode).toBe(0);
    expect(files[0]).toMatchObject({
      ref: url.replace(/\?.*/, ''),
      sha256: sha256(content),
      content: { status: 'checked' },
    });
    expect(files[0]?.diagnostics).toContainEqual(
      expect.objectContaining({ rule: 'provenance/origin', message: expect.stringContaining('127.0.0.1') }),
    );
    expect(server.requests.map(({ headers }) => headers.range)).toEqual(['bytes=0-3']);
  });

  it('is what every command uses', async () => {
    await pulled();
    const url = server.url(PATH);
    const shown = url.replace(/\?.*/, '');
    const page = inspectionSchema.parse(JSON.parse((await run(['inspect', url, '--json'])).stdout));
    expect(page).toMatchObject({ ref: shown, source: { kind: 'file' } });
    const diff = JSON.parse((await run(['diff', url, 'nano:Q2_K', '--json'])).stdout);
    expect(diff).toMatchObject({ a: { ref: shown }, weights: { total: { relativeRmse: 0 } } });
    const results = JSON.parse((await run(['compare', url, '--only', 'size', '--json'])).stdout);
    expect(results.variants[0]).toMatchObject({ ref: shown, file: { bytes: content.length } });
    expect((await run(['card', url])).exitCode).toBe(0);
    expect((await run(['fit', url, '--device', 'iphone-13-pro'])).exitCode).toBe(0);
    expect(server.downloads).toEqual([]);
  });

  it('is used offline, without its server and after its link has expired, and this is said', async () => {
    await pulled();
    const url = server.url(PATH);
    const kept = async (said: RegExp, env: Record<string, string> = {}) => {
      for (const args of [
        ['validate', url],
        ['inspect', url],
      ]) {
        const { exitCode, stderr } = await run(args, env);
        expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.stringMatching(said) });
      }
      expect((await validated(url, env)).files[0]?.content.status).toBe('checked');
    };
    await kept(/HF_HUB_OFFLINE is set; using what was fetched at 20/, { HF_HUB_OFFLINE: '1' });
    expect(server.requests).toEqual([]);
    server.files.set(PATH, { content, status: 403 });
    await kept(/denies access, as it does when a link has expired; using what was fetched at 20/);
    await server[Symbol.asyncDispose]();
    await kept(/cannot be reached; using what was fetched at 20/);
    server = await FileServer.start();
  });

  it('is not used where the server has another one, which is said', async () => {
    await pulled();
    server.files.set(PATH, { content: Buffer.concat([content, Buffer.alloc(8)]), etag: '"two"' });
    const { files, stderr } = await validated(server.url(PATH));
    expect(stderr).toContain('the file on the server is not the one that was fetched at 20');
    expect(files[0]).toMatchObject({ bytes: content.length + 8, content: { status: 'unavailable' } });
    server.files.delete(PATH);
    const gone = (await validated(server.url(PATH))).files[0];
    expect(gone?.diagnostics[0]).toMatchObject({
      rule: 'file/unreadable',
      message: expect.stringContaining('404'),
    });
    server.files.set(PATH, { content: Buffer.from('<!doctype html><title>Log in</title>'), etag: '"page"' });
    const page = (await validated(server.url(PATH))).files[0];
    expect(page?.diagnostics[0]).toMatchObject({
      rule: 'header/magic',
      message: expect.stringContaining('web page'),
    });
  });

  it('is found out where its bytes have changed since', async () => {
    const path = await pulled();
    const spoilt = Uint8Array.from(content);
    spoilt[spoilt.length - 1] = (spoilt.at(-1) ?? 0) ^ 1;
    await writeFile(path, spoilt);
    const { exitCode, files } = await validated(server.url(PATH));
    expect(exitCode).toBe(1);
    expect(files[0]?.diagnostics).toContainEqual(
      expect.objectContaining({
        rule: 'content/sha256',
        message: `SHA-256 is ${sha256(spoilt)}, and was ${sha256(content)} when the file was fetched`,
      }),
    );
  });

  it('is judged as the set that it is where it has shards', async () => {
    for (const [name, bytes] of shardFiles(content, 3, 'n')) {
      server.files.set(`/${name}`, { content: bytes, etag: `"${sha256(bytes)}"` });
    }
    await pulled('/n-00001-of-00003.gguf');
    const { exitCode, files } = await validated(server.url('/n-00001-of-00003.gguf'));
    expect(exitCode).toBe(0);
    expect(files.map(({ ref, content: { status } }) => [ref, status])).toEqual(
      [1, 2, 3].map((number) => [server.url(`/n-0000${number}-of-00003.gguf`), 'checked']),
    );
    expect(server.downloads).toEqual([]);
  });
});
