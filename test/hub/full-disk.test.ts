import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hubContext } from '../../src/hub/context.ts';
import { planPull, pull } from '../../src/hub/pull.ts';
import { readHubSettings } from '../../src/hub/settings.ts';
import { locateRefs } from '../../src/model/locate.ts';
import { HubServer, noise } from '../helpers/hub-server.ts';
import { nanoFolder } from '../helpers/nano.ts';

/** A file system of a few MiB, where the system lets this process mount one: root on Linux. */
function mountSmall(megabytes: number): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'quantscope-small-disk-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
  if (status === 0) return folder;
  rmSync(folder, { recursive: true });
  return undefined;
}

function unmount(folder: string): void {
  execFileSync('umount', [folder]);
  rmSync(folder, { recursive: true });
}

const probe = mountSmall(1);
if (probe !== undefined) unmount(probe);

// Without the right to mount: faults.test.ts has a write that fails.
describe.skipIf(probe === undefined)('a disk that is really full', () => {
  const REPO = 'maker/model-GGUF';
  const content = noise(6_000_000);
  let server: HubServer;
  let disk: string;

  beforeEach(async () => {
    server = await HubServer.start();
    server.repos.set(REPO, { files: { 'model-Q4_K_M.gguf': { content } } });
    disk = mountSmall(10) ?? '';
  });

  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    unmount(disk);
  });

  async function fetchIt(connections = 1): Promise<string> {
    const context = hubContext({
      settings: readHubSettings(
        { HF_ENDPOINT: server.endpoint, HF_HUB_CACHE: join(disk, 'hub') },
        '/nowhere',
      ),
    });
    const models = await locateRefs([`hf:${REPO}:Q4_K_M`], { nanoFolder, hub: context });
    const plan = await planPull(models, context);
    const [file] = await pull(plan, { files: 1, connections }, context);
    return file?.path ?? '';
  }

  const ballast = () => join(disk, 'ballast');

  /** Takes all but so many bytes. */
  function fill(leaveBytes: number): void {
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(ballast(), Buffer.alloc(Math.max(0, bavail * bsize - leaveBytes)));
  }

  async function expectExact(path: string): Promise<void> {
    expect((await readFile(path)).equals(content)).toBe(true);
    expect(await readFile(join(disk, 'hub/models--maker--model-GGUF/refs/main'), 'utf8')).toBe(
      server.commitOf(REPO),
    );
    expect(await readFile(join(disk, 'hub/CACHEDIR.TAG'), 'utf8')).toMatch(/^Signature: /);
    const names = await readdir(disk, { recursive: true });
    expect(names.filter((name) => /incomplete|\.link|quantscope\.lock|main\./.test(name))).toEqual([]);
  }

  it('is seen before a byte is fetched', async () => {
    fill(3_000_000);
    await expect(fetchIt()).rejects.toMatchObject({
      code: 'hub/no-space',
      message: expect.stringMatching(/2\.9 MiB free, 5\.7 MiB are needed/),
    });
    expect(server.downloads).toEqual([]);
  });

  for (const connections of [1, 3]) {
    it(`in the middle, over ${connections} connection(s), says what is missing, and is gone on from`, async () => {
      server.options = { bytesPerSecond: 4_000_000 / connections };
      const ended = fetchIt(connections).catch((thrown: unknown) => thrown);
      while (server.downloads.length === 0) await wait(10);
      await wait(500);
      fill(0);
      const failed = await ended;
      expect(failed).toMatchObject({ code: 'hub/disk-full' });
      expect(String(failed)).toMatch(
        /model-Q4_K_M\.gguf: no space left in .*blobs \(ENOSPC, .* free, [\d.]+ MiB still to be written\)/,
      );
      await rm(ballast());
      server.options = {};
      server.requests.length = 0;
      await expectExact(await fetchIt());
      expect(server.downloads[0]?.headers.range).not.toMatch(/^bytes=0-/);
    });
  }

  it('that has no room for a lock or a record', async () => {
    await mkdir(join(disk, 'hub'));
    fill(0);
    const failed = await fetchIt().catch((thrown: unknown) => thrown);
    expect(String(failed)).toMatch(/no space left|are needed/);
    expect(failed).toHaveProperty('hint');
    await rm(ballast());
    await expectExact(await fetchIt());
  });

  it('that has no room for the ref, after the bytes', async () => {
    await fetchIt();
    const refs = join(disk, 'hub/models--maker--model-GGUF/refs');
    await rm(refs, { recursive: true });
    fill(0);
    await expect(fetchIt()).rejects.toMatchObject({ code: 'hub/disk-full' });
    await rm(ballast());
    await expectExact(await fetchIt());
  });

  it('does not matter where it cannot be written and the file is there', async () => {
    const place = await fetchIt();
    await rm(join(disk, 'hub/models--maker--model-GGUF/refs'), { recursive: true });
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    try {
      server.requests.length = 0;
      expect(await fetchIt()).toBe(place);
      expect(server.downloads).toEqual([]);
    } finally {
      execFileSync('mount', ['-o', 'remount,rw', disk]);
    }
  });

  it('of which the cache is removed under a download says so', async () => {
    server.options = { bytesPerSecond: 3_000_000 };
    const ended = fetchIt().catch((thrown: unknown) => thrown);
    while (server.downloads.length === 0) await wait(10);
    await wait(300);
    await rm(join(disk, 'hub'), { recursive: true });
    expect(await ended).toMatchObject({
      code: 'hub/removed',
      message: expect.stringMatching(/was removed while it was downloaded$/),
    });
  });
});
