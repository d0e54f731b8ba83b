import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAiEndpoint } from '../../src/api/evaluate/endpoint.ts';
import { readHeader } from '../../src/gguf/index.ts';
import { type HubContext, hubContext } from '../../src/hub/context.ts';
import { openRemote } from '../../src/hub/open-remote.ts';
import { planPull, pull } from '../../src/hub/pull.ts';
import { readHubSettings } from '../../src/hub/settings.ts';
import { addressesOf } from '../../src/hub/url-address.ts';
import { probeUrl } from '../../src/hub/url-probe.ts';
import { locateRefs } from '../../src/model/locate.ts';
import { nanoFolder } from '../helpers/nano.ts';

const IDLE_MS = 300;
let server: Server;
let answer: RequestListener;
let requests: number;
let sentBytes: number;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quantscope-endless-'));
  requests = 0;
  sentBytes = 0;
  server = createServer((request, response) => {
    requests++;
    answer(request, response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  await rm(folder, { recursive: true, force: true });
});

const origin = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const address = (): string => `${origin()}/m-Q4_0.gguf`;

function context(): HubContext {
  return hubContext({
    settings: readHubSettings({ HF_HUB_CACHE: join(folder, 'hub') }, '/nowhere'),
    urlFolder: join(folder, 'urls'),
    idleTimeoutMs: IDLE_MS,
    attempts: 2,
    sleep: async (_, signal) => signal.throwIfAborted(),
  });
}

/** Everything that asks a server for something, the listing aside. */
const uses: Readonly<Record<string, () => Promise<unknown>>> = {
  'a look at an address': () => {
    const [first] = addressesOf(address(), folder);
    if (first === undefined) throw new Error('no address');
    return probeUrl(first, context());
  },
  'a header that is read by ranges': async () => {
    await using source = await openRemote({ url: address(), name: 'm', repo: undefined }, context());
    return await readHeader(source);
  },
  'a file of the Hub that is read by ranges': async () => {
    await using source = await openRemote({ url: address(), name: 'm', repo: 'mean/model' }, context());
    return await readHeader(source);
  },
  'a download': async () => {
    const mean = answer;
    let isFirst = true;
    // The first look is answered as it should be: the download itself is what goes wrong.
    answer = (request, response) => {
      if (!isFirst) return mean(request, response);
      isFirst = false;
      response.writeHead(206, { 'content-range': 'bytes 0-3/5000000', etag: '"1"' }).end('GGUF');
    };
    const own = context();
    const plan = await planPull(await locateRefs([address()], { nanoFolder, hub: own }), own);
    return pull(plan, { files: 1, connections: 1 }, own);
  },
  'a question to an endpoint': () => {
    const { signal } = new AbortController();
    const url = `${origin()}/v1`;
    return openAiEndpoint({ url, model: 'm', key: 'k', timeoutMs: 10 * IDLE_MS, signal }).complete('Hi.', 8);
  },
};

const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20, 0x20));

function endless(response: ServerResponse): void {
  const piece = Buffer.alloc(2 ** 20, 0x20);
  const more = (): void => {
    while (!response.destroyed) {
      sentBytes += piece.length;
      if (!response.write(piece)) break;
    }
    if (!response.destroyed) response.once('drain', more);
  };
  more();
}

const modes: Readonly<Record<string, RequestListener>> = {
  'a body without end': (_, response) => endless(response),
  'a compressed bomb': (_, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'application/json' }).end(bomb);
  },
  'redirects without end': (_, response) => {
    response.writeHead(307, { location: `${address()}?${requests}` }).end();
  },
  'the same redirect again and again': (_, response) => {
    response.writeHead(302, { location: address() }).end();
  },
  'a byte now and then': (_, response) => {
    response.writeHead(206, {
      'content-range': 'bytes 0-262143/5000000',
      'content-type': 'application/json',
    });
    const timer = setInterval(() => response.write(' '), IDLE_MS / 10);
    response.on('close', () => clearInterval(timer));
  },
};

describe.each(Object.entries(modes))('a server with %s', (_, mode) => {
  it.each(Object.entries(uses))('does not keep %s', async (_name, use) => {
    answer = mode;
    const thrown = await use().then(
      () => 'an answer',
      (error: unknown) => error,
    );
    expect(thrown).toBeInstanceOf(Error);
    expect(thrown).not.toBeInstanceOf(TypeError);
    expect(requests).toBeLessThan(50);
    // What stands in the buffers of the connection with it.
    expect(sentBytes).toBeLessThan(128 * 2 ** 20);
  });
});

it('sends neither prompt nor key where an endpoint redirects to', async () => {
  let isRedirected = false;
  answer = (request, response) => {
    if (request.url === '/elsewhere') isRedirected = true;
    response.writeHead(308, { location: '/elsewhere' }).end();
  };
  await expect(uses['a question to an endpoint']?.()).rejects.toThrow(/redirects to \/elsewhere/);
  expect(isRedirected).toBe(false);
});
