import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** One file of a plain web server, and what its server says of it. */
export interface WebFile {
  readonly content: Uint8Array;
  readonly etag?: string;
  readonly lastModified?: string;
  /** Further headers of every answer, in place of the usual ones. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: 200 or 206. */
  readonly status?: number;
  /** Default: true. */
  readonly ranges?: boolean;
  /** Default: true. Without it the length of the body is not said. */
  readonly length?: boolean;
  /** Answers of more than 4 bytes that end after so many, one for each; then all is well. */
  readonly drops?: number[];
  readonly bytesPerSecond?: number;
}

/** What a look at a file asks for. */
const FIRST_BYTES = 'bytes=0-3';

/** A real web server that knows nothing of the Hub: paths, ranges, If-Range, validators. */
export class FileServer implements AsyncDisposable {
  readonly files = new Map<string, WebFile>();
  readonly requests: { readonly path: string; readonly headers: IncomingMessage['headers'] }[] = [];
  /** What requests for more than the first bytes are answered with, If-Range or not: a server that mixes versions. */
  spliced: { readonly content: Uint8Array; readonly etag?: string | undefined } | undefined;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((thrown: unknown) => response.destroy(thrown as Error));
    });
  }

  static async start(): Promise<FileServer> {
    const server = new FileServer();
    await new Promise<void>((done) => server.#server.listen(0, '127.0.0.1', done));
    return server;
  }

  url(path: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  /** Requests for more than the first four bytes. */
  get downloads() {
    return this.requests.filter(({ headers }) => headers.range !== FIRST_BYTES);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((done) => {
      this.#server.close(() => done());
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    this.requests.push({ path, headers: request.headers });
    const file = this.files.get(path);
    if (file === undefined) {
      response.writeHead(404).end('no such file');
      return;
    }
    const isDownload = request.headers.range !== FIRST_BYTES;
    const { content, etag } = (isDownload ? this.spliced : undefined) ?? file;
    const { lastModified, ranges = true, length = true, drops = [] } = file;
    const condition = request.headers['if-range'];
    const isSame =
      this.spliced !== undefined ||
      condition === undefined ||
      condition === etag ||
      condition === lastModified;
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const isPart = ranges && isSame && first !== undefined;
    const start = isPart ? Number(first) : 0;
    const stop = isPart && last ? Math.min(content.length, Number(last) + 1) : content.length;
    response.writeHead(file.status ?? (isPart ? 206 : 200), {
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { 'last-modified': lastModified }),
      ...(length ? { 'content-length': stop - start } : {}),
      ...(isPart ? { 'content-range': `bytes ${start}-${stop - 1}/${content.length}` } : {}),
      ...file.headers,
    });
    const drop = stop - start > 4 ? drops.shift() : undefined;
    const end = drop === undefined ? stop : Math.min(stop, start + drop);
    const step = file.bytesPerSecond === undefined ? content.length : Math.ceil(file.bytesPerSecond / 20);
    for (let at = start; at < end && !response.destroyed; at += step) {
      response.write(content.subarray(at, Math.min(end, at + step)));
      if (file.bytesPerSecond !== undefined) await wait(50);
    }
    // What was written is sent before the connection is cut.
    if (drop === undefined) response.end();
    else setTimeout(() => response.destroy(), 50);
  }
}

/** Bytes that begin as a model does. */
export function modelLike(content: Uint8Array): Uint8Array {
  const model = Uint8Array.from(content);
  model.set(Buffer.from('GGUF'));
  return model;
}
