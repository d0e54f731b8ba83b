/**
 * The server of bench/download.ts, in a process of its own: `download-server.ts MEBIBYTES BYTES_PER_SECOND`. It speaks
 * as much of the Hub's API as a pull needs and makes the bytes as it sends them, so that a file of any size costs it
 * one mebibyte of memory. 0 bytes per second: as fast as it goes; otherwise that much for each connection.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { noise } from '../test/helpers/hub-server.ts';

const [mebibytes = 1, bytesPerSecond = 0] = process.argv.slice(2).map(Number);
const block = noise(2 ** 20);
const size = mebibytes * block.length;
const hash = createHash('sha256');
for (let index = 0; index < mebibytes; index++) hash.update(block);
const sha256 = hash.digest('hex');
const commit = sha256.slice(0, 40);
const file = {
  type: 'file',
  path: 'model-Q8_0.gguf',
  size,
  oid: commit,
  lfs: { oid: sha256, size, pointerSize: 134 },
};

/** Resolves when the other side has room again, or is gone. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((done) => {
    const go = (): void => {
      response.off('drain', go).off('close', go);
      done();
    };
    response.on('drain', go).on('close', go);
  });
}

async function send(response: ServerResponse, start: number, end: number): Promise<void> {
  const step = bytesPerSecond > 0 ? Math.min(block.length, Math.ceil(bytesPerSecond / 50)) : block.length;
  const began = performance.now();
  for (let at = start; at < end && !response.destroyed; ) {
    const from = at % block.length;
    const piece = block.subarray(from, Math.min(from + step, from + end - at));
    at += piece.length;
    if (!response.write(piece)) await drained(response);
    const dueMs =
      bytesPerSecond > 0 ? ((at - start) / bytesPerSecond) * 1000 - (performance.now() - began) : 0;
    if (dueMs > 0) await new Promise((done) => setTimeout(done, dueMs));
  }
  response.end();
}

function answerHub({ url = '/' }: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(url, 'http://hub');
  const listed = pathname.includes('/revision/')
    ? { id: 'bench/model-GGUF', sha: commit, gated: false }
    : pathname.includes('/tree/') && [file];
  if (listed) {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(listed));
    return;
  }
  if (pathname.includes('/resolve/')) {
    response.writeHead(302, {
      location: `${originOf(cdn)}/bytes`,
      'x-repo-commit': commit,
      'x-linked-etag': `"${sha256}"`,
      'x-linked-size': size,
    });
  }
  response.end();
}

function answerBytes(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(first ?? 0);
  const end = last ? Math.min(size, Number(last) + 1) : size;
  response.writeHead(first === undefined ? 200 : 206, {
    etag: '"bench"',
    'content-length': end - start,
    ...(first === undefined ? {} : { 'content-range': `bytes ${start}-${end - 1}/${size}` }),
  });
  return send(response, start, end);
}

// The bytes are on another origin than the hub, as the Hub's are.
const hub = createServer(answerHub);
const cdn = createServer(answerBytes);

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

for (const server of [hub, cdn]) {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
}
process.stdout.write(
  `${JSON.stringify({ endpoint: originOf(hub), bytesUrl: `${originOf(cdn)}/bytes`, sha256 })}\n`,
);
