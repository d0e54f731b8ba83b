import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sha256 } from './hub-server.ts';

/** Answers one request in place of the right answer; `count` is how many of its kind there have been, from 1. */
export type Answer = (exchange: Exchange) => void;

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly count: number;
  readonly content: Buffer;
  /** What was asked for: [start, end) of the content. */
  readonly start: number;
  readonly end: number;
  /** The right answer, with headers of the caller's instead of its own; null leaves one out. */
  readonly right: (headers?: Readonly<Record<string, string | null>>) => void;
}

export interface Seen {
  readonly kind: 'list' | 'resolve' | 'bytes' | 'elsewhere';
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

/**
 * A second hub, simpler than {@link HubServer} and written without a look at it, whose answers a test replaces one by
 * one: it has one repository with one file, and the bytes are on a server of their own.
 */
export class HostileHub implements AsyncDisposable {
  readonly seen: Seen[] = [];
  resolve: Answer | undefined;
  bytes: Answer | undefined;
  /** What the listing says the file's SHA-256 is. */
  listedSha256: string;
  readonly #hub: Server;
  readonly #cdn: Server;
  readonly #content: Buffer;
  readonly #host: string;

  private constructor(content: Buffer, host: string) {
    this.#content = content;
    this.#host = host;
    this.listedSha256 = sha256(content);
    this.#hub = createServer((request, response) => this.#answerHub(request, response));
    this.#cdn = createServer((request, response) => this.#answerBytes(request, response));
  }

  /** @param host name that both are reached by; an address of it is listened on */
  static async start(content: Buffer, host = '127.0.0.1', address = host): Promise<HostileHub> {
    const hub = new HostileHub(content, host);
    for (const server of [hub.#hub, hub.#cdn]) {
      await new Promise<void>((done, failed) => {
        server.on('error', failed).listen(0, address, done);
      });
    }
    return hub;
  }

  readonly commit = 'c0ffee'.repeat(7).slice(0, 40);

  get endpoint(): string {
    return this.#origin(this.#hub);
  }

  get bytesUrl(): string {
    return `${this.#origin(this.#cdn)}/object?Signature=secret`;
  }

  count(kind: Seen['kind']): number {
    return this.seen.filter((each) => each.kind === kind).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.#hub, this.#cdn]) {
      server.closeAllConnections();
      await new Promise((done) => {
        server.close(done);
      });
    }
  }

  #origin(server: Server): string {
    return `http://${this.#host}:${(server.address() as AddressInfo).port}`;
  }

  #note(kind: Seen['kind'], { method = '', url = '', headers }: IncomingMessage): number {
    this.seen.push({ kind, method, url, headers });
    return this.count(kind);
  }

  #answerHub(request: IncomingMessage, response: ServerResponse): void {
    const { pathname } = new URL(request.url ?? '/', this.endpoint);
    const listed = this.#listed(pathname);
    if (listed !== undefined) {
      this.#note('list', request);
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(listed));
      return;
    }
    const count = this.#note(pathname.includes('/resolve/') ? 'resolve' : 'elsewhere', request);
    const right: Exchange['right'] = (headers = {}) => {
      response.writeHead(
        302,
        withoutNulls({
          location: this.bytesUrl,
          'x-repo-commit': this.commit,
          'x-linked-etag': `"${sha256(this.#content)}"`,
          'x-linked-size': `${this.#content.length}`,
          ...headers,
        }),
      );
      response.end();
    };
    const exchange = { request, response, count, content: this.#content, start: 0, end: 0, right };
    (this.resolve ?? (() => right()))(exchange);
  }

  #listed(pathname: string): object | undefined {
    if (pathname.includes('/revision/')) return { id: 'mean/model', sha: this.commit, gated: false };
    if (!pathname.includes('/tree/')) return undefined;
    const size = this.#content.length;
    const lfs = { oid: this.listedSha256, size, pointerSize: 134 };
    return [{ type: 'file', path: 'model-Q4_0.gguf', size, oid: this.commit, lfs }];
  }

  #answerBytes(request: IncomingMessage, response: ServerResponse): void {
    const count = this.#note('bytes', request);
    const content = this.#content;
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const start = Number(first ?? 0);
    const end = last ? Math.min(content.length, Number(last) + 1) : content.length;
    const right: Exchange['right'] = (headers = {}) => {
      response.writeHead(
        206,
        withoutNulls({
          etag: '"mean-1"',
          'content-length': `${end - start}`,
          'content-range': `bytes ${start}-${end - 1}/${content.length}`,
          ...headers,
        }),
      );
      response.end(content.subarray(start, end));
    };
    (this.bytes ?? (() => right()))({ request, response, count, content, start, end, right });
  }
}

function withoutNulls(headers: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== null),
  );
}
