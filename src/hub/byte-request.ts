import type { HubContext } from './context.ts';
import { bytesOverHttp } from './http-bytes.ts';

/** Where the bytes of a body go. */
export interface ByteSink {
  /** Memory, never empty, that the next bytes may be put into before they are handed over: they need no copy then. */
  readonly room: () => Uint8Array;
  /** Takes the next bytes, which are the caller's own again afterwards. Whether it wants more, once there is room. */
  readonly take: (bytes: Uint8Array) => boolean | Promise<boolean>;
}

/** An answer whose body is handed over as it comes. */
export interface ByteAnswer {
  readonly status: number;
  readonly headers: Headers;
  /**
   * Hands the body to a sink, once, and resolves at its end, or where the sink wants no more. A body that is cut short
   * without a sound ends too: its length is the caller's to check.
   */
  readonly receive: (sink: ByteSink) => Promise<void>;
  /** Ends the body where it is. */
  readonly cancel: () => Promise<void>;
}

/** How bytes are asked for. Redirects are not followed. */
export type RequestBytes = (url: string, headers: Headers, signal: AbortSignal) => Promise<ByteAnswer>;

/** Bytes over a fetch: for callers who bring their own. */
function bytesOverFetch(send: typeof fetch): RequestBytes {
  return async (url, headers, signal) => {
    const { status, headers: answered, body } = await send(url, { headers, signal, redirect: 'manual' });
    const reader = body?.getReader();
    return {
      status,
      headers: answered,
      receive: async ({ take }) => {
        for (;;) {
          const piece = await reader?.read();
          if (piece === undefined || piece.done || !(await take(piece.value))) return;
        }
      },
      cancel: async () => {
        await reader?.cancel().catch(() => {});
      },
    };
  };
}

/** The way of a context. */
export function requestBytesOf({ fetch: given }: HubContext): RequestBytes {
  return given === undefined ? bytesOverHttp : bytesOverFetch(given);
}
