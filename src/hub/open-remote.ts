import type { HttpGet } from '../io/http-get.ts';
import { type HttpSource, openUrl } from '../io/http-source.ts';
import { QuantscopeError, UsageError } from '../util/errors.ts';
import type { HubContext } from './context.ts';
import { refusalError } from './hub-errors.ts';
import { discard, sendPatiently } from './request.ts';

/** A file on a server that is read where it is. */
export interface RemoteFile {
  readonly url: string;
  /** For messages. */
  readonly name: string;
  /** `owner/name`; undefined where it is in no repository. */
  readonly repo: string | undefined;
}

/**
 * Opens a remote file, which is then read by range requests.
 * @throws UsageError `hub/offline`; QuantscopeError `io/*`, `hub/*`; the signal's reason
 */
export async function openRemote(
  file: RemoteFile,
  hub: HubContext,
  options: { readonly firstWindowBytes?: number } = {},
): Promise<HttpSource> {
  if (hub.settings.offline) {
    throw new UsageError('hub/offline', `${file.name} is not in the cache, and HF_HUB_OFFLINE is set`, {
      hint: 'Unset HF_HUB_OFFLINE to read it from the network.',
    });
  }
  const { signal, idleTimeoutMs } = hub;
  try {
    return await openUrl(file.url, {
      ...options,
      name: file.name,
      fetch: fetchOf(file, hub),
      signal,
      idleTimeoutMs,
    });
  } catch (thrown) {
    // io calls whatever its fetch throws a failed read; what the Hub said is the better message.
    const cause = thrown instanceof QuantscopeError ? thrown.cause : undefined;
    throw cause instanceof QuantscopeError ? cause : thrown;
  }
}

/**
 * A fetch for readers by range that follows redirects as downloads do (the token to the Hub's origin alone), waits when
 * asked to, names errors by the Hub's codes, and asks for a new link when a signed one has expired.
 */
function fetchOf({ url: original, name: what, repo }: RemoteFile, hub: HubContext): HttpGet {
  return async (asked, { headers, signal }) => {
    const request = { headers, what, signal };
    let answer = await sendPatiently(asked, request, hub);
    if (asked !== original && (answer.response.status === 403 || answer.response.status === 401)) {
      await discard(answer.response);
      answer = await sendPatiently(original, request, hub);
    }
    const { response, url } = answer;
    if (repo !== undefined && response.status >= 400 && response.status !== 416) {
      await discard(response);
      throw refusalError({ status: response.status, headers: response.headers, what, repo }, hub);
    }
    // Where the redirects led.
    return { ...response, url };
  };
}
