import type { ErrorCode } from '../util/error-codes.ts';
import { messageOf, QuantscopeError } from '../util/errors.ts';
import { type BodyReader, bodyReaderOf } from './body-reader.ts';
import type { ByteSource } from './byte-source.ts';
import { contentLength, isEncoded, parseContentRange, strongEtag } from './content-headers.ts';
import { getOverHttp, type HttpAnswer, type HttpGet, type SentHeaders, withoutSecrets } from './http-get.ts';

export interface HttpOptions {
  /** What sends the requests, such as the global fetch. Default: Node's HTTP, on connections that are used again. */
  readonly fetch?: HttpGet;
  readonly signal?: AbortSignal;
  /** Sent with every request; `authorization` only to the origin that was asked for first. */
  readonly headers?: SentHeaders;
  /** What messages call the file. Default: its address without the query, which may hold a signature. */
  readonly name?: string;
  /** Bytes fetched with the opening request, which also learns the length. Default: 256 KiB. */
  readonly firstWindowBytes?: number;
  /** A server that sends nothing for this long is given up. Default: 30,000 ms. */
  readonly idleTimeoutMs?: number;
}

/** A remote file, with what reading it has cost so far. */
export interface HttpSource extends ByteSource {
  /** Requests sent; redirects that fetch follows are part of theirs. */
  readonly requests: number;
  /** Body bytes received, those that were thrown away included. */
  readonly bytesFetched: number;
  /** Where the redirects led. */
  readonly finalUrl: string;
  /** The strong validator of the file, where the server gives one. */
  readonly etag: string | null;
}

const FIRST_WINDOW_BYTES = 256 * 1024;
const IDLE_TIMEOUT_MS = 30_000;
/** A server without ranges is read forward; past a gap of this size a download is the better way. */
const LARGEST_SKIP_BYTES = 1024 * 1024;

/**
 * A remote file, read by range requests. The first window comes with the opening request. A server that
 * ignores ranges is read forward as far as asked, and no farther.
 * @throws QuantscopeError `io/not-found`, `io/permission`, `io/http-status`, `io/unknown-length`,
 *   `io/bad-range`, `io/read-failed`, `io/timeout`, or the signal's reason
 */
export async function openUrl(url: string, options: HttpOptions = {}): Promise<HttpSource> {
  const source = new RangeSource(url, options);
  await source.open();
  return source;
}

class RangeSource implements HttpSource {
  readonly name: string;
  readonly #url: string;
  requests = 0;
  bytesFetched = 0;
  finalUrl: string;
  etag: string | null = null;
  #byteLength = 0;
  /** The file's first bytes, from the opening request. */
  #prefix: Uint8Array = new Uint8Array(0);
  /** The body of a server that ignores ranges, read as far as `#streamPosition`. */
  #stream: BodyReader | undefined;
  #streamPosition = 0;
  #streamed = false;
  readonly #options: HttpOptions;

  constructor(url: string, options: HttpOptions) {
    const { origin, pathname } = new URL(url);
    this.name = options.name ?? `${origin}${pathname}`;
    this.#url = url;
    this.finalUrl = url;
    this.#options = options;
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  async open(): Promise<void> {
    const { firstWindowBytes = FIRST_WINDOW_BYTES, signal } = this.#options;
    const { response, body } = await this.#request(0, firstWindowBytes, signal);
    let opened = false;
    try {
      this.finalUrl = response.url === '' ? this.#url : response.url;
      this.etag = strongEtag(response.headers);
      if (response.status === 206) await this.#openRange(response, body, firstWindowBytes);
      else if (response.status === 416) this.#openEmpty(response);
      else if (response.status === 200) await this.#openStream(response, body, firstWindowBytes);
      else throw this.#statusError(response);
      opened = true;
    } finally {
      if (!opened || body !== this.#stream) await body.cancel();
    }
  }

  async read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    if (end > this.#byteLength) throw this.#shortRead(start, end, Math.max(0, this.#byteLength - start));
    if (end <= this.#prefix.length) return this.#prefix.subarray(start, end);
    const target = new Uint8Array(end - start);
    const fromPrefix = this.#prefix.subarray(Math.min(start, this.#prefix.length));
    target.set(fromPrefix);
    const rest = target.subarray(fromPrefix.length);
    const restStart = start + fromPrefix.length;
    if (this.#streamed) await this.#readStream(restStart, rest, signal);
    else await this.#readRange(restStart, rest, signal);
    return target;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stream?.cancel();
    this.#stream = undefined;
  }

  async #openRange(response: HttpAnswer, body: BodyReader, windowBytes: number): Promise<void> {
    const range = parseContentRange(response.headers.get('content-range'));
    if (range === undefined || range.total === undefined) throw this.#unknownLength();
    const expected = Math.min(windowBytes, range.total);
    if (range.start !== 0 || range.end !== expected) throw this.#badRange(0, expected, response);
    this.#byteLength = range.total;
    this.#prefix = await this.#take(body, 0, expected);
  }

  /** A range cannot be satisfied where there is not a single byte. */
  #openEmpty(response: HttpAnswer): void {
    const total = parseContentRange(response.headers.get('content-range'))?.total;
    if (total !== 0) throw this.#statusError(response);
  }

  async #openStream(response: HttpAnswer, body: BodyReader, windowBytes: number): Promise<void> {
    const length = isEncoded(response.headers) ? undefined : contentLength(response.headers);
    if (length === undefined) throw this.#unknownLength();
    this.#byteLength = length;
    this.#streamed = true;
    this.#stream = body;
    this.#prefix = await this.#take(body, 0, Math.min(windowBytes, length));
    this.#streamPosition = this.#prefix.length;
    if (this.#streamPosition === length) {
      await body.cancel();
      this.#stream = undefined;
    }
  }

  async #readRange(start: number, target: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const end = start + target.length;
    const { response, body } = await this.#request(start, end, signal);
    try {
      // With If-Range, 200 means that the file is not the one whose first bytes were read.
      if (response.status === 200) throw this.#changed();
      if (response.status !== 206) throw this.#statusError(response);
      const range = parseContentRange(response.headers.get('content-range'));
      if (range?.start !== start || range.end !== end) throw this.#badRange(start, end, response);
      if (range.total !== undefined && range.total !== this.#byteLength) throw this.#changed();
      const etag = strongEtag(response.headers);
      if (this.etag !== null && etag !== null && etag !== this.etag) throw this.#changed();
      await this.#fill(body, start, target);
    } finally {
      await body.cancel();
    }
  }

  async #readStream(start: number, target: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const skip = start - this.#streamPosition;
    if (this.#stream === undefined || skip < 0 || skip > LARGEST_SKIP_BYTES) {
      const hint = 'Download the file first, then give its path.';
      const why = `the server cannot send a part of the file (byte ${start} was asked for)`;
      throw this.#error('io/no-ranges', why, hint);
    }
    signal?.throwIfAborted();
    if (skip > 0) await this.#take(this.#stream, this.#streamPosition, skip);
    this.#streamPosition = start;
    await this.#fill(this.#stream, start, target);
    this.#streamPosition += target.length;
  }

  async #take(body: BodyReader, start: number, count: number): Promise<Uint8Array> {
    const target = new Uint8Array(count);
    await this.#fill(body, start, target);
    return target;
  }

  async #fill(body: BodyReader, start: number, target: Uint8Array): Promise<void> {
    const before = body.received;
    const filled = await body.fill(target);
    this.bytesFetched += body.received - before;
    if (filled < target.length) throw this.#shortRead(start, start + target.length, filled);
  }

  async #request(
    start: number,
    end: number,
    signal: AbortSignal | undefined,
  ): Promise<{ response: HttpAnswer; body: BodyReader }> {
    const { fetch: send = getOverHttp, headers = {}, idleTimeoutMs = IDLE_TIMEOUT_MS } = this.#options;
    const isElsewhere = new URL(this.finalUrl).origin !== new URL(this.#url).origin;
    const sent = {
      ...(isElsewhere ? withoutSecrets(headers) : headers),
      // A compressed body would have other lengths and no ranges.
      'accept-encoding': 'identity',
      range: `bytes=${start}-${end - 1}`,
      ...(this.etag === null ? {} : { 'if-range': this.etag }),
    };
    this.requests++;
    return bodyReaderOf(this.name, signal, idleTimeoutMs, (own) =>
      send(this.finalUrl, { headers: sent, signal: own }),
    );
  }

  #error(code: ErrorCode, why: string, hint: string): QuantscopeError {
    return new QuantscopeError(code, `${this.name}: ${why}`, { hint });
  }

  #shortRead(start: number, end: number, got: number): QuantscopeError {
    const hint = 'The connection broke off or the server sent less than it announced; try again.';
    return this.#error('io/short-read', `${got} bytes from byte ${start} on, expected ${end - start}`, hint);
  }

  #badRange(start: number, end: number, response: HttpAnswer): QuantscopeError {
    const got = response.headers.get('content-range') ?? 'no Content-Range';
    const why = `asked for bytes ${start}-${end - 1}, the server answered "${got}"`;
    const hint = 'The server does not serve ranges correctly; download the file first, then give its path.';
    return this.#error('io/bad-range', why, hint);
  }

  #unknownLength(): QuantscopeError {
    const hint = 'Download the file first, then give its path.';
    return this.#error('io/unknown-length', 'the server does not say how long the file is', hint);
  }

  #changed(): QuantscopeError {
    const hint = 'Run the command again, or name a pinned revision.';
    return this.#error('io/changed', 'the file changed while it was read', hint);
  }

  #statusError({ status, statusText, headers }: HttpAnswer): QuantscopeError {
    const why = `the server answered ${status} ${statusText}`.trim();
    if (status === 404 || status === 410) {
      return this.#error('io/not-found', why, 'Check the address, the file name and the revision.');
    }
    if (status === 401 || status === 403) {
      const hint = 'The file may be private or gated: accept its terms and set HF_TOKEN.';
      return this.#error('io/permission', why, hint);
    }
    const retryAfter = headers.get('retry-after');
    const hint =
      status === 429 && retryAfter !== null ? `Try again after ${retryAfter}.` : 'Try again later.';
    return this.#error('io/http-status', why, hint);
  }
}

/** Whether a text is an address rather than a path. */
export function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

/** The address, or a clear error where the text is none. */
export function parseUrl(text: string): URL {
  try {
    return new URL(text);
  } catch (cause) {
    throw new QuantscopeError('io/bad-url', `${text}: ${messageOf(cause)}`, {
      cause,
      hint: 'Check the address.',
    });
  }
}
