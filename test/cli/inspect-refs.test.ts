import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAvailable } from '../../src/schema/availability.ts';
import { type Inspection, inspectionSchema } from '../../src/schema/inspection.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { HubServer } from '../helpers/hub-server.ts';
import { nanoPath } from '../helpers/nano.ts';
import { shardFiles, writeShards } from '../helpers/split.ts';

const REPO = 'maker/nano-GGUF';
const SHARDED = 'maker/nano-sharded-GGUF';
let server: HubServer;
let scratch: Awaited<ReturnType<typeof scratchFolder>>;

beforeEach(async () => {
  server = await HubServer.start();
  scratch = await scratchFolder();
  const content = async (name: string) => ({ content: await readFile(nanoPath(name)) });
  server.repos.set(REPO, {
    files: { 'nano.Q4_K_M.gguf': await content('Q4_K_M'), 'nano-q2_k.gguf': await content('Q2_K') },
  });
  const shards = shardFiles(await readFile(nanoPath('Q8_0')), 3, 'Q8_0/nano-Q8_0');
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

async function inspected(ref: string, env: Record<string, string> = {}): Promise<Inspection> {
  const { stdout, stderr, exitCode } = await run(['inspect', ref, '--json'], env);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return inspectionSchema.parse(JSON.parse(stdout));
}

describe('inspect of a ref to the Hub', () => {
  it('reads the header by a range request and says which file at which commit it is', async () => {
    const inspection = await inspected(`hf:${REPO}:Q4_K_M`);
    expect(inspection.source).toEqual({
      kind: 'url',
      requests: 1,
      bytesFetched: 262_144,
      hub: { repo: REPO, commit: server.commitOf(REPO), file: 'nano.Q4_K_M.gguf' },
    });
    expect(inspection.quantization).toMatchObject({ label: 'Q4_K_M', labelAgrees: true });
    expect(server.downloads.map(({ headers }) => headers.range)).toEqual(['bytes=0-262143']);
    const { stdout } = await run(['inspect', `hf:${REPO}:Q4_K_M`]);
    expect(stdout).toContain(
      `nano.Q4_K_M.gguf of ${REPO} at commit ${server.commitOf(REPO).slice(0, 12)}, not downloaded`,
    );
  });

  it('takes a file, a revision, an address of the Hub and a name of the user’s catalogue for the same', async () => {
    const commit = server.commitOf(REPO);
    await writeFile(
      scratch.path('catalogue.json'),
      JSON.stringify({ tiny: { repo: REPO, quantizations: ['Q2_K'] } }),
    );
    const env = { QUANTSCOPE_CATALOGUE: scratch.path('catalogue.json') };
    const refs = [
      `hf:${REPO}/nano-q2_k.gguf`,
      `hf:${REPO}@${commit}:Q2_K`,
      `${server.endpoint}/${REPO}/resolve/main/nano-q2_k.gguf`,
      'tiny:Q2_K',
      'tiny',
    ];
    for (const ref of refs) {
      const { source, bytes } = await inspected(ref, env);
      expect(source.hub, ref).toEqual({ repo: REPO, commit, file: 'nano-q2_k.gguf' });
      expect(bytes).toBe((await readFile(nanoPath('Q2_K'))).length);
    }
  });

  it('uses the cached file once it is there, offline too', async () => {
    await run(['pull', `hf:${REPO}:Q4_K_M`, '--quiet']);
    server.requests.length = 0;
    expect((await inspected(`hf:${REPO}:Q4_K_M`)).source.kind).toBe('file');
    expect(server.downloads).toEqual([]);
    server.requests.length = 0;
    const offline = await inspected(`hf:${REPO}:Q4_K_M`, { HF_HUB_OFFLINE: '1' });
    expect(offline.source).toMatchObject({ kind: 'file', hub: { file: 'nano.Q4_K_M.gguf' } });
    expect(server.requests).toEqual([]);
    const absent = await run(['inspect', `hf:${REPO}:Q2_K`], { HF_HUB_OFFLINE: '1' });
    expect(absent).toMatchObject({ exitCode: 2, stdout: '' });
    expect(absent.stderr).toMatch(/^error: .*\nhint: .*\n$/);
  });

  it('lists what there is where the quantization is missing; one model needs none', async () => {
    const { exitCode, stdout, stderr } = await run(['inspect', `hf:${REPO}:Q6_K`]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(/it has Q4_K_M \(2\.6 MiB\), Q2_K \(1\.7 MiB\)\nhint: /);
    const unnamed = await run(['inspect', REPO.concat(':q4')]);
    expect(unnamed.exitCode).toBe(0);
    expect(unnamed.stderr).toContain('no model is named so; taking');
    expect((await inspected(`hf:${SHARDED}`)).shards).toHaveLength(3);
  });

  it('ends with one error for a repository, a server or a name that is not there', async () => {
    for (const ref of [
      'hf:no/such:Q4_K_M',
      `${server.endpoint}/no/x.gguf`,
      'http://127.0.0.1:1/x.gguf',
      'phi4',
    ]) {
      const { exitCode, stdout, stderr } = await run(['inspect', ref]);
      expect({ ref, exitCode, stdout }).toEqual({ ref, exitCode: 2, stdout: '' });
      expect(stderr).toMatch(/^error: .*\nhint: .*\n$/);
    }
  });
});

describe('inspect of a model in shards', () => {
  it('is of the whole, however it is named', async () => {
    const bytes = await readFile(nanoPath('Q8_0'));
    const whole = await inspected('nano:Q8_0');
    await mkdir(scratch.path('folder'));
    const [first = ''] = await writeShards(scratch.path('folder'), bytes, 3, 'nano-Q8_0');
    const url = `${server.endpoint}/${SHARDED}/resolve/main/Q8_0/nano-Q8_0-00001-of-00003.gguf`;
    // An endpoint of another server, so that the address is one like any other.
    const foreign = { HF_ENDPOINT: 'http://127.0.0.1:1' };
    const runs = [
      [first, {}],
      [scratch.path('folder'), {}],
      [`hf:${SHARDED}:Q8_0`, {}],
      [`${url}?download=true`, {}],
      [`${url}?download=true`, foreign],
    ] as const;
    for (const [ref, env] of runs) {
      const inspection = await inspected(ref, env);
      expect(inspection.model, ref).toEqual(whole.model);
      expect(inspection.memory).toEqual(whole.memory);
      expect(inspection.quantization).toEqual(whole.quantization);
      expect(inspection.bytes).toBe(inspection.shards.reduce((sum, shard) => sum + shard.bytes, 0));
      expect(inspection.shards.map(({ name, tensorCount }) => [basename(name), tensorCount])).toEqual([
        ['nano-Q8_0-00001-of-00003.gguf', 9],
        ['nano-Q8_0-00002-of-00003.gguf', 9],
        ['nano-Q8_0-00003-of-00003.gguf', 9],
      ]);
      expect(inspection.tensors.map(({ name, bytes: size }) => [name, size])).toEqual(
        whole.tensors.map(({ name, bytes: size }) => [name, size]),
      );
      expect(inspection.tensors[9]).toMatchObject({ shard: 2, offset: 0 });
    }
  });

  it('prints the extents of every shard, and facts that do not depend on the split', async () => {
    const [first = ''] = await writeShards(scratch.folder, await readFile(nanoPath('Q8_0')), 3, 'nano-Q8_0');
    const { stdout } = await run(['inspect', first]);
    expect(stdout).toMatch(/4\.3 MiB \(4,504,448\s+bytes\) in 3\s+shards/);
    expect(stdout).toMatch(/^ {2}shard 2 +1\.1 MiB +24 +106 +640 +1,187,456 +9$/m);
    const tensors = (await run(['inspect', first, '--tensors'])).stdout;
    expect(tensors).toMatch(/^Tensors +type +shape +shard +offset +bytes$/m);
    const [split, whole] = await Promise.all([
      run(['inspect', first, '--diffable']),
      run(['inspect', 'nano:Q8_0', '--diffable']),
    ]);
    expect(split.stdout).toBe(whole.stdout);
  });

  it('shows a later shard alone as the part that it is', async () => {
    const [, second = ''] = await writeShards(
      scratch.folder,
      await readFile(nanoPath('Q8_0')),
      3,
      'nano-Q8_0',
    );
    for (const ref of [second, `hf:${SHARDED}/Q8_0/nano-Q8_0-00002-of-00003.gguf`]) {
      const part = await inspected(ref);
      expect(part).toMatchObject({ bytes: 1_187_456, shards: [], model: { shard: { number: 2, of: 3 } } });
      expect(isAvailable(part.memory)).toBe(false);
      const { stdout } = await run(['inspect', ref]);
      expect(stdout).toMatch(/^Shard 2 of 3 of a model\n/);
      expect(stdout).toMatch(/shard +2 of 3; what the model is stands in the first/);
      expect(stdout).toContain('No estimate: the file is shard 2 of 3');
    }
  });

  it('says which shard is missing, here and on a server', async () => {
    const shards = await writeShards(scratch.folder, await readFile(nanoPath('Q8_0')), 3, 'nano-Q8_0');
    await rm(shards[2] ?? '');
    const here = await run(['inspect', shards[0] ?? '']);
    expect(here).toMatchObject({ exitCode: 2, stdout: '' });
    expect(here.stderr).toMatch(/^error: .*1 of 3 shards is missing: nano-Q8_0-00003-of-00003\.gguf\nhint: /);
    const { files } = server.repos.get(SHARDED) ?? { files: {} };
    const { 'Q8_0/nano-Q8_0-00002-of-00003.gguf': _, ...others } = files;
    server.repos.set(SHARDED, { files: others });
    const onHub = await run(['inspect', `hf:${SHARDED}:Q8_0`]);
    expect(onHub.stderr).toMatch(/1 of 3 shards are missing: Q8_0\/nano-Q8_0-00002-of-00003\.gguf\nhint: /);
    const url = `${server.endpoint}/${SHARDED}/resolve/main/Q8_0/nano-Q8_0-00001-of-00003.gguf`;
    const byUrl = await run(['inspect', url], { HF_ENDPOINT: 'http://127.0.0.1:1' });
    expect(byUrl).toMatchObject({ exitCode: 2, stdout: '' });
    expect(byUrl.stderr).toMatch(/^error: shard 2 of 3 is missing: http.*-00002-of-00003\.gguf.*\nhint: /);
  });

  it('ends with 1 where the shards do not belong together', async () => {
    const bytes = await readFile(nanoPath('Q8_0'));
    const [, second = ''] = await writeShards(scratch.folder, bytes, 3, 'nano');
    const [first = ''] = await writeShards(scratch.folder, bytes, 3, 'nano');
    await writeFile(second, await readFile(first));
    const { exitCode, stdout, stderr } = await run(['inspect', first]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/^error: .*split\.no.*\nhint: .*\n$/);
  });
});
