import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HubContext, hubContext } from '../../src/hub/context.ts';
import { type Hasher, startHasher } from '../../src/hub/hasher.ts';
import { type PullOptions, planPull, pull } from '../../src/hub/pull.ts';
import { readHubSettings } from '../../src/hub/settings.ts';
import { locateRefs } from '../../src/model/locate.ts';
import { HubServer, noise, sha256 } from '../helpers/hub-server.ts';
import { nanoFolder } from '../helpers/nano.ts';

const MIB = 2 ** 20;
const SHA256 = 'a'.repeat(64);
const mebibyte = noise(MIB);
/** Large enough for a thread of its own, and no two mebibytes alike. */
const content = Buffer.concat(
  Array.from({ length: 66 }, (_, index) => [Buffer.from([index]), mebibyte]).flat(),
);

describe('a hasher', () => {
  it('of a thread comes to what one in place comes to, with memory that is used again', async () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 3 * MIB }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(lengths, async (pieces) => {
        const hashers: Hasher[] = [startHasher(SHA256, 100 * MIB), startHasher(SHA256, 1)];
        const digests = await Promise.all(hashers.map((hasher) => digestOf(hasher, pieces)));
        const whole = content.subarray(
          0,
          pieces.reduce((total, length) => total + length, 0),
        );
        expect(digests).toEqual([sha256(whole), sha256(whole)]);
      }),
      { numRuns: 8 },
    );
  });

  it('of a thread that was ended fails and waits for nothing', async () => {
    const hasher = startHasher(SHA256, 100 * MIB);
    hasher.end();
    await expect(hasher.digest()).rejects.toThrow('the thread that checks what comes failed');
    await expect(hasher.digest()).rejects.toMatchObject({ code: 'hub/hashing' });
  });
});

async function digestOf(hasher: Hasher, lengths: readonly number[]): Promise<string> {
  const memory = new Uint8Array(new SharedArrayBuffer(3 * MIB));
  let at = 0;
  for (const length of lengths) {
    memory.set(content.subarray(at, at + length));
    await hasher.update(memory.subarray(0, length));
    at += length;
  }
  const digest = await hasher.digest();
  hasher.end();
  return digest;
}

describe('a large file', () => {
  const REPO = 'maker/large-GGUF';
  let server: HubServer;
  let cache: string;

  beforeAll(async () => {
    server = await HubServer.start();
    server.repos.set(REPO, { files: { 'model-Q4_K_M.gguf': { content } } });
  });

  afterAll(() => server[Symbol.asyncDispose]());

  async function fetchIt(
    connections: number,
    given: Partial<HubContext> = {},
    onProgress?: PullOptions['onProgress'],
  ): Promise<string> {
    const context = hubContext({
      settings: readHubSettings({ HF_ENDPOINT: server.endpoint, HF_HUB_CACHE: cache }, '/nowhere'),
      backoffMs: 1,
      ...given,
    });
    const models = await locateRefs([`hf:${REPO}:Q4_K_M`], { nanoFolder, hub: context });
    const options = { files: 1, connections, ...(onProgress && { onProgress }) };
    const [file] = await pull(await planPull(models, context), options, context);
    return file?.path ?? '';
  }

  async function inCache(use: () => Promise<void>): Promise<void> {
    cache = await mkdtemp(join(tmpdir(), 'quantscope-large-'));
    try {
      await use();
    } finally {
      await rm(cache, { recursive: true, force: true });
    }
  }

  it.each([1, 3])('comes whole over %d connection(s) that break off', async (connections) => {
    await inCache(async () => {
      server.faults.push({ kind: 'drop', afterBytes: 9 * MIB }, { kind: 'drop', afterBytes: 5 * MIB + 1 });
      expect((await readFile(await fetchIt(connections))).equals(content)).toBe(true);
    });
  });

  it('is gone on with where it was interrupted, and what was there is checked too', async () => {
    await inCache(async () => {
      const stop = new AbortController();
      const stopped = fetchIt(1, { signal: stop.signal }, (_, { doneBytes }) => {
        if (doneBytes > 20 * MIB) stop.abort(new Error('enough'));
      });
      await expect(stopped).rejects.toThrow('enough');
      server.requests.length = 0;
      expect((await readFile(await fetchIt(2))).equals(content)).toBe(true);
      expect(server.downloads[0]?.headers.range).not.toMatch(/^bytes=0-/);
    });
  });

  it('of which one bit is wrong never gets its name', async () => {
    await inCache(async () => {
      const wrong = Buffer.from(content);
      wrong[wrong.length - 7] = (wrong.at(-7) ?? 0) ^ 1;
      server.swapped.set(sha256(content), wrong);
      await expect(fetchIt(1)).rejects.toMatchObject({ code: 'hub/wrong-bytes' });
      server.swapped.clear();
      const blobs = await readdir(join(cache, `models--${REPO.replace('/', '--')}`, 'blobs'));
      expect(blobs.filter((name) => !name.endsWith('.incomplete'))).toEqual([]);
    });
  });
});
