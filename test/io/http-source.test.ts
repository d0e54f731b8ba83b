import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { readHeader } from '../../src/gguf/index.ts';
import { openSource, openUrl } from '../../src/io/index.ts';
import { nanoPath } from '../helpers/nano.ts';
import { fileHandler, rangeOf, serve } from './test-server.ts';

const file = Uint8Array.from({ length: 1_000_000 }, (_, index) => (index * 31) & 255);

describe('a remote file', () => {
  it('is read by ranges, its first window with the opening request', async () => {
    await using server = await serve(fileHandler(file));
    await using source = await openUrl(server.url, { firstWindowBytes: 1000 });
    expect(source.byteLength).toBe(1_000_000);
    expect(await source.read(10, 900)).toEqual(file.slice(10, 900));
    expect(server.ranges).toEqual(['bytes=0-999']);
    expect(await source.read(900, 1100)).toEqual(file.slice(900, 1100));
    expect(await source.read(999_990, 1_000_000)).toEqual(file.slice(999_990));
    expect(server.ranges).toEqual(['bytes=0-999', 'bytes=1000-1099', 'bytes=999990-999999']);
    expect(source.requests).toBe(3);
    expect(source.bytesFetched).toBe(1000 + 100 + 10);
  });

  it('gives the header of an embedded model with one request', async () => {
    const bytes = readFileSync(nanoPath('F16'));
    await using server = await serve(fileHandler(bytes));
    await using source = await openUrl(server.url);
    expect((await readHeader(source)).tensors).toHaveLength(27);
    expect(server.ranges).toHaveLength(1);
    expect(source.bytesFetched).toBe(262_144);
  });

  it('may be smaller than the first window', async () => {
    await using server = await serve(fileHandler(file.subarray(0, 10)));
    await using source = await openSource(server.url);
    expect(await source.read(0, 10)).toEqual(file.slice(0, 10));
  });

  it('may be empty', async () => {
    await using server = await serve(fileHandler(new Uint8Array(0)));
    await using source = await openUrl(server.url);
    expect(source.byteLength).toBe(0);
    await expect(readHeader(source)).rejects.toMatchObject({ code: 'header/empty' });
  });

  it('is named in errors without its query, which may hold a signature', async () => {
    await using server = await serve((_, response) => response.writeHead(404).end());
    const failed = await openUrl(`${server.url}?signature=SECRET`).catch(String);
    expect(failed).toContain(server.url);
    expect(failed).not.toContain('SECRET');
  });

  it('is followed through redirects once, and its secret stays with the first server', async () => {
    await using storage = await serve(fileHandler(file));
    await using hub = await serve((_, response) => response.writeHead(302, { location: storage.url }).end());
    await using source = await openUrl(hub.url, {
      firstWindowBytes: 100,
      headers: { authorization: 'Bearer secret' },
    });
    await source.read(500, 600);
    expect(source.finalUrl).toBe(storage.url);
    expect(hub.requests).toHaveLength(1);
    expect(hub.requests[0]?.headers.authorization).toBe('Bearer secret');
    expect(storage.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  });

  it('on a server that ignores ranges is read forward, and no farther than asked', async () => {
    let sent = 0;
    await using server = await serve(async (_, response) => {
      response.writeHead(200, { 'content-length': 200_000_000 });
      response.on('error', () => {});
      const piece = new Uint8Array(64 * 1024);
      while (!response.destroyed && sent < 200_000_000) {
        sent += piece.length;
        if (!response.write(piece))
          await Promise.race([new Promise((resolve) => response.once('drain', resolve)), delay(500)]);
      }
    });
    await using source = await openUrl(server.url, { firstWindowBytes: 1000 });
    expect(source.byteLength).toBe(200_000_000);
    expect(await source.read(0, 50_000)).toHaveLength(50_000);
    expect(await source.read(50_000, 300_000)).toHaveLength(250_000);
    expect(source.requests).toBe(1);
    await expect(source.read(40_000, 41_000)).rejects.toMatchObject({ code: 'io/no-ranges' });
    await expect(source.read(150_000_000, 150_000_010)).rejects.toMatchObject({ code: 'io/no-ranges' });
    expect(source.bytesFetched).toBeLessThan(1_000_000);
    expect(sent).toBeLessThan(50_000_000);
  });

  it('that is a web page is said to be one', async () => {
    await using server = await serve((_, response) => {
      const page = '<!DOCTYPE html><html>Please log in</html>';
      response.writeHead(200, { 'content-type': 'text/html', 'content-length': page.length }).end(page);
    });
    await using source = await openUrl(server.url);
    await expect(readHeader(source)).rejects.toMatchObject({
      code: 'header/magic',
      message: expect.stringContaining('a web page'),
    });
  });

  it('that ends before the length the server announced is a short read', async () => {
    await using server = await serve((request, response) => {
      const [start, end] = rangeOf(request, 5000);
      response.writeHead(206, { 'content-range': `bytes ${start}-${end - 1}/5000` });
      response.end(file.subarray(start, Math.max(start, end - 10)));
    });
    await expect(openUrl(server.url, { firstWindowBytes: 1000 })).rejects.toMatchObject({
      code: 'io/short-read',
      message: `${server.url}: 990 bytes from byte 0 on, expected 1000`,
    });
  });

  it('of which the server sends more than asked is cut, not believed', async () => {
    await using server = await serve((request, response) => {
      const [start, end] = rangeOf(request, 5000);
      response.writeHead(206, { 'content-range': `bytes ${start}-${end - 1}/5000` });
      response.end(file.subarray(start, end + 500));
    });
    await using source = await openUrl(server.url, { firstWindowBytes: 1000 });
    expect(await source.read(0, 2000)).toEqual(file.slice(0, 2000));
  });

  it.each([
    ['another range', 'bytes 5-1004/5000'],
    ['no range', undefined],
    ['a range past its own end', 'bytes 0-999/500'],
    ['an unknown length', 'bytes 0-999/*'],
  ])('of which the server sends %s is refused', async (_, contentRange) => {
    await using server = await serve((_request, response) => {
      response.writeHead(206, contentRange === undefined ? {} : { 'content-range': contentRange });
      response.end(file.subarray(0, 1000));
    });
    await expect(openUrl(server.url, { firstWindowBytes: 1000 })).rejects.toMatchObject({
      code: expect.stringMatching(/^io\/(bad-range|unknown-length)$/),
    });
  });

  it('without a length is refused, not read to its end', async () => {
    await using server = await serve((_, response) => {
      response.writeHead(200);
      response.write(file);
    });
    await expect(openUrl(server.url)).rejects.toMatchObject({ code: 'io/unknown-length' });
  });

  it('that changes between two reads is never spliced', async () => {
    let version = 1;
    await using server = await serve((request, response) => {
      const matches =
        request.headers['if-range'] === undefined || request.headers['if-range'] === `"v${version}"`;
      if (matches) return fileHandler(file, { etag: `"v${version}"` })(request, response);
      response.writeHead(200, { 'content-length': file.length }).end(file);
    });
    await using source = await openUrl(server.url, { firstWindowBytes: 1000 });
    version = 2;
    await expect(source.read(0, 2000)).rejects.toMatchObject({ code: 'io/changed' });
  });

  it('whose length changes between two reads is never spliced, with or without an ETag', async () => {
    let length = file.length;
    await using server = await serve((request, response) =>
      fileHandler(file.subarray(0, length), {})(request, response),
    );
    await using source = await openUrl(server.url, { firstWindowBytes: 1000 });
    length -= 1;
    await expect(source.read(0, 2000)).rejects.toMatchObject({ code: 'io/changed' });
  });

  it.each([
    [404, 'io/not-found'],
    [401, 'io/permission'],
    [403, 'io/permission'],
    [429, 'io/http-status'],
    [500, 'io/http-status'],
  ])('answered with status %i is one clear error with a hint', async (status, code) => {
    await using server = await serve((_, response) =>
      response.writeHead(status, { 'retry-after': '7' }).end('no'),
    );
    const error = await openUrl(server.url).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code,
      message: expect.stringContaining(String(status)),
      hint: expect.stringMatching(/\.$/),
    });
    if (status === 429) expect(error).toMatchObject({ hint: 'Try again after 7.' });
  });

  it('on a server that stalls is given up', async () => {
    await using server = await serve((_, response) => {
      response.writeHead(206, { 'content-range': 'bytes 0-999/5000', 'content-length': 1000 });
      response.write(file.subarray(0, 10));
    });
    await expect(openUrl(server.url, { firstWindowBytes: 1000, idleTimeoutMs: 80 })).rejects.toMatchObject({
      code: 'io/timeout',
    });
  });

  it('on a server that is not there is one clear error', async () => {
    const server = await serve(() => {});
    await server[Symbol.asyncDispose]();
    await expect(openUrl(server.url)).rejects.toMatchObject({
      code: 'io/read-failed',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('is given up at once when the signal says so', async () => {
    await using server = await serve(() => {});
    const controller = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => controller.abort(reason), 20);
    await expect(openUrl(server.url, { signal: controller.signal })).rejects.toBe(reason);
  });

  it('can be fetched by another fetch', async () => {
    const asked: string[] = [];
    const fake: typeof fetch = async (input, init) => {
      asked.push(`${input} ${new Headers(init?.headers).get('range')}`);
      return new Response(file.subarray(0, 100), {
        status: 206,
        headers: { 'content-range': 'bytes 0-99/100' },
      });
    };
    await using source = await openUrl('https://example.org/a.gguf', { fetch: fake, firstWindowBytes: 500 });
    expect(source.byteLength).toBe(100);
    expect(asked).toEqual(['https://example.org/a.gguf bytes=0-499']);
  });

  it('with an address that is none is one clear error', async () => {
    await expect(openSource('https://')).rejects.toMatchObject({ code: 'io/bad-url' });
  });
});
