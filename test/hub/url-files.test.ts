import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HubContext, hubContext } from '../../src/hub/context.ts';
import { type PulledFile, planPull, pull } from '../../src/hub/pull.ts';
import { readHubSettings } from '../../src/hub/settings.ts';
import { addressesOf } from '../../src/hub/url-address.ts';
import { distinct, downloadModels } from '../../src/model/download.ts';
import { locateRefs } from '../../src/model/locate.ts';
import { FileServer, modelLike } from '../helpers/file-server.ts';
import { noise, sha256 } from '../helpers/hub-server.ts';
import { nanoFolder } from '../helpers/nano.ts';

const content = modelLike(noise(3_000_000));
const other = modelLike(noise(3_000_000, 2));
const PATH = '/models/m-Q4_K_M.gguf';
let server: FileServer;
let folder: string;
let notices: string[];

beforeEach(async () => {
  server = await FileServer.start();
  folder = await mkdtemp(join(tmpdir(), 'quantscope-url-'));
  notices = [];
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function context(env: Record<string, string> = {}): HubContext {
  const settings = readHubSettings(
    { HF_HUB_CACHE: join(folder, 'hub'), HF_TOKEN: 'hf_x', ...env },
    '/nowhere',
  );
  return hubContext({
    settings,
    urlFolder: join(folder, 'urls'),
    sleep: async (_, signal) => signal.throwIfAborted(),
    notice: (text) => notices.push(text),
  });
}

async function fetchIt(ref = server.url(PATH), own = context()): Promise<PulledFile[]> {
  const located = await locateRefs([ref], { nanoFolder, hub: own });
  const plan = await planPull(located, own);
  return pull(plan, { files: 1, connections: 1 }, own);
}

async function expectFile(path: string | undefined, bytes: Uint8Array): Promise<void> {
  expect(sha256(await readFile(path ?? ''))).toBe(sha256(bytes));
  const left = await readdir(dirname(path ?? ''));
  expect(left.filter((name) => /incomplete|lock/.test(name))).toEqual([]);
}

describe('a file from a plain address', () => {
  it('is fetched once, and only asked about after that', async () => {
    server.files.set(PATH, { content, etag: '"one"' });
    const [first] = await fetchIt();
    expect(first).toMatchObject({ state: 'downloaded', verified: false, objectId: sha256(content) });
    await expectFile(first?.path, content);
    expect(basename(first?.path ?? '')).toBe('m-Q4_K_M.gguf');
    server.requests.length = 0;
    const [second] = await fetchIt();
    expect(second).toMatchObject({ state: 'cached', verified: false, objectId: sha256(content) });
    expect(server.requests.map(({ headers }) => headers.range)).toEqual(['bytes=0-3']);
    expect(server.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  it.each([
    ['ETag', { etag: '"one"' }, { etag: '"two"' }],
    ['weak ETag', { etag: 'W/"one"' }, { etag: 'W/"two"' }],
    [
      'Last-Modified',
      { lastModified: 'Wed, 21 Oct 2026 07:28:00 GMT' },
      { lastModified: 'Thu, 22 Oct 2026 07:28:00 GMT' },
    ],
  ])('is fetched again when its %s is another', async (_, before, after) => {
    server.files.set(PATH, { content, ...before });
    await fetchIt();
    server.files.set(PATH, { content: other, ...after });
    const [again] = await fetchIt();
    expect(again?.state).toBe('downloaded');
    await expectFile(again?.path, other);
  });

  it('is resumed where the connection broke, on condition that it is the same', async () => {
    server.files.set(PATH, { content, etag: '"one"', drops: [1_000_000] });
    const [file] = await fetchIt();
    await expectFile(file?.path, content);
    const ranges = server.downloads.map(({ headers }) => [headers.range, headers['if-range']]);
    expect(ranges[0]?.[0]).toMatch(/^bytes=0-/);
    expect(ranges.at(-1)?.[0]).toMatch(/^bytes=[1-9]/);
    expect(ranges.at(-1)?.[1]).toBe('"one"');
  });

  it('is resumed by its date where it has no ETag', async () => {
    const lastModified = 'Wed, 21 Oct 2026 07:28:00 GMT';
    server.files.set(PATH, { content, lastModified, drops: [1_000_000] });
    const [file] = await fetchIt();
    await expectFile(file?.path, content);
    expect(server.downloads.at(-1)?.headers['if-range']).toBe(lastModified);
  });

  it('is not mixed of two versions when it changes between attempts', async () => {
    server.files.set(PATH, { content, etag: '"one"', drops: Array.from({ length: 9 }, () => 100) });
    await expect(fetchIt()).rejects.toMatchObject({ code: expect.stringMatching(/^hub\//) });
    server.files.set(PATH, { content: other, etag: '"two"' });
    const [file] = await fetchIt();
    await expectFile(file?.path, other);
  });

  it('is begun anew where nothing tells its versions apart', async () => {
    server.files.set(PATH, { content, drops: Array.from({ length: 9 }, () => 100) });
    await expect(fetchIt()).rejects.toThrow();
    server.files.set(PATH, { content: other });
    const [file] = await fetchIt();
    await expectFile(file?.path, other);
    await fetchIt();
    expect(notices.join()).toContain('nothing to tell versions by');
  });

  it.each([
    ['says another ETag', { etag: '"two"' }],
    ['says none', { etag: undefined }],
  ])('is never spliced: not used where the answer that goes on %s, whatever was asked', async (_, said) => {
    const version = { etag: '"one"', drops: Array.from({ length: 40 }, () => 700_000) };
    server.files.set(PATH, { content, ...version });
    let isFirst = true;
    const own = {
      ...context(),
      sleep: async () => {
        if (isFirst) server.spliced = { content: other, ...said };
        isFirst = false;
      },
    };
    await expect(fetchIt(server.url(PATH), own)).rejects.toMatchObject({ code: 'hub/changed' });
    expect(await readdir(join(folder, 'urls'), { recursive: true })).not.toContainEqual(
      expect.stringMatching(/\.gguf$/),
    );
    server.spliced = undefined;
    server.files.set(PATH, { content, etag: '"one"' });
    await expectFile((await fetchIt())[0]?.path, content);
  });

  it('comes from a server without ranges too', async () => {
    server.files.set(PATH, { content, etag: '"one"', ranges: false });
    const [file] = await fetchIt();
    await expectFile(file?.path, content);
  });

  it.each([
    ['Repr-Digest', (digest: Buffer) => ({ 'repr-digest': `sha-256=:${digest.toString('base64')}:` })],
    ['Digest', (digest: Buffer) => ({ digest: `sha-256=${digest.toString('base64')}` })],
  ])('is compared with the %s that the server gives', async (_, headers) => {
    const right = Buffer.from(sha256(content), 'hex');
    server.files.set(PATH, { content, headers: headers(right) });
    const [file] = await fetchIt();
    expect(file).toMatchObject({ state: 'downloaded', verified: true });
    server.files.set('/b.gguf', { content: other, headers: headers(right) });
    await expect(fetchIt(server.url('/b.gguf'))).rejects.toMatchObject({ code: 'hub/wrong-bytes' });
  });

  it('is compared with the SHA-256 behind its address', async () => {
    server.files.set(PATH, { content, etag: '"one"' });
    const [file] = await fetchIt(`${server.url(PATH)}#sha256=${sha256(content).toUpperCase()}`);
    expect(file).toMatchObject({ state: 'downloaded', verified: true });
    server.files.set('/b.gguf', { content: other, etag: '"two"' });
    const wrong = `${server.url('/b.gguf')}#sha256=${sha256(content)}`;
    await expect(fetchIt(wrong)).rejects.toMatchObject({ code: 'hub/wrong-bytes' });
    await expect(fetchIt(`${server.url(PATH)}#readme`)).rejects.toMatchObject({ code: 'ref/invalid' });
  });

  it('brings the other shards into one folder, whichever of them was named', async () => {
    const parts = [1, 2, 3].map((seed) => modelLike(noise(50_000, seed)));
    for (const [index, part] of parts.entries())
      server.files.set(`/m-0000${index + 1}-of-00003.gguf?v=1`, { content: part, etag: `"${index}"` });
    const url = server.url('/m-00002-of-00003.gguf?v=1');
    const pulled = await fetchIt(url);
    for (const [index, part] of parts.entries()) await expectFile(pulled[index]?.path, part);
    expect(new Set(pulled.map(({ path }) => dirname(path))).size).toBe(1);
    const first = server.url('/m-00001-of-00003.gguf?v=1');
    const hub = context();
    const models = await locateRefs([url, first], { nanoFolder, hub });
    const files = distinct(await downloadModels(models, {}, hub));
    expect(files.map(({ path }) => basename(path))).toEqual(['m-00001-of-00003.gguf']);
    server.files.delete('/m-00003-of-00003.gguf?v=1');
    await expect(fetchIt(url)).rejects.toThrow('/m-00003-of-00003.gguf: no such file (404)');
  });

  it('is what was fetched before where the server is gone or one is offline', async () => {
    server.files.set(PATH, { content, etag: '"one"' });
    const url = server.url(PATH);
    await expect(fetchIt(url, context({ HF_HUB_OFFLINE: '1' }))).rejects.toMatchObject({
      code: 'hub/offline',
    });
    await fetchIt(url);
    server.requests.length = 0;
    expect((await fetchIt(url, context({ HF_HUB_OFFLINE: '1' })))[0]?.state).toBe('cached');
    expect(server.requests).toEqual([]);
    await server[Symbol.asyncDispose]();
    expect((await fetchIt(url))[0]?.state).toBe('cached');
    expect(notices.join()).toContain('cannot be reached; using what was fetched at 20');
    server = await FileServer.start();
  });

  it('is fetched again where its record or the file itself is spoilt', async () => {
    server.files.set(PATH, { content, etag: '"one"' });
    const [file] = await fetchIt();
    const path = file?.path ?? '';
    await writeFile(`${path}.json`, '{"version":1,');
    expect((await fetchIt())[0]?.state).toBe('downloaded');
    await writeFile(path, content.subarray(0, 1000));
    expect((await fetchIt())[0]?.state).toBe('downloaded');
    await expectFile(path, content);
  });

  it.each([
    ['nothing', {}, 'url/not-found', 404],
    ['a refusal', { status: 403 }, 'url/forbidden', 403],
    ['a page', { content: Buffer.from('<!doctype html>') }, 'url/not-gguf', '"<!do"'],
    ['an empty file', { content: Buffer.alloc(0) }, 'url/not-gguf', 'nothing'],
    ['no length', { ranges: false, length: false }, 'url/no-length', 'how long'],
    ['a packed body', { headers: { 'content-encoding': 'br' } }, 'url/', ''],
  ])('is refused where the server has %s', async (name, given, code, said) => {
    if (name !== 'nothing') server.files.set(PATH, { content, ...given });
    const failed = await fetchIt().catch((thrown: unknown) => thrown);
    expect(failed).toMatchObject({ code: expect.stringContaining(code) });
    expect(String(failed)).toContain(String(said));
    expect(server.downloads).toEqual([]);
    expect(await readdir(join(folder, 'urls')).catch(() => [])).toEqual([]);
  });
});

describe('the name of a file from an address', () => {
  const names: Record<string, string> = {
    'https://h.example/a/b-Q8_0.gguf': 'b-Q8_0.gguf',
    'https://h.example/a/x%20y.GGUF?token=1': 'x y.GGUF',
    'https://h.example/download?id=5': 'download.gguf',
    'https://h.example/': 'model.gguf',
    'https://h.example/..%2F..%2Fevil.gguf': 'model.gguf',
    'https://h.example/%00.gguf': 'model.gguf',
    'https://h.example/a%5Cb.gguf': 'model.gguf',
    'https://h.example/%E0%A4%A.gguf': '%E0%A4%A.gguf',
    'https://h.example/a:b|c.gguf': 'a_b_c.gguf',
  };
  for (const [address, name] of Object.entries(names)) {
    it(`${address} is ${name}`, () => {
      const [only] = addressesOf(address, '/urls');
      expect(basename(only?.place ?? '')).toBe(name);
      expect(dirname(dirname(only?.place ?? ''))).toBe('/urls');
      expect(only?.shown).not.toContain('token');
    });
  }
});
