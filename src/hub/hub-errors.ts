import { QuantscopeError } from '../util/errors.ts';
import type { HubContext } from './context.ts';

/** The parts of an answer that errors are told by. */
export interface Refusal {
  readonly status: number;
  readonly headers: Headers;
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
  const { endpoint, token } = context.settings;
  const page = repo === undefined ? endpoint : `${endpoint}/${repo}`;
  const said = headers.get('x-error-message') ?? '';
  switch (headers.get('x-error-code')) {
    case 'GatedRepo':
      return new QuantscopeError('hub/gated', `${what}: the repository is gated (${status})`, {
        hint:
          token === undefined
            ? `Accept its terms at ${page}, make a token at ${endpoint}/settings/tokens and set HF_TOKEN.`
            : `Accept its terms at ${page} with the account that HF_TOKEN belongs to, or use a token that may read gated repositories.`,
      });
    case 'RepoNotFound':
      return new QuantscopeError('hub/repo-not-found', `${what}: no such repository (${status})`, {
        hint: 'Check its spelling; if it is private, set HF_TOKEN to a token that may read it.',
      });
    case 'RevisionNotFound':
      return new QuantscopeError('hub/revision-not-found', `${what}: no such revision (${status})`, {
        hint: `The branches and tags are at ${page}/tree/main.`,
      });
    case 'EntryNotFound':
      return new QuantscopeError('hub/file-not-found', `${what}: no such file (${status})`, {
        hint: `The files are listed by: quantscope variants ${repo === undefined ? 'REPO' : `hf:${repo}`}`,
      });
    default:
  }
  if (status === 401) {
    const bad = token !== undefined || /credential|token/i.test(said);
    return bad
      ? new QuantscopeError('hub/bad-token', `${what}: the Hub does not accept the token (401)`, {
          hint: 'Log in again with `hf auth login`, or set HF_TOKEN to a valid token.',
        })
      : new QuantscopeError('hub/repo-not-found', `${what}: no such repository, or a private one (401)`, {
          hint: 'Check its spelling; if it is private, set HF_TOKEN to a token that may read it.',
        });
  }
  if (status === 403) {
    return new QuantscopeError('hub/forbidden', `${what}: access denied (403)`, {
      hint: 'The token lacks the right to read it, or the link has expired; try again.',
    });
  }
  if (status === 404 || status === 410) {
    return new QuantscopeError('hub/file-not-found', `${what}: not found (${status})`, {
      hint: 'Check the spelling of the repository, the revision and the file.',
    });
  }
  if (status === 429) {
    return new QuantscopeError('hub/rate-limited', `${what}: too many requests (429)`, {
      hint:
        token === undefined
          ? 'Try again in five minutes; with HF_TOKEN set the Hub allows more.'
          : 'Try again in five minutes.',
    });
  }
  return new QuantscopeError('hub/http-status', `${what}: the server answered ${status}`, {
    hint: 'Try again later.',
  });
}

/** The error for a connection that failed; `cause` is what fetch threw. */
export function connectionError(what: string, cause: unknown, url: string): QuantscopeError {
  return new QuantscopeError('hub/unreachable', `${what}: ${new URL(url).host}: ${describeFailure(cause)}`, {
    cause,
    hint: 'Check the network; HF_HUB_OFFLINE=1 uses the cache alone.',
  });
}

/** fetch says "fetch failed" and hides the reason in the cause. */
function describeFailure(thrown: unknown): string {
  const inner = thrown instanceof Error ? thrown.cause : undefined;
  const shown = inner instanceof Error && inner.message !== '' ? inner : thrown;
  const text = shown instanceof Error ? shown.message : String(shown);
  const code = shown instanceof Error && 'code' in shown ? String(shown.code) : '';
  return text === '' ? code || 'the connection failed' : text.replaceAll(/\s*\n\s*/g, ' ');
}
