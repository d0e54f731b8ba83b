import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { QuantscopeError } from '../util/errors.ts';

/** A program that requests are sent through. */
export interface WebProxy {
  /** With the user and password that it is told. */
  readonly url: URL;
  /** Without them. */
  readonly shown: string;
  /** The variable that names it. */
  readonly variable: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for an address, by HTTP_PROXY or HTTPS_PROXY, then ALL_PROXY, unless NO_PROXY lists its host; lower case
 * counts before upper case, and a proxy without a scheme is an http one. A host in NO_PROXY stands for those below it
 * too, as curl and huggingface_hub (httpx) have it; npm's proxy-from-env 2.1.0 takes it for that host alone.
 * @throws QuantscopeError `io/bad-proxy`
 */
export function proxyFor(address: URL, env: Environment = process.env): WebProxy | undefined {
  const scheme = address.protocol === 'https:' ? 'https' : 'http';
  const [variable, text] = firstSet([`${scheme}_proxy`, 'all_proxy'], env) ?? [];
  if (variable === undefined || text === undefined || isExempt(address, env)) return undefined;
  const written = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(written) ? new URL(written) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    const got = url === undefined ? 'not an address' : `${url.protocol}//${url.host}`;
    throw new QuantscopeError('io/bad-proxy', `${variable} is ${got}, expected http://host:port`, {
      hint: `Set ${variable} to an http(s) proxy, or unset it.`,
    });
  }
  return { url, shown: `${url.protocol}//${url.host}`, variable };
}

function firstSet(names: readonly string[], env: Environment): readonly [string, string] | undefined {
  for (const name of names.flatMap((each) => [each, each.toUpperCase()])) {
    const value = env[name]?.trim();
    if (value) return [name, value];
  }
  return undefined;
}

function isExempt(address: URL, env: Environment): boolean {
  const [, list = ''] = firstSet(['no_proxy'], env) ?? [];
  const host = bareHost(address.hostname);
  const port = address.port || (address.protocol === 'https:' ? '443' : '80');
  return list.split(/[\s,]+/).some((entry) => {
    if (entry === '*') return true;
    const [, name = entry, only] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(entry) ?? [];
    const domain = bareHost(name).replace(/^\*?\./, '');
    if (domain === '' || (only !== undefined && only !== port)) return false;
    return host === domain || host.endsWith(`.${domain}`);
  });
}

function bareHost(host: string): string {
  return host.toLowerCase().replace(/^\[|\]$/g, '');
}

/**
 * What sends one request through a proxy: to http with its whole address, to https through a tunnel (CONNECT).
 * @param signal ends the connection, also while the proxy has not answered
 */
export async function proxyAgent(proxy: WebProxy, address: URL, signal: AbortSignal): Promise<Agent> {
  // Options of the connection: the agents pass on what they do not know.
  const options = { signal };
  if (address.protocol === 'https:') {
    const { HttpsProxyAgent } = await import('https-proxy-agent');
    return new HttpsProxyAgent(proxy.url, options);
  }
  const { HttpProxyAgent } = await import('http-proxy-agent');
  return new HttpProxyAgent(proxy.url, options);
}

/** Ends a request that its proxy refuses, which would otherwise be taken for an answer of the server. */
export function refuseByProxy(request: ClientRequest, proxy: WebProxy, fail: (error: Error) => void): void {
  const judge = (status: number | undefined, isTunnel: boolean): void => {
    if (status === undefined || (status !== 407 && (!isTunnel || status === 200))) return;
    fail(refusal(proxy, status));
    request.destroy();
  };
  // Without a status where the proxy is not asked for a tunnel.
  request.on('proxyConnect', (answer: { readonly statusCode?: number }) => judge(answer.statusCode, true));
  request.on('response', ({ statusCode }: IncomingMessage) => judge(statusCode, false));
  // The signal ends the connection below the request's own, whose error is heard.
  const ignore = (): void => {};
  request.on('socket', (socket) => socket.on('error', ignore));
  request.on('proxy', ({ socket }: { readonly socket: Socket }) => socket.on('error', ignore));
}

function refusal({ shown, variable, url }: WebProxy, status: number): QuantscopeError {
  // tinyproxy answers 401 where they are wrong.
  const isLogin = status === 407 || status === 401;
  const why = isLogin ? 'it wants a user and password' : 'it does not pass the request on';
  const hint = isLogin
    ? `Write them into ${variable}: http://user:password@${url.host}`
    : `Check ${variable}, or list the host in NO_PROXY.`;
  return new QuantscopeError(
    'io/proxy-refused',
    `the proxy ${shown} (${variable}) answered ${status}: ${why}`,
    { hint },
  );
}
