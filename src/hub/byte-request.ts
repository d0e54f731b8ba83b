import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { HubContext } from './context.ts';

/** An answer whose body is read piece by piece. */
export interface ByteAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly pieces: AsyncIterator<Uint8Array>;
  /** Ends the body where it is. */
  readonly cancel: () => Promise<void>;
}

/** How bytes are asked for. Redirects are not followed. */
type RequestBytes = (url: string, headers: Headers, signal: AbortSignal) => Promise<ByteAnswer>;

/** Bytes over a fetch: for callers who bring their own. */
function bytesOverFetch(send: typeof fetch): RequestBytes {
  return async (url, headers, signal) => {
    const { status, headers: answered, body } = await send(url, { headers, signal, redirect: 'manual' });
    const reader = body?.getReader();
    return {
      status,
      headers: answered,
      pieces: {
        next: async () => {
          const piece = await reader?.read();
          return piece === undefined || piece.done
            ? { done: true, value: undefined }
            : { done: false, value: piece.value };
        },
      },
      cancel: async () => {
        await reader?.cancel().catch(() => {});
      },
    };
  };
}

/**
 * Bytes over Node's own HTTP: what fetch does, without its streams, which copy every piece into fresh memory (Node 20
 * on the loopback: 480 MiB/s and 120 MB by fetch, 770 MiB/s and 85 MB by this).
 */
const bytesOverHttp: RequestBytes = (url, headers, signal) => {
  return new Promise((resolve, reject) => {
    const start = url.startsWith('https:') ? requestHttps : requestHttp;
    const request = start(url, { headers: Object.fromEntries(headers), signal }, (response) => {
      resolve(answerOf(response));
    });
    request.on('error', reject);
    request.end();
  });
};

function answerOf(response: IncomingMessage): ByteAnswer {
  const headers = new Headers();
  for (let index = 0; index + 1 < response.rawHeaders.length; index += 2) {
    headers.append(response.rawHeaders[index] ?? '', response.rawHeaders[index + 1] ?? '');
  }
  const pieces: AsyncIterator<Uint8Array> = response[Symbol.asyncIterator]();
  return {
    status: response.statusCode ?? 0,
    headers,
    pieces,
    cancel: async () => {
      // The connection goes with it: draining the rest of a model would take longer than making another.
      if (!response.complete) response.on('error', () => {}).destroy();
    },
  };
}

/** The way of a context. */
export function requestBytesOf({ fetch: given }: HubContext): RequestBytes {
  return given === undefined ? bytesOverHttp : bytesOverFetch(given);
}
