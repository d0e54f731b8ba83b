import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hubContext } from '../../src/hub/context.ts';
import { readHubSettings } from '../../src/hub/settings.ts';
import { downloadModels } from '../../src/model/download.ts';
import { type LocateOptions, locateRefs } from '../../src/model/locate.ts';
import { type OpenOptions, onlyOne } from '../../src/model/model.ts';
import { HubServer, noise } from '../helpers/hub-server.ts';
import { nanoFolder } from '../helpers/nano.ts';

const REPO = 'maker/m-GGUF';
const content = noise(2_000_000);
let server: HubServer;
let cache: string;

beforeEach(async () => {
  server = await HubServer.start();
  server.repos.set(REPO, { files: { 'm-Q4_K_M.gguf': { content } } });
  cache = await mkdtemp(join(tmpdir(), 'quantscope-open-'));
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await rm(cache, { recursive: true, force: true });
});

function options() {
  const settings = readHubSettings(
    { HF_ENDPOINT: server.endpoint, HF_HUB_CACHE: cache, HF_TOKEN: 'hf_x' },
    '/nowhere',
  );
  return { nanoFolder, hub: hubContext({ settings, backoffMs: 1 }) };
}

/** The (first) file of the one model that a ref stands for. */
async function openRef(ref: string, { firstWindowBytes, ...options }: LocateOptions & OpenOptions) {
  const [file] = await onlyOne(ref, await locateRefs([ref], options)).files();
  if (file === undefined) throw new Error('a model has a file');
  return file.open(firstWindowBytes === undefined ? {} : { firstWindowBytes });
}

describe('a ref that is opened', () => {
  it('is read by ranges, without a download and without the token leaving the Hub', async () => {
    await using source = await openRef(`hf:${REPO}:Q4_K_M`, { ...options(), firstWindowBytes: 1000 });
    expect(source.byteLength).toBe(content.length);
    expect(
      Buffer.from(await source.read(1_500_000, 1_500_100)).equals(content.subarray(1_500_000, 1_500_100)),
    ).toBe(true);
    for (const { headers } of server.downloads) {
      expect(headers.range).toBeDefined();
      expect(headers.authorization).toBeUndefined();
    }
  });

  it('survives the end of its signed link', async () => {
    await using source = await openRef(`hf:${REPO}:Q4_K_M`, { ...options(), firstWindowBytes: 1000 });
    server.expiredBefore = 2;
    expect((await source.read(5000, 5010)).length).toBe(10);
  });

  it('comes from the cache once it is there', async () => {
    const own = options();
    const models = await locateRefs([`hf:${REPO}:Q4_K_M`], own);
    const [file] = await downloadModels(models, {}, own.hub);
    server.requests.length = 0;
    await using source = await openRef(`hf:${REPO}:Q4_K_M`, options());
    expect(source.name).toBe(file?.path);
    expect(server.downloads).toEqual([]);
  });

  it('names the error of the Hub', async () => {
    server.repos.set(REPO, { files: { 'm-Q4_K_M.gguf': { content } }, gated: true });
    const { settings } = options().hub;
    const anonymous = { nanoFolder, hub: hubContext({ settings: { ...settings, token: () => undefined } }) };
    await expect(openRef(`hf:${REPO}:Q4_K_M`, anonymous)).rejects.toMatchObject({ code: 'hub/gated' });
    await expect(openRef('nano', options())).rejects.toMatchObject({ code: 'ref/several' });
  });
});
