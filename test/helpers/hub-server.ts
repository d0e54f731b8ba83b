import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A real HTTP server that speaks the Hub's API as far as clients of models use it, and a second one on another port
 * that has the bytes, as the Hub's CDN has. Faults of either can be turned on, for a number of requests or for good.
 */

export interface ServedFile {
  readonly content: Uint8Array;
  /** Default: true, as .gguf files are. */
  readonly lfs?: boolean;
  /** Listed and sent as so long, zeros all through: for gigabytes that nobody shall wait for. */
  readonly claimedBytes?: number;
}

export interface ServedRepo {
  readonly files: Readonly<Record<string, ServedFile>>;
  readonly gated?: boolean;
  readonly branch?: string;
}

/** What the Hub says of any token here. */
const WHO = {
  type: 'user',
  name: 'somebody',
  auth: { type: 'access_token', accessToken: { displayName: 'test', role: 'read' } },
};

/** What goes wrong on the way to the bytes. */
export type Fault =
  | { readonly kind: 'drop'; readonly afterBytes: number }
  | { readonly kind: 'wrong-bytes' }
  /** Announces and sends half of what was asked for. */
  | { readonly kind: 'short' }
  | { readonly kind: 'html' }
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly kind: 'stall'; readonly afterBytes: number };

export interface HubServerOptions {
  /** Each connection is sent no more than this. */
  readonly bytesPerSecond?: number;
  /** The CDN answers 200 with the whole file whatever is asked. */
  readonly ranges?: boolean;
  readonly pageSize?: number;
}

export interface RequestRecord {
  readonly server: 'hub' | 'cdn';
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

export class HubServer implements AsyncDisposable {
  readonly requests: RequestRecord[] = [];
  readonly repos = new Map<string, ServedRepo>();
  /** Faults of the CDN, each for one request, first to last. */
  readonly faults: Fault[] = [];
  /** A fault of every CDN request. */
  fault: Fault | undefined;
  /** Answers of the hub itself in place of the right ones, first to last. */
  readonly hubFaults: Fault[] = [];
  options: HubServerOptions;
  /** Signed links issued before this count are answered with 403. */
  expiredBefore = 0;
  /** What the CDN has in place of a file's content, by object id. */
  readonly swapped = new Map<string, Uint8Array>();
  #links = 0;
  readonly #hub: Server;
  readonly #cdn: Server;

  private constructor(options: HubServerOptions) {
    this.options = options;
    this.#hub = createServer((request, response) => {
      this.#answer(request, response).catch((thrown: unknown) => response.destroy(thrown as Error));
    });
    this.#cdn = createServer((request, response) => {
      this.#serve(request, response).catch((thrown: unknown) => response.destroy(thrown as Error));
    });
  }

  static async start(options: HubServerOptions = {}): Promise<HubServer> {
    const server = new HubServer(options);
    await new Promise<void>((done) => server.#hub.listen(0, '127.0.0.1', done));
    // Another host name as well as another port: Linux answers on all of 127/8, other systems on 127.0.0.1 alone.
    await new Promise<void>((done) =>
      server.#cdn.listen(0, process.platform === 'linux' ? '127.0.0.2' : '127.0.0.1', done),
    );
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${portOf(this.#hub)}`;
  }

  get cdnOrigin(): string {
    const { address, port } = this.#cdn.address() as AddressInfo;
    return `http://${address}:${port}`;
  }

  /** The commit of a repository: of its content, so that a change of that is a new commit. */
  commitOf(repo: string): string {
    const served = this.repos.get(repo);
    const files = Object.entries(served?.files ?? {}).map(
      ([path, { content }]) => `${path} ${sha256(content)}`,
    );
    return createHash('sha1')
      .update(`${repo}\n${files.join('\n')}`)
      .digest('hex');
  }

  /** Requests for bytes that the CDN got. */
  get downloads(): readonly RequestRecord[] {
    return this.requests.filter(({ server, method }) => server === 'cdn' && method === 'GET');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.#hub, this.#cdn]) {
      server.closeAllConnections();
      await new Promise<void>((done) => {
        server.close(() => done());
      });
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.endpoint);
    this.#record('hub', request);
    const fault = this.hubFaults.shift();
    if (fault?.kind === 'status')
      return end(response, fault.status, fault.headers ?? {}, '{"error":"as told"}');
    if (fault?.kind === 'html')
      return end(response, 200, { 'content-type': 'text/html' }, '<html>login</html>');
    if (url.pathname === '/api/whoami-v2') return json(response, WHO);
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/(revision|tree|paths-info)\/([^/]+)/.exec(url.pathname);
    const file = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname);
    const repo = api?.[1] ?? file?.[1] ?? '';
    const served = this.repos.get(repo);
    if (served === undefined) return refuse(response, 401, 'RepoNotFound', 'Invalid username or password.');
    const commit = this.commitOf(repo);
    const revision = decodeURIComponent(api?.[3] ?? file?.[2] ?? '');
    if (![commit, served.branch ?? 'main', 'HEAD'].includes(revision)) {
      return refuse(response, 404, 'RevisionNotFound', 'Invalid rev id');
    }
    if (file !== null)
      return this.#resolve(request, response, served, commit, decodeURIComponent(file[3] ?? ''));
    switch (api?.[2]) {
      case 'revision':
        return json(response, {
          _id: '0',
          id: repo,
          sha: commit,
          gated: served.gated === true ? 'auto' : false,
          private: false,
          downloads: 1,
          likes: 1,
          lastModified: '2026-01-01T00:00:00.000Z',
          siblings: Object.keys(served.files).map((rfilename) => ({ rfilename })),
        });
      case 'tree': {
        const size = this.options.pageSize ?? 1000;
        const from = Number(url.searchParams.get('cursor') ?? 0);
        const entries = Object.entries(served.files).map(([path, each]) => treeEntry(path, each));
        if (from + size < entries.length) {
          url.searchParams.set('cursor', String(from + size));
          response.setHeader('link', `<${url.href}>; rel="next"`);
        }
        return json(response, entries.slice(from, from + size));
      }
      case 'paths-info': {
        const { paths }: { paths: string[] } = JSON.parse(await textOf(request));
        const found = paths.flatMap((path) => {
          const each = served.files[path];
          return each === undefined ? [] : [treeEntry(path, each)];
        });
        return json(response, found);
      }
      default:
        return refuse(response, 404, 'EntryNotFound', 'not an API call of this server');
    }
  }

  #resolve(
    request: IncomingMessage,
    response: ServerResponse,
    served: ServedRepo,
    commit: string,
    path: string,
  ): void {
    if (served.gated === true && request.headers.authorization === undefined) {
      refuse(response, 401, 'GatedRepo', 'Access to model is restricted.');
      return;
    }
    const file = served.files[path];
    if (file === undefined) {
      refuse(response, 404, 'EntryNotFound', 'Entry not found');
      return;
    }
    response.setHeader('x-repo-commit', commit);
    if (file.lfs === false) {
      response.setHeader('etag', `"${gitSha1(file.content)}"`);
      response.setHeader('content-length', file.content.length);
      response.writeHead(200);
      response.end(request.method === 'HEAD' ? undefined : file.content);
      return;
    }
    const id = sha256(file.content);
    this.#links++;
    response.writeHead(302, {
      location: `${this.cdnOrigin}/${id}?link=${this.#links}&X-Signature=secret`,
      'x-linked-etag': `"${id}"`,
      'x-linked-size': file.claimedBytes ?? file.content.length,
      'content-length': 0,
    });
    response.end();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#record('cdn', request);
    const url = new URL(request.url ?? '/', this.cdnOrigin);
    const id = url.pathname.slice(1);
    const content = this.swapped.get(id) ?? this.#content(id);
    if (content === undefined) return end(response, 404, {}, 'no such object');
    if (Number(url.searchParams.get('link')) < this.expiredBefore)
      return end(response, 403, {}, 'Request has expired');
    const fault = this.faults.shift() ?? this.fault;
    if (fault?.kind === 'status') return end(response, fault.status, fault.headers ?? {}, 'as told');
    if (fault?.kind === 'html') {
      return end(
        response,
        200,
        { 'content-type': 'text/html; charset=utf-8' },
        '<!doctype html><title>Login</title>',
      );
    }
    // Another value than the object id, as the real one's is.
    const etag = `"cdn-${sha256(content).slice(0, 32)}"`;
    const length = this.#claimedBytes(id) ?? content.length;
    const range = this.#range(request, length, etag);
    if (range === 'unsatisfiable') {
      return end(response, 416, { 'content-range': `bytes */${length}` }, '');
    }
    const [start, stop] = range ?? [0, length];
    if (length !== content.length) {
      response.writeHead(206, {
        etag,
        'content-length': stop - start,
        'content-range': `bytes ${start}-${stop - 1}/${length}`,
      });
      await this.#send(response, { length: stop - start, subarray: (from, to) => new Uint8Array(to - from) });
      return void response.end();
    }
    let body: Uint8Array = content.subarray(start, stop);
    if (fault?.kind === 'wrong-bytes') {
      body = Uint8Array.from(body);
      body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 0xff;
    }
    if (fault?.kind === 'short') body = body.subarray(0, Math.ceil(body.length / 2));
    response.writeHead(range === undefined ? 200 : 206, {
      etag,
      'content-type': 'application/octet-stream',
      'content-length': body.length,
      ...(this.options.ranges === false ? {} : { 'accept-ranges': 'bytes' }),
      ...(range === undefined ? {} : { 'content-range': `bytes ${start}-${stop - 1}/${content.length}` }),
    });
    const cut = fault?.kind === 'drop' || fault?.kind === 'stall' ? fault.afterBytes : body.length;
    await this.#send(response, body.subarray(0, cut));
    if (fault?.kind === 'drop') response.destroy();
    else if (fault?.kind !== 'stall') response.end();
  }

  #range(
    request: IncomingMessage,
    length: number,
    etag: string,
  ): [number, number] | 'unsatisfiable' | undefined {
    const { range, 'if-range': condition } = request.headers;
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
    if (first === undefined || this.options.ranges === false) return undefined;
    if (condition !== undefined && condition !== etag) return undefined;
    const start = Number(first);
    if (start >= length) return 'unsatisfiable';
    return [start, last ? Math.min(length, Number(last) + 1) : length];
  }

  async #send(
    response: ServerResponse,
    body: { readonly length: number; readonly subarray: (from: number, to: number) => Uint8Array },
  ): Promise<void> {
    const { bytesPerSecond } = this.options;
    const step = bytesPerSecond === undefined ? 256 * 1024 : Math.max(1024, Math.ceil(bytesPerSecond / 50));
    const began = performance.now();
    for (let sent = 0; sent < body.length && !response.destroyed; ) {
      const piece = body.subarray(sent, Math.min(body.length, sent + step));
      sent += piece.length;
      if (!response.write(piece)) {
        await new Promise<void>((done) => {
          const go = (): void => {
            response.off('drain', go);
            response.off('close', go);
            done();
          };
          response.on('drain', go);
          response.on('close', go);
        });
      }
      if (bytesPerSecond !== undefined) {
        const due = (sent / bytesPerSecond) * 1000 - (performance.now() - began);
        if (due > 0) await new Promise((done) => setTimeout(done, due));
      }
    }
  }

  #content(id: string): Uint8Array | undefined {
    for (const { files } of this.repos.values()) {
      for (const { content } of Object.values(files)) if (sha256(content) === id) return content;
    }
    return undefined;
  }

  #claimedBytes(id: string): number | undefined {
    const all = [...this.repos.values()].flatMap(({ files }) => Object.values(files));
    return all.find(({ content }) => sha256(content) === id)?.claimedBytes;
  }

  #record(server: 'hub' | 'cdn', { method = '', url = '', headers }: IncomingMessage): void {
    this.requests.push({ server, method, url, headers });
  }
}

const hashes = new WeakMap<Uint8Array, string>();

export function sha256(content: Uint8Array): string {
  const known = hashes.get(content);
  if (known !== undefined) return known;
  const hash = createHash('sha256').update(content).digest('hex');
  hashes.set(content, hash);
  return hash;
}

export function gitSha1(content: Uint8Array): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}

/** Bytes that look like nothing, the same for the same seed. */
export function noise(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed * 2_654_435_761;
  for (let at = 0; at + 4 <= length; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes.writeInt32LE(state | 0, at);
  }
  return bytes;
}

function treeEntry(path: string, { content, lfs = true, claimedBytes }: ServedFile): object {
  const size = claimedBytes ?? content.length;
  if (!lfs) return { type: 'file', path, size: content.length, oid: gitSha1(content) };
  return {
    type: 'file',
    path,
    size,
    oid: gitSha1(Buffer.from(`pointer to ${sha256(content)}`)),
    lfs: { oid: sha256(content), size, pointerSize: 134 },
    xetHash: sha256(Buffer.from(`xet of ${sha256(content)}`)),
  };
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function end(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): void {
  response.writeHead(status, headers);
  response.end(body);
}

function json(response: ServerResponse, value: unknown): void {
  end(response, 200, { 'content-type': 'application/json' }, JSON.stringify(value));
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  end(
    response,
    status,
    { 'content-type': 'application/json', 'x-error-code': code, 'x-error-message': message },
    JSON.stringify({ error: message }),
  );
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request) text += String(piece);
  return text;
}
