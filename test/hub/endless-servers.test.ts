import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { hubContext } from '../../src/hub/context.ts';
import { listRepo } from '../../src/hub/listing.ts';
import { readHubSettings } from '../../src/hub/settings.ts';

const COMMIT = 'c0ffee'.repeat(7).slice(0, 40);
let server: Server | undefined;

afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((done) => server?.close(done) ?? done(undefined));
  server = undefined;
});

/** What listing a repository of a server comes to that has the right facts and lists its files as it likes. */
async function listed(pages: RequestListener, now?: () => number): Promise<string> {
  server = createServer((request, response) => {
    if (request.url?.includes('/revision/') === true) {
      response.end(JSON.stringify({ id: 'mean/model', sha: COMMIT, gated: false }));
    } else pages(request, response);
  });
  await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const context = hubContext({
    settings: readHubSettings({ HF_ENDPOINT: endpoint, HF_HUB_CACHE: '/nowhere' }, '/nowhere'),
    attempts: 1,
    idleTimeoutMs: 5000,
    ...(now === undefined ? {} : { now }),
  });
  return listRepo('mean/model', 'main', context).then(
    ({ files }) => `${files.length} files`,
    (thrown: unknown) => String(thrown),
  );
}

function endless(response: ServerResponse): void {
  const piece = Buffer.alloc(2 ** 20, 0x20);
  const more = (): void => {
    while (!response.destroyed && response.write(piece));
    if (!response.destroyed) response.once('drain', more);
  };
  more();
}

const file = (index: number) => ({ type: 'file', path: `m-${index}.gguf`, size: 1, oid: 'a'.repeat(40) });

describe('a server that does not end', () => {
  it('with a body without end is left after 64 MiB', async () => {
    expect(await listed((_, response) => endless(response))).toMatch(/makes no sense: more than 64/);
  });

  it('with a compressed bomb is not unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20, 0x20));
    const before = process.memoryUsage.rss();
    const outcome = await listed((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'application/json' }).end(bomb);
    });
    expect(outcome).toMatch(/cannot be read as a listing/);
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 2 ** 20);
  });

  it('with pages without end is left after 256', async () => {
    let count = 0;
    const outcome = await listed((request, response) => {
      const next = `http://${request.headers.host}/api/models/mean/model/tree/${COMMIT}?cursor=${++count}`;
      response.setHeader('link', `<${next}>; rel="next"`).end(JSON.stringify([file(count)]));
    });
    expect(outcome).toMatch(/more than 256 pages/);
    expect(count).toBeLessThanOrEqual(256);
  });

  it('with the same next page again and again is left at the second', async () => {
    let count = 0;
    const outcome = await listed((request, response) => {
      count++;
      const next = `http://${request.headers.host}/api/models/mean/model/tree/${COMMIT}?cursor=same`;
      response.setHeader('link', `<${next}>; rel="next"`).end(JSON.stringify([file(count)]));
    });
    expect(outcome).toMatch(/a page that was there before/);
    expect(count).toBe(2);
  });

  it('with a byte a second is left when its time is over', async () => {
    // Of the clock that is handed in each look is ten seconds later.
    let ms = 0;
    let timer: NodeJS.Timeout | undefined;
    const outcome = await listed(
      (_, response) => {
        timer = setInterval(() => response.write(' '), 5);
      },
      () => {
        ms += 10_000;
        return ms;
      },
    );
    clearInterval(timer);
    expect(outcome).toMatch(/takes more than 5 minutes/);
  });

  it('and refuses at length is not listened to', async () => {
    const outcome = await listed((_, response) => {
      response.writeHead(404, { 'x-error-code': 'RepoNotFound' });
      endless(response);
    });
    expect(outcome).toMatch(/QuantscopeError|UsageError/);
  });
});
