import { spawn } from 'node:child_process';
import { lstat, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HubContext, hubContext } from '../../src/hub/context.ts';
import { recordPath } from '../../src/hub/partial.ts';
import { planPull, pull } from '../../src/hub/pull.ts';
import { readHubSettings } from '../../src/hub/settings.ts';
import { locateRefs } from '../../src/model/locate.ts';
import { type Fault, HubServer, noise, sha256 } from '../helpers/hub-server.ts';
import { nanoFolder } from '../helpers/nano.ts';

const REPO = 'maker/model-GGUF';
const content = noise(3_300_000);
const blobName = sha256(content);

let server: HubServer;
let cache: string;
let paused: number[];
let notices: string[];

beforeEach(async () => {
  server = await HubServer.start();
  server.repos.set(REPO, { files: { 'model-Q4_K_M.gguf': { content } } });
  cache = await mkdtemp(join(tmpdir(), 'quantscope-hub-'));
  paused = [];
  notices = [];
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await rm(cache, { recursive: true, force: true });
});

/** Real network, files and hashes; pauses are noted and not slept, chance is fixed. */
function context(given: Partial<HubContext> = {}): HubContext {
  return hubContext({
    settings: readHubSettings(
      { HF_ENDPOINT: server.endpoint, HF_HUB_CACHE: cache, HF_TOKEN: 'hf_secret' },
      '/nowhere',
    ),
    sleep: async (milliseconds, signal) => {
      paused.push(milliseconds);
      await new Promise((done) => setTimeout(done, Math.min(milliseconds, 30)));
      signal.throwIfAborted();
    },
    random: () => 0.5,
    notice: (text) => notices.push(text),
    ...given,
  });
}

async function fetchIt(
  own = context(),
  connections: number | 'auto' = 1,
  ref = `hf:${REPO}:Q4_K_M`,
): Promise<string> {
  const models = await locateRefs([ref], { nanoFolder, hub: own });
  const plan = await planPull(models, own);
  const [file] = await pull(plan, { files: 2, connections }, own);
  return file?.path ?? '';
}

/** Names under blobs/ and what of them is right: the law that every test ends with. */
async function expectNothingWrong(): Promise<void> {
  const folder = join(cache, `models--${REPO.replace('/', '--')}`, 'blobs');
  for (const name of await readdir(folder).catch(() => [])) {
    if (name.endsWith('.incomplete')) continue;
    expect(sha256(await readFile(join(folder, name)))).toBe(name);
  }
}

async function expectInPlace(path: string): Promise<void> {
  expect(sha256(await readFile(path))).toBe(blobName);
  await expectNothingWrong();
  expect(await leftovers()).toEqual([]);
}

async function leftovers(): Promise<string[]> {
  const names = await readdir(cache, { recursive: true });
  return names.filter((name) => /incomplete|\.link|quantscope\.lock/.test(name));
}

/** Bytes that the record of the partial file says are there. */
async function recordedBytes(): Promise<number> {
  const partial = join(
    cache,
    `models--${REPO.replace('/', '--')}`,
    'blobs',
    `${blobName}.quantscope.incomplete`,
  );
  const { done }: { done: [number, number][] } = JSON.parse(await readFile(recordPath(partial), 'utf8'));
  const bytes = await readFile(partial);
  for (const [start, end] of done)
    expect(bytes.subarray(start, end).equals(content.subarray(start, end))).toBe(true);
  return done.reduce((sum, [start, end]) => sum + end - start, 0);
}

describe('a download without a fault', () => {
  it('lies in the cache as huggingface_hub puts it there', async () => {
    const path = await fetchIt();
    const commit = server.commitOf(REPO);
    const root = join(cache, 'models--maker--model-GGUF');
    expect(path).toBe(join(root, 'snapshots', commit, 'model-Q4_K_M.gguf'));
    expect(await readlink(path)).toBe(join('..', '..', 'blobs', blobName));
    expect(await readFile(join(root, 'refs', 'main'), 'utf8')).toBe(commit);
    expect(await readFile(join(cache, 'CACHEDIR.TAG'), 'utf8')).toMatch(
      /^Signature: 8a477f597d28d172789f06886806bc55\n/,
    );
    await expectInPlace(path);
  });

  it('is not asked for again', async () => {
    await fetchIt();
    const before = server.downloads.length;
    await fetchIt();
    expect(server.downloads.length).toBe(before);
  });

  it('asks for a commit and never sends the token to the host with the bytes', async () => {
    server.options = { bytesPerSecond: 4_000_000 };
    await fetchIt(context(), 4);
    const resolves = server.requests.filter(({ url }) => url.includes('/resolve/'));
    expect(resolves.every(({ url }) => url.includes(server.commitOf(REPO)))).toBe(true);
    expect(resolves.every(({ headers }) => headers.authorization === 'Bearer hf_secret')).toBe(true);
    expect(server.downloads.length).toBeGreaterThan(1);
    for (const { headers } of server.downloads) {
      expect(headers.authorization).toBeUndefined();
      expect(headers['accept-encoding']).toMatch(/^identity/);
    }
  });

  it('works for a file that git keeps itself', async () => {
    server.repos.set(REPO, { files: { 'a/small.gguf': { content: noise(5000), lfs: false } } });
    const path = await fetchIt(context(), 'auto', `hf:${REPO}/a/small.gguf`);
    expect((await readFile(path)).equals(noise(5000))).toBe(true);
    expect(await readlink(path)).toMatch(/^\.\.\/\.\.\/\.\.\/blobs\/[0-9a-f]{40}$/);
  });

  it('puts the file itself into the snapshot where links are not wanted', async () => {
    const settings = { ...context().settings, symlinks: false };
    const path = await fetchIt(context({ settings }));
    expect((await lstat(path)).isFile()).toBe(true);
    await expectInPlace(path);
  });
});

describe('a fault that passes', () => {
  const passing: Record<string, readonly Fault[]> = {
    'a connection dropped in the middle': [{ kind: 'drop', afterBytes: 1_500_000 }],
    'connections dropped again and again': Array.from({ length: 12 }, () => ({
      kind: 'drop',
      afterBytes: 250_000,
    })),
    'a body shorter than asked for': [{ kind: 'short' }],
    'wrong bytes once': [{ kind: 'wrong-bytes' }],
    'a page in place of the file once': [{ kind: 'html' }],
    '416 once': [{ kind: 'status', status: 416 }],
    '429 without Retry-After': [{ kind: 'status', status: 429 }],
    '503 without Retry-After': [{ kind: 'status', status: 503 }],
    '403 of an expired link': [{ kind: 'status', status: 403 }],
    'a drop and then 416': [
      { kind: 'drop', afterBytes: 1_200_000 },
      { kind: 'status', status: 416 },
    ],
  };
  for (const [name, faults] of Object.entries(passing)) {
    for (const connections of [1, 4]) {
      it(`${name} ends in the exact file, over ${connections} connection(s)`, async () => {
        server.faults.push(...faults);
        await expectInPlace(await fetchIt(context(), connections));
      });
    }
  }

  it('429 with Retry-After is waited for', async () => {
    server.faults.push({ kind: 'status', status: 429, headers: { 'retry-after': '7' } });
    await expectInPlace(await fetchIt());
    expect(paused.some((pause) => pause >= 7000 && pause < 8100)).toBe(true);
    expect(notices.join()).toContain('429');
  });

  it('a Retry-After of a year is cut to what anybody waits, and the message says so', async () => {
    server.faults.push({ kind: 'status', status: 503, headers: { 'retry-after': '31536000' } });
    await expectInPlace(await fetchIt());
    expect(Math.max(...paused)).toBeLessThan(332_000);
    expect(notices.join()).toMatch(/trying again in 5 min 3\d s \(it asked for 8760 h 0 min/);
  });

  it('503 with a date in Retry-After is waited for, on the Hub too', async () => {
    const date = new Date(Date.now() + 20_000).toUTCString();
    server.hubFaults.push({ kind: 'status', status: 503, headers: { 'retry-after': date } });
    await expectInPlace(await fetchIt());
    expect(paused.some((pause) => pause > 15_000 && pause < 22_000)).toBe(true);
  });

  it('a RateLimit that is used up is waited for', async () => {
    server.hubFaults.push({ kind: 'status', status: 429, headers: { ratelimit: '"api";r=0;t=12' } });
    await expectInPlace(await fetchIt());
    expect(paused.some((pause) => pause >= 13_000 && pause < 14_100)).toBe(true);
  });

  it('a stall is given up after the idle limit and gone on with where it was', async () => {
    server.faults.push({ kind: 'stall', afterBytes: 1_500_000 });
    await expectInPlace(await fetchIt(context({ idleTimeoutMs: 300 })));
    const ranges = server.downloads.map(({ headers }) => headers.range);
    expect(ranges[1]).toBe(`bytes=1500000-${content.length - 1}`);
    expect(server.downloads[1]?.headers['if-range']).toMatch(/^"cdn-/);
  });

  it('a link that expires while it is used is asked for anew', async () => {
    server.faults.push({ kind: 'drop', afterBytes: 1_000_000 });
    server.expiredBefore = 2;
    await expectInPlace(await fetchIt());
    expect(
      server.requests.filter(({ method, server: which }) => method === 'HEAD' && which === 'hub').length,
    ).toBe(2);
  });
});

describe('a server without ranges', () => {
  it('is read from the beginning to the end', async () => {
    server.options = { ranges: false };
    await expectInPlace(await fetchIt(context(), 4));
    expect(server.downloads.length).toBe(1);
  });

  it('is started over after a drop', async () => {
    server.options = { ranges: false };
    server.faults.push({ kind: 'drop', afterBytes: 2_000_000 });
    await expectInPlace(await fetchIt());
  });
});

describe('content that changes', () => {
  it('during a download is never spliced: the server’s new bytes are not the commit’s', async () => {
    server.faults.push({ kind: 'drop', afterBytes: 1_500_000 });
    const own = context({
      sleep: async () => {
        server.swapped.set(blobName, noise(content.length, 7));
      },
    });
    await expect(fetchIt(own)).rejects.toMatchObject({ code: 'hub/wrong-bytes' });
    await expectNothingWrong();
  });

  it('between attempts is another commit, another blob, and the first is not touched', async () => {
    server.fault = { kind: 'drop', afterBytes: 0 };
    server.faults.push({ kind: 'drop', afterBytes: 1_500_000 });
    await expect(fetchIt()).rejects.toMatchObject({ code: 'hub/unreachable' });
    server.fault = undefined;
    const other = noise(2_000_000, 9);
    server.repos.set(REPO, { files: { 'model-Q4_K_M.gguf': { content: other } } });
    const path = await fetchIt();
    expect(sha256(await readFile(path))).toBe(sha256(other));
    await expectNothingWrong();
  });
});

describe('a fault that stays', () => {
  const lasting: Record<string, { fault: Fault; code: string }> = {
    'every connection dropped at once': { fault: { kind: 'drop', afterBytes: 0 }, code: 'hub/unreachable' },
    'wrong bytes': { fault: { kind: 'wrong-bytes' }, code: 'hub/wrong-bytes' },
    'a page in place of the file': { fault: { kind: 'html' }, code: 'hub/not-the-file' },
    '416': { fault: { kind: 'status', status: 416 }, code: 'hub/changed' },
    '429': { fault: { kind: 'status', status: 429 }, code: 'hub/rate-limited' },
    '503': { fault: { kind: 'status', status: 503 }, code: 'hub/http-status' },
    '403': { fault: { kind: 'status', status: 403 }, code: 'hub/forbidden' },
    'a stall': { fault: { kind: 'stall', afterBytes: 0 }, code: 'hub/unreachable' },
  };
  for (const [name, { fault, code }] of Object.entries(lasting)) {
    it(`${name} ends in ${code}, with what was there kept or known to be wrong`, async () => {
      server.faults.push({ kind: 'drop', afterBytes: 1_500_000 });
      server.fault = fault;
      const failed = await fetchIt(context({ idleTimeoutMs: 200 })).catch((thrown: unknown) => thrown);
      expect(failed).toMatchObject({ code });
      expect(failed).toHaveProperty('hint');
      expect(String(failed)).not.toMatch(/secret/);
      await expectNothingWrong();
      const isKept = !['hub/wrong-bytes', 'hub/changed'].includes(code);
      expect(await recordedBytes()).toBe(isKept ? 1_500_000 : 0);
      server.fault = undefined;
      server.requests.length = 0;
      await expectInPlace(await fetchIt());
      expect(server.downloads[0]?.headers.range).toMatch(isKept ? /^bytes=1500000-/ : /^bytes=0-/);
    });
  }

  it('a full disk says so and keeps what fits', async () => {
    server.options = { bytesPerSecond: 5_000_000 };
    const { PartialFile } = await import('../../src/hub/partial.ts');
    const write = PartialFile.prototype.write;
    const fits = 2 ** 20;
    let fitted = 0;
    PartialFile.prototype.write = async function (bytes, start) {
      if (start >= fits)
        throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      await write.call(this, bytes, start);
      fitted += bytes.length;
    };
    try {
      await expect(fetchIt()).rejects.toMatchObject({ code: 'hub/disk-full' });
    } finally {
      PartialFile.prototype.write = write;
    }
    expect(fitted).toBeGreaterThanOrEqual(fits);
    expect(await recordedBytes()).toBe(fitted);
    await expectInPlace(await fetchIt());
  });

  it('a partial file that was damaged meanwhile is found out by its hash and started over', async () => {
    server.faults.push({ kind: 'drop', afterBytes: 1_500_000 });
    server.fault = { kind: 'drop', afterBytes: 0 };
    await expect(fetchIt()).rejects.toThrow();
    server.fault = undefined;
    const partial = join(cache, 'models--maker--model-GGUF', 'blobs', `${blobName}.quantscope.incomplete`);
    const bytes = await readFile(partial);
    bytes.fill(0, 1000, 2000);
    await writeFile(partial, bytes);
    await expectInPlace(await fetchIt());
  });
});

const worker = fileURLToPath(new URL('../helpers/pull-process.ts', import.meta.url));
const tsx = fileURLToPath(new URL('../../node_modules/tsx/dist/cli.mjs', import.meta.url));

function pullProcess(): { readonly end: Promise<number | null>; readonly kill: () => void } {
  const child = spawn(process.execPath, [tsx, worker, server.endpoint, cache, `hf:${REPO}:Q4_K_M`], {
    stdio: 'ignore',
    detached: true,
  });
  const end = new Promise<number | null>((done) => {
    child.on('close', done);
  });
  return {
    end,
    kill: () => {
      // tsx runs the script in a child of its own: both end at once.
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    },
  };
}

describe('processes', () => {
  it('killed at random moments leave nothing wrong, and the last one completes the file', async () => {
    server.options = { bytesPerSecond: 3_000_000 };
    for (const milliseconds of [700, 1000, 1300]) {
      const child = pullProcess();
      await new Promise((done) => setTimeout(done, milliseconds));
      child.kill();
      await child.end;
      await expectNothingWrong();
    }
    server.options = {};
    await expectInPlace(await fetchIt());
  });

  it('two at once download the file once', async () => {
    server.options = { bytesPerSecond: 5_000_000 };
    const [one, other] = [pullProcess(), pullProcess()];
    expect(await Promise.all([one.end, other.end])).toEqual([0, 0]);
    const asked = server.downloads.filter(({ headers }) => headers.range?.startsWith('bytes=0-'));
    expect(asked.length).toBe(1);
    await expectInPlace(await fetchIt());
  });
});
