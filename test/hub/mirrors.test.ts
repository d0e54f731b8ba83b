import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hubContext } from '../../src/hub/context.ts';
import { planPull, pull } from '../../src/hub/pull.ts';
import { readHubSettings } from '../../src/hub/settings.ts';
import { locateRefs } from '../../src/model/locate.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { noise, sha256 } from '../helpers/hub-server.ts';

const COMMIT = 'c'.repeat(40);
const content = noise(5000, 4);
const entry = (path: string) => ({
  type: 'file',
  path,
  size: content.length,
  oid: 'd'.repeat(40),
  lfs: { oid: sha256(content), size: content.length, pointerSize: 1 },
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A mirror below a path, whose pages and bytes are on hosts of their own. */
describe('a mirror', () => {
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  const ends: (() => void)[] = [];
  const tokens = new Map<string, Set<string | undefined>>();

  async function serve(name: string, host: string, handler: Handler): Promise<string> {
    const seen = new Set<string | undefined>();
    tokens.set(name, seen);
    const server = createServer((request, response) => {
      seen.add(request.headers.authorization);
      handler(request, response);
    });
    await new Promise<void>((done) => server.listen(0, host, done));
    ends.push(() => server.close().closeAllConnections());
    return `http://${host}:${(server.address() as AddressInfo).port}`;
  }

  beforeEach(async () => {
    scratch = await scratchFolder();
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) end();
    await scratch[Symbol.asyncDispose]();
  });

  it.each([
    ['on another host', (pages: string) => `${pages}/p2`],
    ['under the Hub’s own name, for which it stands', () => 'https://huggingface.co/api/page2'],
  ])('is read to its end where its next page is %s', async (_, nextOf) => {
    const other = process.platform === 'linux' ? '127.0.0.2' : '127.0.0.1';
    const bytes = await serve('bytes', other, (_request, response) => response.end(content));
    const pages = await serve('pages', other, (_request, response) =>
      response.end(JSON.stringify([entry('m-Q8_0.gguf')])),
    );
    const endpoint = await serve('mirror', '127.0.0.1', (request, response) => {
      const path = (request.url ?? '').replace('/hf/', '/');
      expect(request.url).toMatch(/^\/hf\//);
      if (path.includes('/revision/')) {
        const info = {
          _id: '0',
          id: 'a/b',
          sha: COMMIT,
          gated: false,
          private: false,
          downloads: 1,
          likes: 1,
        };
        response.end(JSON.stringify({ ...info, lastModified: '2026-01-01T00:00:00.000Z' }));
      } else if (path.includes('/tree/')) {
        response.setHeader('link', `<${nextOf(pages)}>; rel="next"`);
        response.end(JSON.stringify([entry('m-Q4_0.gguf')]));
      } else if (path === '/api/page2') response.end(JSON.stringify([entry('m-Q8_0.gguf')]));
      else response.writeHead(302, { location: `${bytes}/x` }).end();
    });
    const settings = readHubSettings(
      { HF_ENDPOINT: `${endpoint}/hf`, HF_HUB_CACHE: scratch.path('cache'), HF_TOKEN: 'hf_secret' },
      scratch.folder,
    );
    const hub = hubContext({ settings });
    const models = await locateRefs(['hf:a/b:Q8_0'], { nanoFolder: '', hub });
    const plan = await planPull(models, hub);
    const [pulled] = await pull(plan, { files: 1, connections: 1 }, hub);
    expect((await readFile(pulled?.path ?? '')).equals(content)).toBe(true);
    expect(tokens.get('mirror')).toEqual(new Set(['Bearer hf_secret']));
    expect(tokens.get('bytes')).toEqual(new Set([undefined]));
    expect([new Set(), new Set([undefined])]).toContainEqual(tokens.get('pages'));
  });
});
