import type { AnswerHeaders } from '../io/content-headers.ts';
import { type HttpAnswer, type SentHeaders, sendOverHttp, withoutSecrets } from '../io/http-get.ts';
import { QuantscopeError } from '../util/errors.ts';
import type { HubContext } from './context.ts';
import { type ByteAnswer, bytesOverHttp } from './http-bytes.ts';
import { connectionError } from './hub-errors.ts';
import { IdleWatch } from './idle.ts';
import { describePause, isTransient, pauseBefore } from './retry.ts';

export interface HubRequest {
  readonly method?: 'GET' | 'HEAD';
  readonly headers?: SentHeaders;
  /** What a person calls the thing asked for. */
  readonly what: string;
  /** Redirects to another origin than this are not followed: the 3xx answer itself is the result. */
  readonly stayOn?: string;
  /** Default: the context's. A download has its own. */
  readonly signal?: AbortSignal;
}

const MOST_REDIRECTS = 8;
/** Of the clock, for all attempts together: two of the longest pauses that are waited, and some. */
const MOST_MS = 15 * 60_000;
/** Besides the endpoint, where the token is no secret (utils/_http.py of huggingface_hub 2.4.0). */
const HUB_ORIGINS = ['https://huggingface.co', 'https://hf.co'];

/** An answer and where it came from. */
export interface Answer<Received = HttpAnswer> {
  readonly response: Received;
  /** After redirects. */
  readonly url: string;
  readonly watch: IdleWatch;
}

/**
 * Asks for bytes of a file.
 * @throws like {@link follow}
 */
export function sendForBytes(
  url: string,
  request: Pick<HubRequest, 'headers' | 'what' | 'signal'>,
  context: HubContext,
): Promise<Answer<ByteAnswer>> {
  return follow(url, request, context, bytesOverHttp, (answer) => answer.cancel());
}

/**
 * Sends one request, following redirects by hand: the token goes to the origins of the endpoint and the Hub and nowhere
 * else, which includes another port of the same host, and https is never left for http.
 * @throws QuantscopeError `hub/unreachable`, `hub/redirects`; the signal's reason
 */
async function follow<Received extends Pick<HttpAnswer, 'status' | 'headers'>>(
  url: string,
  request: HubRequest,
  context: HubContext,
  send: (url: string, headers: SentHeaders, signal: AbortSignal) => Promise<Received>,
  end: (answer: Received) => Promise<void>,
): Promise<Answer<Received>> {
  const { what, stayOn, signal = context.signal } = request;
  const watch = new IdleWatch(context.idleTimeoutMs, signal);
  let address = url;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const headers = headersFor(address, request, context);
    let response: Received;
    try {
      response = await watch.during(send(address, headers, watch.signal));
    } catch (cause) {
      signal.throwIfAborted();
      throw connectionError(what, watch.timedOut ? watch.signal.reason : cause, address);
    }
    const location = response.headers.get('location');
    const isRedirect = response.status >= 300 && response.status <= 399 && location !== null;
    if (!isRedirect) return { response, url: address, watch };
    const next = redirectTarget(location, address, what);
    if (stayOn !== undefined && new URL(next).origin !== new URL(stayOn).origin) {
      return { response, url: address, watch };
    }
    await end(response);
    address = next;
  }
  throw new QuantscopeError('hub/redirects', `${what}: more than ${MOST_REDIRECTS} redirects`, {
    hint: 'Check HF_ENDPOINT; a proxy may be sending requests round in circles.',
  });
}

/**
 * Sends a request again after transient failures, with the pauses that the server asks for.
 * @throws like {@link follow}; an answer with another status than 2xx or 3xx is returned, not thrown
 */
export async function sendPatiently(url: string, request: HubRequest, context: HubContext): Promise<Answer> {
  const { method = 'GET', signal = context.signal } = request;
  const sendOnce = (address: string, headers: SentHeaders, own: AbortSignal): Promise<HttpAnswer> =>
    sendOverHttp(address, { method, headers, signal: own });
  const endsAt = context.now() + MOST_MS;
  for (let failures = 1; ; failures++) {
    let headers: AnswerHeaders | undefined;
    let reason: string;
    const isLast = (most: number): boolean => failures >= most || context.now() > endsAt;
    try {
      const answer = await follow(url, request, context, sendOnce, discard);
      if (!isTransient(answer.response.status) || isLast(context.attempts)) return answer;
      ({ headers } = answer.response);
      reason = `the server answered ${answer.response.status}`;
      await discard(answer.response);
    } catch (thrown) {
      signal.throwIfAborted();
      const isConnection = thrown instanceof QuantscopeError && thrown.code === 'hub/unreachable';
      // A name that does not exist will not exist in ten seconds either.
      if (!isConnection || isLast(Math.min(context.attempts, 3))) throw thrown;
      reason = thrown.message;
    }
    const pause = pauseBefore(failures, headers, context);
    if (pause.milliseconds >= 1000) context.notice(`${request.what}: ${reason}; ${describePause(pause)}`);
    await context.sleep(pause.milliseconds, signal);
  }
}

/** Where a redirect leads, checked. */
export function redirectTarget(location: string, from: string, what: string): string {
  const target = URL.canParse(location, from) ? new URL(location, from) : undefined;
  const isHttp = target?.protocol === 'https:' || target?.protocol === 'http:';
  const isDowngrade = new URL(from).protocol === 'https:' && target?.protocol === 'http:';
  if (target === undefined || !isHttp || isDowngrade) {
    throw new QuantscopeError(
      'hub/redirects',
      `${what}: redirected to an address that is not safe to follow`,
      {
        hint: 'Check HF_ENDPOINT and any proxy between here and the Hub.',
      },
    );
  }
  // Credentials in an address would be sent along; no honest redirect has them.
  target.username = '';
  target.password = '';
  target.hash = '';
  return target.href;
}

/** Ends an answer whose body is not read. */
export async function discard(response: HttpAnswer): Promise<void> {
  try {
    await response.body?.cancel();
  } catch {
    // It is being thrown away; how that ends does not matter.
  }
}

function headersFor(url: string, request: Pick<HubRequest, 'headers'>, context: HubContext): SentHeaders {
  const { endpoint } = context.settings;
  const headers = { 'user-agent': context.userAgent, ...withoutSecrets(request.headers ?? {}) };
  const isHub = [endpoint, ...HUB_ORIGINS].some((each) => new URL(each).origin === new URL(url).origin);
  const token = isHub ? context.settings.token() : undefined;
  return token !== undefined ? { ...headers, authorization: `Bearer ${token}` } : headers;
}
