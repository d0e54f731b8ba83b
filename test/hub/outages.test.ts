import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hubContext } from '../../src/hub/context.ts';
import { planPull, pull } from '../../src/hub/pull.ts';
import { type HubSettings, readHubSettings } from '../../src/hub/settings.ts';
import { locateRefs } from '../../src/model/locate.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { HubServer, noise } from '../helpers/hub-server.ts';

const REPO = 'maker/outage-GGUF';
let server: HubServer;
let scratch: Awaited<ReturnType<typeof scratchFolder>>;
let notices: string[];

beforeEach(async () => {
  server = await HubServer.start();
  scratch = await scratchFolder();
  notices = [];
  const files = { 'm-Q4_K_M.gguf': { content: noise(3000, 1) }, 'm-Q8_0.gguf': { content: noise(4000, 2) } };
  server.repos.set(REPO, { files });
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await scratch[Symbol.asyncDispose]();
});

function access(settings: Partial<HubSettings> = {}) {
  const env = { HF_ENDPOINT: server.endpoint, HF_HUB_CACHE: scratch.path('cache'), HF_TOKEN: 'hf_x' };
  const read = { ...readHubSettings(env, scratch.folder), ...settings };
  const notice = (text: string) => void notices.push(text);
  return { nanoFolder: '', hub: hubContext({ settings: read, notice, backoffMs: 1 }) };
}

const locate = (ref: string, settings: Partial<HubSettings> = {}) => locateRefs([ref], access(settings));

async function pulled(ref: string): Promise<void> {
  const { hub } = access();
  const plan = await planPull(await locate(ref), hub);
  await pull(plan, { files: 1, connections: 1 }, hub);
  notices.length = 0;
  server.requests.length = 0;
}

describe('a model in the cache', () => {
  it.each([
    [503, {}, 'the server answered 503'],
    [429, { 'retry-after': '300' }, 'too many requests'],
    [401, {}, 'does not accept the token'],
    [401, { 'x-error-code': 'GatedRepo' }, 'gated'],
    [403, {}, 'access denied'],
    [404, { 'x-error-code': 'RepoNotFound' }, 'no such repository'],
  ])('is used where the Hub answers %i %o, with one notice', async (status, headers, said) => {
    await pulled(`hf:${REPO}:Q4_K_M`);
    server.hubFaults.push({ kind: 'status', status, headers });
    const [model] = await locate(`hf:${REPO}:Q4_K_M`);
    expect((await model?.files())?.map(({ isRemote }) => isRemote)).toEqual([false]);
    expect(notices).toEqual([expect.stringContaining('using what the cache has of commit')]);
    expect(notices[0]).toContain(said);
    expect(server.requests).toHaveLength(1);
  });

  it('costs one short wait where the Hub says nothing, and none after it', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
    const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    await pulled(`hf:${REPO}:Q4_K_M`);
    let asked = 0;
    silent.on('request', () => void asked++);
    const settings = { endpoint, answerTimeoutMs: 200 };
    for (const _ of [1, 2]) expect(await locate(`hf:${REPO}:Q4_K_M`, settings)).toHaveLength(1);
    expect(asked).toBe(1);
    expect(notices[1]).toContain('did not answer before');
    silent.closeAllConnections();
    silent.close();
  });

  it('does not stand for another that the Hub has: that is waited for', async () => {
    await pulled(`hf:${REPO}:Q4_K_M`);
    server.hubFaults.push({ kind: 'status', status: 503 });
    const [model] = await locate(`hf:${REPO}:Q8_0`);
    expect(model?.path).toBe('m-Q8_0.gguf');
    server.hubFaults.push(...Array.from({ length: 7 }, () => ({ kind: 'status' as const, status: 503 })));
    await expect(locate(`hf:${REPO}:Q8_0`)).rejects.toMatchObject({ code: 'hub/http-status' });
  });

  it('is asked for nobody where its commit is named and it is whole', async () => {
    await pulled(`hf:${REPO}:Q4_K_M`);
    const commit = server.commitOf(REPO);
    for (const rest of [':Q4_K_M', ':q4_k_m', '/m-Q4_K_M.gguf']) {
      const [model] = await locate(`hf:${REPO}@${commit}${rest}`);
      expect((await model?.files())?.map(({ isRemote }) => isRemote)).toEqual([false]);
    }
    expect(server.requests).toEqual([]);
    // Which models there are, or begin so, the cache cannot know.
    await locate(`hf:${REPO}@${commit}`);
    expect(notices.at(-1)).toContain('names none of 2 models: taking m-Q4_K_M.gguf, as llama.cpp does');
    server.requests.length = 0;
    await locate(`hf:${REPO}@${commit}:Q4`);
    expect(server.requests.length).toBeGreaterThan(0);
  });
});

describe('the settings', () => {
  const read = (env: Record<string, string>) => readHubSettings(env, '/home/u');

  it('keep a token to themselves where that is asked for', () => {
    expect(read({ HF_TOKEN: 'hf_x', HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }).token()).toBeUndefined();
  });

  it('take the cache folder as llama.cpp does, then as huggingface_hub', () => {
    const folders = { LLAMA_CACHE: '/l', HF_HUB_CACHE: '/c', HF_HOME: '/h' };
    expect(read(folders).cacheFolder).toBe('/l');
    expect(read({ ...folders, LLAMA_CACHE: '' }).cacheFolder).toBe('/c');
  });

  it('wait as long as HF_HUB_ETAG_TIMEOUT says', () => {
    expect(read({ HF_HUB_ETAG_TIMEOUT: '3' }).answerTimeoutMs).toBe(3000);
    expect(read({ HF_HUB_ETAG_TIMEOUT: 'soon' }).answerTimeoutMs).toBe(10_000);
  });

  it.each(['http://user:secret@mirror.example', 'user:secret@mirror.example', 'ftp://user:secret@mirror'])(
    'refuse a password in HF_ENDPOINT without printing it: %s',
    (endpoint) => {
      expect(() => read({ HF_ENDPOINT: endpoint })).toThrow(
        expect.objectContaining({ code: 'hub/bad-endpoint', message: expect.not.stringContaining('secret') }),
      );
    },
  );
});
