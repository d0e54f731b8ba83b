import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { BufferPool } from '../../src/hub/buffer-pool.ts';
import type { ByteSink } from '../../src/hub/http-bytes.ts';
import { bytesOverHttp } from '../../src/hub/http-bytes.ts';
import { RangeWriter } from '../../src/hub/range-writer.ts';
import { noise } from '../helpers/hub-server.ts';

const content = noise(3_000_000, 5);

/** Takes everything, slowly at times, by way of the writer that downloads use. */
function collector(): { readonly sink: ByteSink; readonly bytes: () => Promise<Buffer>; direct: number } {
  const out = Buffer.alloc(content.length + 100);
  const slabs = new BufferPool();
  // As if there were more of them: smaller slabs, of which the content takes several.
  for (let others = 0; others < 7; others++) slabs.join();
  const writer = new RangeWriter(0, slabs, {
    hash: () => undefined,
    store: async (bytes, at) => {
      await new Promise((done) => setImmediate(done));
      out.set(bytes, at);
    },
  });
  const self = {
    /** Bytes that were put where they belong by whoever read them. */
    direct: 0,
    sink: {
      room: () => writer.room(),
      take: (bytes: Uint8Array) => {
        const room = writer.room();
        if (bytes.buffer === room.buffer && bytes.byteOffset === room.byteOffset) self.direct += bytes.length;
        const behind = writer.append(bytes);
        return behind === undefined ? true : behind.then(() => true);
      },
    },
    bytes: async () => {
      await writer.flush();
      return out.subarray(0, writer.written);
    },
  };
  return self;
}

async function serve<T>(listener: RequestListener, use: (origin: string) => Promise<T>): Promise<T> {
  const server = createHttp(listener);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const get = (url: string) => bytesOverHttp(url, {}, AbortSignal.timeout(20_000));

describe('bytes over HTTP', () => {
  it('are read into the memory of the sink', async () => {
    await serve(
      (_, response) => response.setHeader('content-length', content.length).end(content),
      async (url) => {
        const collected = collector();
        const answer = await get(url);
        await answer.receive(collected.sink);
        expect((await collected.bytes()).equals(content)).toBe(true);
        expect(collected.direct).toBeGreaterThan(content.length / 2);
      },
    );
  });

  it('are the same whatever pieces they come in and however long nobody reads them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 25 }),
        fc.boolean(),
        fc.integer({ min: 0, max: 20 }),
        async (lengths, isChunked, pauseMs) => {
          const total = lengths.reduce((sum, length) => sum + length, 0);
          const expected = Buffer.concat([content, content]).subarray(0, total);
          await serve(
            (_, response) => {
              if (!isChunked) response.setHeader('content-length', total);
              let at = 0;
              for (const length of lengths) {
                response.write(expected.subarray(at, at + length));
                at += length;
              }
              response.end();
            },
            async (url) => {
              const pieces: Buffer[] = [];
              const answer = await get(url);
              await new Promise((done) => setTimeout(done, pauseMs));
              const room = Buffer.alloc(70_000);
              await answer.receive({
                room: () => room,
                take: (bytes) => {
                  pieces.push(Buffer.from(bytes));
                  return pieces.length % 3 === 0 ? Promise.resolve(true) : true;
                },
              });
              expect(Buffer.concat(pieces).equals(expected)).toBe(true);
            },
          );
        },
      ),
      { numRuns: 30 },
    );
  });

  it('stop where the sink wants no more', async () => {
    await serve(
      (_, response) => response.setHeader('content-length', content.length).end(content),
      async (url) => {
        let got = 0;
        const answer = await get(url);
        const room = Buffer.alloc(10_000);
        await answer.receive({
          room: () => room,
          take: (bytes) => {
            got += bytes.length;
            return got < 500_000;
          },
        });
        await answer.cancel();
        expect(got).toBeLessThan(600_000);
      },
    );
  });

  it('end with the reason of the signal', async () => {
    await serve(
      (_, response) => {
        response.setHeader('content-length', content.length).write(content.subarray(0, 1000));
      },
      async (url) => {
        const stop = new AbortController();
        const answer = await bytesOverHttp(url, {}, stop.signal);
        const reason = new Error('enough');
        setTimeout(() => stop.abort(reason), 50);
        await expect(answer.receive(collector().sink)).rejects.toBe(reason);
      },
    );
  });

  const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
  it.runIf(hasOpenssl)('come over TLS in the same way, and not from somebody unknown', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'quantscope-tls-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const made = spawnSync('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
    ]);
    expect(made.status).toBe(0);
    const server = createHttps(
      { key: await readFile(key), cert: await readFile(cert) },
      (_, response) => void response.setHeader('content-length', content.length).end(content),
    );
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    try {
      await expect(get(url)).rejects.toThrow(/self-signed/);
      // This test alone trusts a certificate that nobody signed.
      vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
      const collected = collector();
      const answer = await get(url);
      await answer.receive(collected.sink);
      expect((await collected.bytes()).equals(content)).toBe(true);
      expect(collected.direct).toBeGreaterThan(content.length / 2);
    } finally {
      server.closeAllConnections();
      server.close();
      vi.unstubAllEnvs();
      await rm(folder, { recursive: true });
    }
  });
});
