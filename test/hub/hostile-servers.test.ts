import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HubContext, hubContext } from '../../src/hub/context.ts';
import { planPull, pull } from '../../src/hub/pull.ts';
import { redirectTarget } from '../../src/hub/request.ts';
import { readHubSettings } from '../../src/hub/settings.ts';
import { locateRefs } from '../../src/model/locate.ts';
import { type Answer, HostileHub } from '../helpers/hostile-hub.ts';
import { noise, sha256 } from '../helpers/hub-server.ts';
import { nanoFolder } from '../helpers/nano.ts';

const content = noise(2_500_000, 7);
const POINTER = 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 2500000\n';
const TOKEN = 'hf_topsecret';

let hub: HostileHub;
let cache: string;

beforeEach(async () => {
  hub = await HostileHub.start(content);
  cache = await mkdtemp(join(tmpdir(), 'quantscope-hostile-'));
});

afterEach(async () => {
  await hub[Symbol.asyncDispose]();
  await rm(cache, { recursive: true, force: true });
});

async function fetchIt(given: Partial<HubContext> = {}, connections = 1): Promise<string> {
  const context = hubContext({
    settings: readHubSettings(
      { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: cache, HF_TOKEN: TOKEN },
      '/nowhere',
    ),
    sleep: async (_, signal) => {
      await new Promise((done) => setTimeout(done, 10));
      signal.throwIfAborted();
    },
    random: () => 0.5,
    idleTimeoutMs: 400,
    ...given,
  });
  const models = await locateRefs(['hf:mean/model:Q4_0'], { nanoFolder, hub: context });
  const plan = await planPull(models, context);
  const [file] = await pull(plan, { files: 1, connections }, context);
  return file?.path ?? '';
}

/** What must hold whatever a server does. */
async function expectSafe(): Promise<void> {
  const blobs = join(cache, 'models--mean--model', 'blobs');
  for (const name of await readdir(blobs).catch(() => [])) {
    if (!name.endsWith('.incomplete')) expect(sha256(await readFile(join(blobs, name)))).toBe(name);
  }
  for (const { kind, headers } of hub.seen) {
    if (kind === 'bytes') expect(JSON.stringify(headers)).not.toContain(TOKEN);
  }
}

async function expectExact(path: string): Promise<void> {
  expect((await readFile(path)).equals(content)).toBe(true);
  await expectSafe();
}

/** Sends the beginning of the right body and cuts the connection, so that the next request resumes. */
const cutShort: Answer = ({ response, content: all, start, end }) => {
  response.writeHead(206, {
    etag: '"mean-1"',
    'content-length': end - start,
    'content-range': `bytes ${start}-${end - 1}/${all.length}`,
  });
  response.write(all.subarray(start, start + 900_000), () => setTimeout(() => response.destroy(), 30));
};

/** By the operating system alone: names and IPv6 are set up differently from machine to machine. */
function canConnect(origin: string): Promise<boolean> {
  const { hostname, port } = new URL(origin);
  return new Promise((done) => {
    const socket = connect(Number(port), hostname.replaceAll(/[[\]]/g, ''));
    socket
      .on('error', () => done(false))
      .on('connect', () => {
        socket.destroy();
        done(true);
      });
  });
}

const first =
  (fault: Answer): Answer =>
  (exchange) =>
    exchange.count === 1 ? fault(exchange) : exchange.right();

/** The fault answers the request that resumes. */
const atResume =
  (fault: Answer): Answer =>
  (exchange) => {
    if (exchange.count === 1) cutShort(exchange);
    else if (exchange.count === 2) fault(exchange);
    else exchange.right();
  };

const whole: Answer = ({ response, content: all }) => {
  response.writeHead(200, { etag: '"mean-1"', 'content-length': all.length });
  response.end(all);
};

describe('the exact file is in place after', () => {
  const bytes: Record<string, Answer> = {
    'a body in chunks, without a length': ({ right }) => right({ 'content-length': null }),
    'a whole body in chunks': ({ response, content: all }) => response.writeHead(200).end(all),
    'a body that ends with its connection': ({ response, content: all }) => {
      response.shouldKeepAlive = false;
      response.useChunkedEncodingByDefault = false;
      response.removeHeader('transfer-encoding');
      response.writeHead(200, { connection: 'close' }).end(all);
    },
    'a body of many small pieces': async ({ response, content: all, start, end }) => {
      response.writeHead(206, {
        'content-length': end - start,
        'content-range': `bytes ${start}-${end - 1}/${all.length}`,
      });
      for (let at = start; at < end; at += 9973) response.write(all.subarray(at, Math.min(end, at + 9973)));
      response.end();
    },
    'a connection reset while the headers come': first(({ request }) => {
      request.socket.write('HTTP/1.1 206 Partial Content\r\nContent-Le', () =>
        request.socket.resetAndDestroy(),
      );
    }),
    'a connection reset in the body': first(({ request, response, content: all }) => {
      response.writeHead(206, {
        'content-length': all.length,
        'content-range': `bytes 0-${all.length - 1}/${all.length}`,
      });
      response.write(all.subarray(0, 700_000), () => setTimeout(() => request.socket.resetAndDestroy(), 30));
    }),
    '500 once': first(({ response }) => response.writeHead(500).end()),
    '502 with a page': first(({ response }) =>
      response.writeHead(502, { 'content-type': 'text/html' }).end('<html>Bad gateway</html>'),
    ),
    '204 once': first(({ response }) => response.writeHead(204).end()),
    'gzip once, though identity was asked for': first(({ response, content: all }) => {
      const body = gzipSync(all, { level: 1 });
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': body.length }).end(body);
    }),
    'another start than asked for': atResume(({ right, content: all }) =>
      right({ 'content-range': `bytes 0-${all.length - 1}/${all.length}` }),
    ),
    'another total than the file has': atResume(({ right, start, end }) =>
      right({ 'content-range': `bytes ${start}-${end - 1}/99` }),
    ),
    'no Content-Range': atResume(({ right }) => right({ 'content-range': null })),
    '206 with the whole body under the right Content-Range': atResume(({ response, content: all, start }) => {
      response.writeHead(206, {
        'content-length': all.length,
        'content-range': `bytes ${start}-${all.length - 1}/${all.length}`,
      });
      response.end(all);
    }),
    '200 to a request that resumes': atResume(whole),
    'another ETag at the resume, with the right bytes': atResume(({ right }) => right({ etag: '"mean-2"' })),
    'a weak ETag': (exchange) =>
      exchange.count === 1 ? cutShort(exchange) : exchange.right({ etag: 'W/"mean"' }),
    'more bytes than the length says': first(({ request, content: all }) => {
      const head = `HTTP/1.1 206 X\r\nContent-Length: ${all.length}\r\nContent-Range: bytes 0-${all.length - 1}/${all.length}\r\n\r\n`;
      request.socket.write(head);
      request.socket.write(Buffer.concat([all, Buffer.from('and more')]));
    }),
    'a length shorter than its range': first(({ request, content: all }) => {
      const head = `HTTP/1.1 206 X\r\nContent-Length: ${all.length - 1000}\r\nContent-Range: bytes 0-${all.length - 1}/${all.length}\r\n\r\n`;
      request.socket.write(head);
      request.socket.write(all);
    }),
    'a range shorter than asked for, each time': ({ right, response, start, end, content: all }) => {
      const stop = Math.min(end, start + 400_000);
      if (stop === end) return right();
      response.writeHead(206, {
        'content-length': stop - start,
        'content-range': `bytes ${start}-${stop - 1}/${all.length}`,
      });
      response.end(all.subarray(start, stop));
    },
    'a reset right after the headers': first(({ request, response, content: all }) => {
      response.writeHead(206, {
        'content-length': all.length,
        'content-range': `bytes 0-${all.length - 1}/${all.length}`,
      });
      response.flushHeaders();
      setTimeout(() => request.socket.resetAndDestroy(), 30);
    }),
    'bytes in several ranges': first(({ right }) =>
      right({ 'content-type': 'multipart/byteranges; boundary=x', 'content-range': null }),
    ),
    'a length that is no number': first(({ request }) => {
      request.socket.write('HTTP/1.1 206 X\r\nContent-Length: many\r\n\r\nabc');
    }),
    'a hundred continued': ({ request, right }) => {
      request.socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n');
      right();
    },
    'connections closed without a word after each answer': ({ request, right, response }) => {
      response.on('finish', () => request.socket.end());
      right();
    },
  };
  for (const [name, answer] of Object.entries(bytes)) {
    it.each([1, 3])(`${name}, over %i connection(s)`, async (connections) => {
      hub.bytes = answer;
      await expectExact(await fetchIt({}, connections));
    });
  }

  const resolves: Record<string, Answer> = {
    'a relative redirect on the hub': (exchange) => {
      if (exchange.request.url?.includes('/resolve/')) {
        exchange.response
          .writeHead(307, {
            location: `../../../../moved${exchange.request.url.slice(1).replace('resolve', 'now')}`,
          })
          .end();
      } else exchange.right();
    },
    'no X-Linked-Size': ({ right }) => right({ 'x-linked-size': null }),
    'no X-Linked headers at all': ({ right }) => right({ 'x-linked-size': null, 'x-linked-etag': null }),
    'a weak X-Linked-Etag': ({ right }) => right({ 'x-linked-etag': `W/"${sha256(content)}"` }),
    'an X-Linked-Etag without quotes': ({ right }) => right({ 'x-linked-etag': sha256(content) }),
    '500 once from the hub': first(({ response }) => response.writeHead(500).end()),
    '502 with a page from the hub': first(({ response }) =>
      response.writeHead(502, { 'content-type': 'text/html' }).end('<html>'),
    ),
    'a hub that knows no HEAD': ({ request, response, right }) =>
      request.method === 'HEAD' ? response.writeHead(405).end() : right(),
    'a hub that drops the connection once': first(({ request }) => request.socket.destroy()),
    'a hub that closes every connection': ({ request, response, right }) => {
      response.on('finish', () => request.socket.end());
      right();
    },
  };
  for (const [name, answer] of Object.entries(resolves)) {
    it(name, async () => {
      hub.resolve = answer;
      await expectExact(await fetchIt());
    });
  }

  it('a redirect of the bytes to yet another host, which never sees the token', async () => {
    await using other = await HostileHub.start(content, '127.0.0.1');
    hub.bytes = ({ response }) => response.writeHead(302, { location: other.bytesUrl }).end();
    await expectExact(await fetchIt());
    expect(other.count('bytes')).toBe(1);
    expect(JSON.stringify(other.seen)).not.toContain(TOKEN);
  });

  for (const [host, address] of [
    ['localhost', '127.0.0.1'],
    ['[::1]', '::1'],
  ] as const) {
    it(`a hub at ${host}`, async (test) => {
      const local = await HostileHub.start(content, host, address).catch(() => undefined);
      if (local === undefined) return test.skip(`${address} cannot be listened on`);
      if (!(await canConnect(local.endpoint))) {
        await local[Symbol.asyncDispose]();
        return test.skip(`no connection from ${host} to ${address} on this machine`);
      }
      await hub[Symbol.asyncDispose]();
      hub = local;
      await expectExact(await fetchIt());
    });
  }
});

describe('a clear error, and an attempt that goes on from there, after', () => {
  const lasting: Record<string, { answer: Answer; code: string | RegExp }> = {
    'gzip always': {
      answer: ({ right }) => right({ 'content-encoding': 'gzip' }),
      code: 'hub/bad-range',
    },
    'another start than asked for, always': {
      answer: ({ right, start, end, content: all }) =>
        right({ 'content-range': `bytes ${start + 1}-${end - 1}/${all.length}` }),
      code: 'hub/bad-range',
    },
    'headers that are cut off, always': {
      answer: ({ request }) => {
        request.socket.write('HTTP/1.1 206 Partial Con', () => request.socket.resetAndDestroy());
      },
      code: 'hub/unreachable',
    },
    'an answer that is no HTTP': {
      answer: ({ request }) => {
        request.socket.end('SSH-2.0-OpenSSH_9.9\r\n');
      },
      code: 'hub/unreachable',
    },
    'one byte now and then': {
      answer: ({ response, start, end, content: all }) => {
        response.writeHead(206, {
          'content-length': end - start,
          'content-range': `bytes ${start}-${end - 1}/${all.length}`,
        });
        let at = start;
        const drip = setInterval(() => response.write(all.subarray(at, ++at)), 50);
        response.on('close', () => clearInterval(drip));
      },
      code: 'hub/unreachable',
    },
    'a Git LFS pointer in place of the file': {
      answer: ({ response }) =>
        response
          .writeHead(200, { 'content-type': 'text/plain', 'content-length': POINTER.length })
          .end(POINTER),
      code: 'hub/not-the-file',
    },
    'two lengths that differ': {
      answer: ({ request }) => {
        request.socket.end('HTTP/1.1 206 X\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef');
      },
      code: 'hub/unreachable',
    },
    'a length and chunks at once': {
      answer: ({ request }) => {
        request.socket.end(
          'HTTP/1.1 206 X\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n',
        );
      },
      code: 'hub/unreachable',
    },
    'headers that never come': { answer: () => {}, code: 'hub/unreachable' },
    'redirects in a circle': {
      answer: ({ request, response }) => response.writeHead(302, { location: request.url ?? '' }).end(),
      code: 'hub/redirects',
    },
    'a redirect to a file': {
      answer: ({ response }) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      code: 'hub/redirects',
    },
    'a redirect that leads nowhere': {
      answer: ({ response }) => response.writeHead(302).end(),
      code: 'hub/http-status',
    },
  };
  for (const [name, { answer, code }] of Object.entries(lasting)) {
    it(name, async () => {
      hub.bytes = (exchange) => (exchange.count === 1 ? cutShort(exchange) : answer(exchange));
      const failed = await fetchIt({ attempts: 3 }).catch((thrown: unknown) => thrown);
      expect(failed).toMatchObject({ code });
      expect(failed).toHaveProperty('hint');
      expect(String(failed)).not.toMatch(/secret/);
      await expectSafe();
      hub.bytes = undefined;
      hub.seen.length = 0;
      await expectExact(await fetchIt());
      const range = /^bytes=(\d+)-/.exec(hub.seen.find(({ kind }) => kind === 'bytes')?.headers.range ?? '');
      // A byte now and then is some bytes more; nothing that had come is asked for again.
      expect(Number(range?.[1])).toBeGreaterThanOrEqual(900_000);
    });
  }

  it('an object other than the listing says, before a byte is fetched', async () => {
    hub.listedSha256 = sha256(noise(100, 3));
    await expect(fetchIt()).rejects.toMatchObject({ code: 'hub/changed-on-hub' });
    expect(hub.count('bytes')).toBe(0);
  });

  it('an object other than the listing says, where the hub does not name it', async () => {
    hub.listedSha256 = sha256(noise(100, 3));
    hub.resolve = ({ right }) => right({ 'x-linked-etag': null });
    await expect(fetchIt()).rejects.toMatchObject({ code: 'hub/wrong-bytes' });
    await expectSafe();
  });

  it('redirects of the hub in a circle', async () => {
    hub.resolve = ({ request, response }) => response.writeHead(307, { location: request.url ?? '' }).end();
    await expect(fetchIt()).rejects.toMatchObject({ code: 'hub/redirects' });
  });

  it('a redirect from https to http, which is not followed', () => {
    expect(() => redirectTarget('http://cdn.example/a', 'https://hub.example/b', 'it')).toThrow(
      /not safe to follow/,
    );
    expect(redirectTarget('/a', 'https://hub.example/b', 'it')).toBe('https://hub.example/a');
  });
});
