import { QuantscopeError } from '../util/errors.ts';
import { isTransient } from './retry.ts';

/** What to do about an answer to a request for a range. */
export type RangeJudgement =
  /** The body is the range that was asked for, or its beginning. */
  | { readonly kind: 'range'; readonly validator: string | null }
  /** The body is the whole file from its first byte: the server knows no ranges. */
  | { readonly kind: 'whole'; readonly validator: string | null }
  /** Ask the Hub for a new link: this one has expired. */
  | { readonly kind: 'expired'; readonly error: QuantscopeError }
  /** Try again after a pause. */
  | { readonly kind: 'transient'; readonly error: QuantscopeError }
  /** What is here and what is there may not be of one file: check with the Hub and start over. */
  | { readonly kind: 'restart'; readonly error: QuantscopeError }
  /** Something else than the file: a page of a proxy, a login. */
  | { readonly kind: 'foreign'; readonly error: QuantscopeError };

export interface RangeQuestion {
  readonly what: string;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly sizeBytes: number;
  /** What names the version of the bytes that are here: an ETag, or a date where there is no strong one. */
  readonly validator: string | null;
  /** Nobody knows a digest to check the whole file by: the answer itself has to say that it is of that version. */
  readonly mustMatch: boolean;
}

/** Judges the answer to a range request by its status and headers alone. */
export function judgeRange(
  { status, headers }: Pick<Response, 'status' | 'headers'>,
  asked: RangeQuestion,
): RangeJudgement {
  const { what, start, sizeBytes } = asked;
  const error = (code: string, why: string, hint: string): QuantscopeError =>
    new QuantscopeError(code, `${what}: ${why}`, { hint });
  if (status === 206) return judgePartial(headers, asked);
  if (status === 200) {
    const length = lengthOf(headers);
    const type = headers.get('content-type') ?? '';
    if (/^text\/html/i.test(type) || (length !== undefined && length !== sizeBytes)) {
      const got = `${type === '' ? 'a body' : type}${length === undefined ? '' : ` of ${length} bytes`}`;
      return {
        kind: 'foreign',
        error: error(
          'hub/not-the-file',
          `the server sent ${got}, expected a file of ${sizeBytes} bytes`,
          'A proxy or a login page may stand between here and the Hub; open the address in a browser.',
        ),
      };
    }
    if (isEncoded(headers)) return { kind: 'foreign', error: encodedError(what, headers) };
    // With If-Range, 200 says that the file is not the one that was begun; without it, that there are no ranges.
    if (start > 0) {
      const why = `asked for byte ${start} on, the server sent the whole file`;
      return {
        kind: 'restart',
        error: error(
          'hub/changed',
          why,
          'The file changed on the server, or the server cannot resume; try again.',
        ),
      };
    }
    const other = otherVersion(headers, asked);
    return other === undefined ? { kind: 'whole', validator: strongEtag(headers) } : changed(what, other);
  }
  if (status === 416) {
    const why = `the server has no bytes ${start}-${asked.end - 1} (416), expected a file of ${sizeBytes} bytes`;
    return {
      kind: 'restart',
      error: error('hub/changed', why, 'The file changed on the server; try again.'),
    };
  }
  if (isTransient(status)) {
    const code = status === 429 ? 'hub/rate-limited' : 'hub/http-status';
    return {
      kind: 'transient',
      error: error(code, `the server answered ${status}`, 'Try again later: what is here will be used.'),
    };
  }
  return {
    kind: 'expired',
    error: error(
      status === 403 || status === 401 ? 'hub/forbidden' : 'hub/http-status',
      `the server with the bytes answered ${status}`,
      'Try again: a new link will be asked for, and what is here will be used.',
    ),
  };
}

function judgePartial(headers: Headers, asked: RangeQuestion): RangeJudgement {
  const { what, start, end, sizeBytes } = asked;
  const text = headers.get('content-range') ?? '';
  const [, first, last, total] = /^bytes\s+(\d+)-(\d+)\/(\d+|\*)$/i.exec(text.trim()) ?? [];
  const isAsked = Number(first) === start && Number(last) >= start && Number(last) < Math.max(end, start + 1);
  if (first === undefined || !isAsked || isEncoded(headers)) {
    const why = `asked for bytes ${start}-${end - 1}, the server answered "${text || 'no Content-Range'}"`;
    return {
      kind: 'foreign',
      error: new QuantscopeError('hub/bad-range', `${what}: ${why}`, {
        hint: 'A proxy may be spoiling the download; try another network.',
      }),
    };
  }
  if (total !== '*' && Number(total) !== sizeBytes) {
    return changed(what, `the file has ${total} bytes on the server, expected ${sizeBytes}`);
  }
  const other = otherVersion(headers, asked);
  return other === undefined ? { kind: 'range', validator: strongEtag(headers) } : changed(what, other);
}

/** How an answer shows that it is of another version than the bytes that are here; undefined where it does not. */
function otherVersion(headers: Headers, { validator, mustMatch }: RangeQuestion): string | undefined {
  if (validator === null) return undefined;
  const isDate = / GMT$/.test(validator);
  const said = headers.get(isDate ? 'last-modified' : 'etag');
  if (said === validator) return undefined;
  // To If-Range a server answers with the ETag, where there is one, and need not say the date (RFC 9110, 15.3.7).
  if (said === null && (isDate || !mustMatch)) return undefined;
  if (said?.startsWith('W/') && !mustMatch) return undefined;
  const now = said === null ? 'not named any more' : `now ${said}`;
  return `the version of the file on the server is ${now}, it was ${validator}`;
}

function changed(what: string, why: string): RangeJudgement {
  const hint = 'The file changed on the server; try again.';
  return { kind: 'restart', error: new QuantscopeError('hub/changed', `${what}: ${why}`, { hint }) };
}

function strongEtag(headers: Headers): string | null {
  const etag = headers.get('etag');
  return etag === null || etag.startsWith('W/') ? null : etag;
}

function lengthOf(headers: Headers): number | undefined {
  const text = headers.get('content-length');
  return text !== null && /^\d+$/.test(text) && !isEncoded(headers) ? Number(text) : undefined;
}

/** fetch would have unpacked it: other lengths, other bytes. */
function isEncoded(headers: Headers): boolean {
  return (headers.get('content-encoding') ?? 'identity').toLowerCase() !== 'identity';
}

function encodedError(what: string, headers: Headers): QuantscopeError {
  const encoding = headers.get('content-encoding');
  return new QuantscopeError(
    'hub/bad-range',
    `${what}: the server sent it as ${encoding}, asked for identity`,
    {
      hint: 'A proxy may be compressing the download; try another network.',
    },
  );
}
