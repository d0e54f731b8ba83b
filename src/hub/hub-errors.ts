import type { AnswerHeaders } from '../io/content-headers.ts';
import { proxyFor } from '../io/proxy.ts';
import type { ErrorCode } from '../util/error-codes.ts';
import { QuantscopeError } from '../util/errors.ts';
import type { HubContext } from './context.ts';

/** The parts of an answer that errors are told by. */
export interface Refusal {
  readonly status: number;
  readonly headers: AnswerHeaders;
  /** What a person calls the thing asked for: `hf:owner/repo`, or a file in it. */
  readonly what: string;
  /** `owner/repo`, where there is one. */
  readonly repo: string | undefined;
}

/**
 * The error for an answer that is no success, by `X-Error-Code` where the Hub sends one: its message says less, and
 * the status alone cannot tell a private repository from none.
 */
export function refusalError({ status, headers, what, repo }: Refusal, context: HubContext): QuantscopeError {
  const { endpoint } = context.settings;
  const token = context.settings.token();
  const page = repo === undefined ? endpoint : `${endpoint}/${repo}`;
  const refused = (code: ErrorCode, why: string, hint: string): QuantscopeError =>
    new QuantscopeError(code, `${what}: ${why} (${status})`, { hint });
  const spelling = 'Check its spelling; if it is private, set HF_TOKEN to a token that may read it.';
  switch (headers.get('x-error-code')) {
    case 'GatedRepo': {
      const how =
        token === undefined
          ? `, make a token at ${endpoint}/settings/tokens and set HF_TOKEN.`
          : ' with the account that HF_TOKEN belongs to, or use a token that may read gated repositories.';
      return refused('hub/gated', 'the repository is gated', `Accept its terms at ${page}${how}`);
    }
    case 'RepoNotFound':
      return refused('hub/repo-not-found', 'no such repository', spelling);
    case 'RevisionNotFound':
      return refused(
        'hub/revision-not-found',
        'no such revision',
        `The branches and tags are at ${page}/tree/main.`,
      );
    case 'EntryNotFound': {
      const listing = `quantscope variants ${repo === undefined ? 'REPO' : `hf:${repo}`}`;
      return refused('hub/file-not-found', 'no such file', `The files are listed by: ${listing}`);
    }
    default:
  }
  switch (status) {
    case 401: {
      const isBad = token !== undefined || /credential|token/i.test(headers.get('x-error-message') ?? '');
      const renew = 'Log in again with `hf auth login`, or set HF_TOKEN to a valid token.';
      return isBad
        ? refused('hub/bad-token', 'the Hub does not accept the token', renew)
        : refused('hub/repo-not-found', 'no such repository, or a private one', spelling);
    }
    case 403: {
      const hint = 'The token lacks the right to read it, or the link has expired; try again.';
      return refused('hub/forbidden', 'access denied', hint);
    }
    case 404:
    case 410: {
      const hint = 'Check the spelling of the repository, the revision and the file.';
      return refused('hub/file-not-found', 'not found', hint);
    }
    case 429: {
      const more = token === undefined ? '; with HF_TOKEN set the Hub allows more.' : '.';
      return refused('hub/rate-limited', 'too many requests', `Try again in five minutes${more}`);
    }
    default:
      return new QuantscopeError('hub/http-status', `${what}: the server answered ${status}`, {
        hint: 'Try again later.',
      });
  }
}

/** The error for a connection that failed; `cause` is what sending threw. */
export function connectionError(what: string, cause: unknown, url: string): QuantscopeError {
  // A proxy that refuses is named by its own error.
  if (cause instanceof QuantscopeError) return cause;
  const address = new URL(url);
  const proxy = proxyFor(address);
  const way = proxy === undefined ? '' : ` through the proxy ${proxy.shown} (${proxy.variable})`;
  const hint =
    proxy === undefined
      ? 'Check the network; HF_HUB_OFFLINE=1 uses the cache alone.'
      : `Check ${proxy.variable}, or list the host in NO_PROXY; HF_HUB_OFFLINE=1 uses the cache alone.`;
  return new QuantscopeError('hub/unreachable', `${what}: ${address.host}${way}: ${describeFailure(cause)}`, {
    cause,
    hint,
  });
}

function describeFailure(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  return text === '' ? code || 'the connection failed' : text.replaceAll(/\s*\n\s*/g, ' ');
}
