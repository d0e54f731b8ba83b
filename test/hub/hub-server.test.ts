import { fileDownloadInfo, type ListFileEntry, listFiles, modelInfo, pathsInfo } from '@huggingface/hub';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hubContext } from '../../src/hub/context.ts';
import { listRepo } from '../../src/hub/listing.ts';
import { readHubSettings } from '../../src/hub/settings.ts';
import { gitSha1, HubServer, noise, sha256 } from '../helpers/hub-server.ts';

const REPO = 'maker/many-GGUF';
const content = noise(3000);
let server: HubServer;

beforeAll(async () => {
  server = await HubServer.start({ pageSize: 2 });
  const parts = Object.fromEntries(
    ['a', 'b', 'c', 'd'].map((name) => [`${name}/m-Q4_K_M.gguf`, { content }]),
  );
  server.repos.set(REPO, { files: { ...parts, 'README.md': { content: Buffer.from('hello'), lfs: false } } });
});
afterAll(() => server[Symbol.asyncDispose]());

describe('the test hub, driven by @huggingface/hub itself', () => {
  it('says the commit of a revision', async () => {
    const info = await modelInfo({ name: REPO, hubUrl: server.endpoint, additionalFields: ['sha'] });
    expect(info.sha).toBe(server.commitOf(REPO));
  });

  it('lists files over several pages', async () => {
    const files: ListFileEntry[] = [];
    for await (const file of listFiles({ repo: REPO, recursive: true, hubUrl: server.endpoint }))
      files.push(file);
    expect(files.map(({ path }) => path)).toEqual(
      [...'abcd'].map((name) => `${name}/m-Q4_K_M.gguf`).concat('README.md'),
    );
    expect(files[0]?.lfs?.oid).toBe(sha256(content));
    expect(files[4]?.oid).toBe(gitSha1(Buffer.from('hello')));
  });

  it('describes paths, and leaves out those it does not have', async () => {
    const found = await pathsInfo({ repo: REPO, paths: ['README.md', 'none'], hubUrl: server.endpoint });
    expect(found.map(({ path, size }) => [path, size])).toEqual([['README.md', 5]]);
  });

  it('serves a range by a redirect to another port', async () => {
    const info = await fileDownloadInfo({ repo: REPO, path: 'a/m-Q4_K_M.gguf', hubUrl: server.endpoint });
    expect(info?.size).toBe(content.length);
    expect(server.downloads.at(-1)?.headers.range).toBe('bytes=0-0');
  });

  it('refuses as the Hub does', async () => {
    await expect(modelInfo({ name: 'no/repo', hubUrl: server.endpoint })).rejects.toMatchObject({
      statusCode: 401,
    });
  });
});

describe('a listing', () => {
  const context = () =>
    hubContext({
      settings: readHubSettings({ HF_ENDPOINT: `${server.endpoint}/`, HF_TOKEN: 'not_hf' }, '/nowhere'),
    });

  it('is pinned to one commit and names content by its own hash', async () => {
    server.requests.length = 0;
    const listing = await listRepo(REPO, 'main', context());
    expect(listing.commit).toBe(server.commitOf(REPO));
    expect(listing.files.map(({ objectId }) => objectId.length)).toEqual([64, 64, 64, 64, 40]);
    expect(
      server.requests
        .filter(({ url }) => url.includes('/tree/'))
        .every(({ url }) => url.includes(listing.commit)),
    ).toBe(true);
  });

  it('takes a token of any form, which the library would refuse', async () => {
    await listRepo(REPO, 'main', context());
    expect(server.requests.at(-1)?.headers.authorization).toBe('Bearer not_hf');
  });

  it('says which of repository and revision does not exist', async () => {
    await expect(listRepo('no/repo', 'main', context())).rejects.toMatchObject({
      code: 'hub/repo-not-found',
    });
    await expect(listRepo(REPO, 'v9', context())).rejects.toMatchObject({ code: 'hub/revision-not-found' });
  });
});
