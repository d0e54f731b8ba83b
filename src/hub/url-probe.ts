import { type AnswerHeaders, contentLength, isEncoded, parseContentRange } from '../io/content-headers.ts';
import type { HttpAnswer } from '../io/http-get.ts';
import type { ErrorCode } from '../util/error-codes.ts';
import { QuantscopeError } from '../util/errors.ts';
import type { HubContext } from './context.ts';
import { connectionError } from './hub-errors.ts';
import { sendPatiently } from './request.ts';
import type { UrlAddress } from './url-address.ts';

/** What a server says of a file. */
export interface UrlFacts {
  /** After redirects. */
  readonly finalUrl: string;
  readonly sizeBytes: number;
  readonly etag: string | null;
  readonly lastModified: string | null;
  /** Of the whole file, where the server gives one (RFC 9530, or RFC 3230 before it). */
  readonly sha256: string | null;
}

const MAGIC = 'GGUF';

/**
 * Asks for the first four bytes of a file: a GET, since links that are signed for it refuse a HEAD, and enough to see
 * that it is a model before gigabytes of something else are fetched.
 * @throws QuantscopeError `url/not-found`, `url/forbidden`, `url/http-status`, `url/not-gguf`, `url/no-length`,
 *   `hub/unreachable`; the signal's reason
 */
export async function probeUrl(
  { href, shown }: UrlAddress,
  context: HubContext,
  signal: AbortSignal = context.signal,
): Promise<UrlFacts> {
  const headers = { 'accept-encoding': 'identity', range: `bytes=0-${MAGIC.length - 1}` };
  const answer = await sendPatiently(href, { headers, what: shown, signal }, context);
  const { response, url, watch } = answer;
  const start = await watch.during(firstBytes(response)).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw connectionError(shown, watch.timedOut ? watch.signal.reason : cause, url);
  });
  if (response.status !== 206 && response.status !== 200) throw refusal(shown, response.status);
  if (start.toString('latin1') !== MAGIC) throw notAModel(shown, start, response.headers);
  const sizeBytes = lengthOf(response);
  if (sizeBytes === undefined) {
    throw new QuantscopeError('url/no-length', `${shown}: the server does not say how long the file is`, {
      hint: 'Without that a file that broke off cannot be told from a whole one: fetch it by other means and give its path.',
    });
  }
  return {
    finalUrl: url,
    sizeBytes,
    etag: response.headers.get('etag'),
    lastModified: response.headers.get('last-modified'),
    sha256: digestOf(response.headers),
  };
}

async function firstBytes({ body }: HttpAnswer): Promise<Buffer> {
  const reader = body?.getReader();
  const pieces: Uint8Array[] = [];
  try {
    for (let have = 0; have < MAGIC.length; ) {
      const piece = await reader?.read();
      if (piece?.value === undefined) break;
      pieces.push(piece.value);
      have += piece.value.length;
    }
  } finally {
    // A server without ranges would send the whole file.
    await reader?.cancel().catch(() => {});
  }
  return Buffer.concat(pieces).subarray(0, MAGIC.length);
}

function lengthOf({ status, headers }: HttpAnswer): number | undefined {
  if (isEncoded(headers)) return undefined;
  const range = status === 206 ? parseContentRange(headers.get('content-range')) : undefined;
  return status === 206 ? (range?.start === 0 ? range.total : undefined) : contentLength(headers);
}

function digestOf(headers: AnswerHeaders): string | null {
  const said =
    /(?:^|[\s,])sha-256=:([A-Za-z0-9+/=]+):/.exec(headers.get('repr-digest') ?? '')?.[1] ??
    /(?:^|[\s,])sha-256=([A-Za-z0-9+/=]+)/i.exec(headers.get('digest') ?? '')?.[1];
  const bytes = Buffer.from(said ?? '', 'base64');
  return bytes.length === 32 ? bytes.toString('hex') : null;
}

function refusal(shown: string, status: number): QuantscopeError {
  const refused = (code: ErrorCode, why: string, hint: string): QuantscopeError =>
    new QuantscopeError(code, `${shown}: ${why}`, { hint });
  if (status === 404 || status === 410) {
    const hint = 'Check the address; of a sharded model all files must be beside each other.';
    return refused('url/not-found', `no such file (${status})`, hint);
  }
  if (status === 401 || status === 403) {
    const hint =
      'The link may have expired, or need a login: fetch the file by other means and give its path.';
    return refused('url/forbidden', `access denied (${status})`, hint);
  }
  return refused('url/http-status', `the server answered ${status}`, 'Try again later.');
}

function notAModel(shown: string, start: Buffer, headers: AnswerHeaders): QuantscopeError {
  const type = headers.get('content-type');
  const got = start.length === 0 ? 'nothing' : JSON.stringify(start.toString('latin1'));
  const what = `begins with ${got}${type === null ? '' : ` (${type})`}, expected "${MAGIC}"`;
  return new QuantscopeError('url/not-gguf', `${shown}: what the server sends ${what}`, {
    hint: 'Give the address of the file itself, not of a page about it; a proxy or a login may have answered.',
  });
}
