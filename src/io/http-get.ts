import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { type AnswerHeaders, answerHeaders } from './content-headers.ts';
import { proxyAgent, proxyFor, refuseByProxy, type WebProxy } from './proxy.ts';

/** What readers by range look at of an answer; a fetch's Response is one. */
export interface HttpAnswer {
  readonly status: number;
  readonly statusText: string;
  /** Where the redirects led. */
  readonly url: string;
  readonly headers: AnswerHeaders;
  readonly body: {
    getReader(): BytesReader;
    cancel(): Promise<void>;
  } | null;
}

export interface BytesReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

export type SentHeaders = Readonly<Record<string, string>>;

export interface GetOptions {
  readonly headers: SentHeaders;
  readonly signal: AbortSignal;
}

export interface SendOptions extends Pick<GetOptions, 'headers' | 'signal'> {
  readonly method: string;
}

/** How parts of files are asked for. */
export type HttpGet = (url: string, options: GetOptions) => Promise<HttpAnswer>;

/** An idle connection is closed after this; idle ones do not keep the process alive. */
const IDLE_CONNECTION_MS = 4000;
/** As fetch has it. */
const MOST_REDIRECTS = 20;

const pool = { keepAlive: true, timeout: IDLE_CONNECTION_MS };
const agents = { 'http:': new HttpAgent(pool), 'https:': new HttpsAgent(pool) };

/**
 * GET over Node's own HTTP, on connections that are used again. A survey of small headers spends most of its time in
 * the client: this takes half of the CPU time of the global fetch, whose streams and signals are made for more, and
 * which knows no proxies.
 */
export const getOverHttp: HttpGet = async (url, options) => {
  let { headers } = options;
  let address = new URL(url);
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const answer = await sendOverHttp(address.href, { method: 'GET', headers, signal: options.signal });
    const location = answer.headers.get('location');
    const isRedirect = [301, 302, 303, 307, 308].includes(answer.status) && location !== null;
    if (!isRedirect) return answer;
    await answer.body?.cancel();
    const next = new URL(location, address);
    if (next.origin !== address.origin) headers = withoutSecrets(headers);
    address = next;
  }
  throw new Error(`more than ${MOST_REDIRECTS} redirects`);
};

/** What may be sent to a server that was not asked for. */
export function withoutSecrets(headers: SentHeaders): SentHeaders {
  const isSecret = /^(?:authorization|cookie|proxy-authorization)$/i;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isSecret.test(name)));
}

/**
 * One request, through the proxy that the environment names. Redirects are not followed.
 * @throws Error of Node's; QuantscopeError `io/bad-proxy`, `io/proxy-refused`; the signal's reason
 */
export async function sendOverHttp(url: string, options: SendOptions): Promise<HttpAnswer> {
  const address = new URL(url);
  const proxy = proxyFor(address);
  const direct = address.protocol === 'https:' ? agents['https:'] : agents['http:'];
  const agent = proxy === undefined ? direct : await proxyAgent(proxy, address, options.signal);
  for (;;) {
    const sent = send(address, options, agent, proxy);
    try {
      return await sent.answer;
    } catch (thrown) {
      // The server closed an idle connection at the moment of its use: RFC 9112, 9.5 has such a request sent again.
      const isStale =
        sent.usedAgain() && thrown instanceof Error && 'code' in thrown && thrown.code === 'ECONNRESET';
      if (!isStale || options.signal.aborted) throw thrown;
    }
  }
}

function send(
  url: URL,
  { method, headers, signal }: SendOptions,
  agent: HttpAgent,
  proxy: WebProxy | undefined,
): { readonly answer: Promise<HttpAnswer>; readonly usedAgain: () => boolean } {
  signal.throwIfAborted();
  const start = url.protocol === 'https:' ? requestHttps : requestHttp;
  const request = start(url, { method, headers, agent });
  const answer = new Promise<HttpAnswer>((resolve, reject) => {
    let body: AnswerBody | undefined;
    const onAbort = (): void => {
      const reason = signal.reason instanceof Error ? signal.reason : new Error('aborted');
      body?.fail(reason);
      // Of a connection that is on its way back to the others nobody would hear an error.
      request.destroy(body === undefined ? reason : undefined);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    request.on('close', () => signal.removeEventListener('abort', onAbort)).on('error', reject);
    if (proxy !== undefined) refuseByProxy(request, proxy, reject);
    request.on('response', (response) => {
      body = new AnswerBody(response);
      resolve({
        status: response.statusCode ?? 0,
        statusText: response.statusMessage ?? '',
        url: url.href,
        headers: answerHeaders(response.rawHeaders),
        body,
      });
    });
    request.end();
  });
  return { answer, usedAgain: () => request.reusedSocket };
}

class AnswerBody {
  readonly #response: IncomingMessage;
  #failure: Error | undefined;
  /** Ends a wait for more. */
  #wake: (() => void) | undefined;

  constructor(response: IncomingMessage) {
    this.#response = response;
    const wake = (): void => this.#wake?.();
    response.on('readable', wake).on('end', wake).on('close', wake);
    response.on('error', (error) => this.fail(error));
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake?.();
  }

  getReader(): BytesReader {
    return this;
  }

  async read(): Promise<{ done: boolean; value?: Uint8Array }> {
    const response = this.#response;
    for (;;) {
      const value: Uint8Array | null = response.read();
      if (value !== null) return { done: false, value };
      if (this.#failure !== undefined) throw this.#failure;
      if (response.readableEnded || response.destroyed) return { done: true };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** What has wholly arrived is dropped and its connection used again; of the rest it is the end. */
  async cancel(): Promise<void> {
    const response = this.#response;
    if (!response.complete) response.destroy();
    else if (!response.readableEnded) response.removeAllListeners('readable').resume();
  }
}
