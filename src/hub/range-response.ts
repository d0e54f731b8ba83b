import {
  type AnswerHeaders,
  contentLength,
  isEncoded,
  parseContentRange,
  strongEtag,
} from '../io/content-headers.ts';
import type { HttpAnswer } from '../io/http-get.ts';
import type { ErrorCode } from '../util/error-codes.ts';
import { QuantscopeError } from '../util/errors.ts';
import { isTransient } from './retry.ts';

/** What to do about an answer to a request for a range. */
export type RangeJudgement =
  /** The body is the range that was asked for, or its beginning; or the whole file, where the server knows no ranges. */
  | { readonly kind: 'range' | 'whole'; readonly validator: string | null }
  | {
      /**
       * `expired`: ask the Hub for a new link. `transient`: try again after a pause. `restart`: what is here and what is
       * there may not be of one file, so check with the Hub and start over. `foreign`: something else than the file, a
       * page of a proxy or a login.
       */
      readonly kind: 'expired' | 'transient' | 'restart' | 'foreign';
      readonly error: QuantscopeError;
    };

export interface RangeQuestion {
  readonly what: string;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly sizeBytes: number;
  /** What names the version of the bytes that are here: an ETag, or a date where there is no strong one. */
  readonly validator: string | null;
  /** No digest is known to check the whole file by: the answer itself has to say that it is of that version. */
  readonly mustMatch: boolean;
}

/** Judges the answer to a range request by its status and headers alone. */
export function judgeRange(
  { status, headers }: Pick<HttpAnswer, 'status' | 'headers'>,
  asked: RangeQuestion,
): RangeJudgement {
  const { what, start, end, sizeBytes } = asked;
  const refused = (
    kind: 'expired' | 'transient' | 'restart' | 'foreign',
    code: ErrorCode,
    why: string,
    hint: string,
  ): RangeJudgement => ({ kind, error: new QuantscopeError(code, `${what}: ${why}`, { hint }) });
  const changed = (why: string): RangeJudgement =>
    refused('restart', 'hub/changed', why, 'The file changed on the server; try again.');
  const accepted = (kind: 'range' | 'whole'): RangeJudgement => {
    const other = otherVersion(headers, asked);
    return other === undefined ? { kind, validator: strongEtag(headers) } : changed(other);
  };
  if (status === 206) {
    const text = headers.get('content-range');
    const range = parseContentRange(text);
    // A server may send less than was asked for, never anything else.
    const isAsked = range?.start === start && range.end > start && range.end <= Math.max(end, start + 1);
    if (!isAsked || isEncoded(headers)) {
      const why = `asked for bytes ${start}-${end - 1}, the server answered "${text || 'no Content-Range'}"`;
      const hint = 'A proxy may be spoiling the download; try another network.';
      return refused('foreign', 'hub/bad-range', why, hint);
    }
    return range.total === undefined || range.total === sizeBytes
      ? accepted('range')
      : changed(`the file has ${range.total} bytes on the server, expected ${sizeBytes}`);
  }
  if (status === 200) {
    const length = isEncoded(headers) ? undefined : contentLength(headers);
    const type = headers.get('content-type') ?? '';
    if (/^text\/html/i.test(type) || (length !== undefined && length !== sizeBytes)) {
      const got = `${type === '' ? 'a body' : type}${length === undefined ? '' : ` of ${length} bytes`}`;
      const why = `the server sent ${got}, expected a file of ${sizeBytes} bytes`;
      const hint =
        'A proxy or a login page may stand between here and the Hub; open the address in a browser.';
      return refused('foreign', 'hub/not-the-file', why, hint);
    }
    if (isEncoded(headers)) {
      const why = `the server sent it as ${headers.get('content-encoding')}, asked for identity`;
      const hint = 'A proxy may be compressing the download; try another network.';
      return refused('foreign', 'hub/bad-range', why, hint);
    }
    if (start === 0) return accepted('whole');
    // With If-Range, 200 says that the file is not the one that was begun; without it, that there are no ranges.
    const why = `asked for byte ${start} on, the server sent the whole file`;
    const hint = 'The file changed on the server, or the server cannot resume; try again.';
    return refused('restart', 'hub/changed', why, hint);
  }
  if (status === 416) {
    return changed(
      `the server has no bytes ${start}-${end - 1} (416), expected a file of ${sizeBytes} bytes`,
    );
  }
  if (isTransient(status)) {
    const code = status === 429 ? 'hub/rate-limited' : 'hub/http-status';
    const hint = 'Try again later: what is here will be used.';
    return refused('transient', code, `the server answered ${status}`, hint);
  }
  const code = status === 403 || status === 401 ? 'hub/forbidden' : 'hub/http-status';
  const hint = 'Try again: a new link will be asked for, and what is here will be used.';
  return refused('expired', code, `the server with the bytes answered ${status}`, hint);
}

/** How an answer shows that it is of another version than the bytes that are here; undefined where it does not. */
function otherVersion(headers: AnswerHeaders, { validator, mustMatch }: RangeQuestion): string | undefined {
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
