import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server on a free port for the time of a test. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  /** `Range` headers of the requests, in order; undefined where there was none. */
  readonly ranges: (string | undefined)[];
  readonly requests: IncomingMessage[];
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export async function serve(handler: Handler): Promise<TestServer> {
  const ranges: (string | undefined)[] = [];
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range);
    requests.push(request);
    handler(request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo; // a server on a port has an AddressInfo
  return {
    url: `http://127.0.0.1:${port}/model.gguf`,
    ranges,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** Serves bytes as a good server does. */
export function fileHandler(bytes: Uint8Array, headers: Record<string, string> = { etag: '"v1"' }): Handler {
  return (request, response) => {
    const [start, end] = rangeOf(request, bytes.length);
    if (start >= bytes.length) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
      return;
    }
    response.writeHead(206, {
      ...headers,
      'content-range': `bytes ${start}-${end - 1}/${bytes.length}`,
      'content-length': end - start,
    });
    response.end(bytes.subarray(start, end));
  };
}

/** The window [start, end) that a request asks for, cut at the file's end. */
export function rangeOf(request: IncomingMessage, byteLength: number): [start: number, end: number] {
  const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  return [Number(match?.[1] ?? 0), Math.min(Number(match?.[2] ?? byteLength - 1) + 1, byteLength)];
}
