import { homedir } from 'node:os';
import { join } from 'node:path';
import { boundedTextSync } from '../util/bounded-text.ts';
import { UsageError } from '../util/errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where the Hub is, who asks, and where files are kept: what Hugging Face's own programs read from the environment. */
export interface HubSettings {
  /** Without a slash at its end. */
  readonly endpoint: string;
  /**
   * Read once, when something is sent: what needs no token works with a damaged one. Never printed, and sent to the origins
   * of the endpoint and the Hub alone.
   * @throws UsageError `hub/bad-token`
   */
  readonly token: () => string | undefined;
  /** The folder of `models--owner--name`. */
  readonly cacheFolder: string;
  readonly offline: boolean;
  /** How long the Hub may say nothing when it is asked what there is. */
  readonly answerTimeoutMs: number;
  /** false: files are put into snapshots themselves, as huggingface_hub does where links cannot be made. */
  readonly symlinks: boolean;
}

const DEFAULT_ENDPOINT = 'https://huggingface.co';
/** Tokens have some forty. */
const MOST_TOKEN_BYTES = 64 * 1024;
/** As huggingface_hub has it. */
const ANSWER_TIMEOUT_S = 10;

/**
 * Reads HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_DISABLE_IMPLICIT_TOKEN, HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE,
 * HF_HOME, XDG_CACHE_HOME, HF_HUB_OFFLINE, HF_HUB_ETAG_TIMEOUT and HF_HUB_DISABLE_SYMLINKS in the order that
 * huggingface_hub does (constants.py of 2.4.0), and before the cache's LLAMA_CACHE, as llama.cpp does (common/hf-cache.cpp
 * of v0.5.0). An empty value counts as unset: huggingface_hub takes it for a relative path, which is hardly meant.
 * @throws UsageError `hub/bad-endpoint`
 */
export function readHubSettings(env: Environment = process.env, home: string = homedir()): HubSettings {
  const folder = (name: string): string | undefined => {
    const value = env[name];
    return value === undefined || value === '' ? undefined : expand(value, env, home);
  };
  const hfHome = folder('HF_HOME') ?? join(folder('XDG_CACHE_HOME') ?? join(home, '.cache'), 'huggingface');
  return {
    endpoint: endpointOf(env['HF_ENDPOINT']),
    token: once(() => tokenOf(env, folder('HF_TOKEN_PATH') ?? join(hfHome, 'token'))),
    cacheFolder:
      folder('LLAMA_CACHE') ??
      folder('HF_HUB_CACHE') ??
      folder('HUGGINGFACE_HUB_CACHE') ??
      join(hfHome, 'hub'),
    answerTimeoutMs: 1000 * secondsOf(env['HF_HUB_ETAG_TIMEOUT']),
    offline: isYes(env['HF_HUB_OFFLINE']) || isYes(env['TRANSFORMERS_OFFLINE']),
    symlinks: !isYes(env['HF_HUB_DISABLE_SYMLINKS']),
  };
}

function endpointOf(value: string | undefined): string {
  const text = value?.trim().replace(/\/+$/, '') || DEFAULT_ENDPOINT;
  const isAddress = /^https?:\/\//i.test(text) && URL.canParse(text);
  const { username = '', password = '' } = isAddress ? new URL(text) : {};
  if (isAddress && username === '' && password === '') return text;
  // What stands before an @ may be a password.
  const got = isAddress ? 'holds a name or password' : `is "${text.replace(/^.*@/s, '...@')}"`;
  throw new UsageError('hub/bad-endpoint', `HF_ENDPOINT ${got}, expected an http(s) address alone`, {
    hint: `Put a token in HF_TOKEN; unset HF_ENDPOINT to use ${DEFAULT_ENDPOINT}.`,
  });
}

function secondsOf(value: string | undefined): number {
  const seconds = Number(value);
  return seconds > 0 && seconds < 1e6 ? seconds : ANSWER_TIMEOUT_S;
}

/** Of a value that was thrown instead nothing is kept. */
function once<Value>(read: () => Value): () => Value {
  let kept: { readonly value: Value } | undefined;
  return () => {
    kept ??= { value: read() };
    return kept.value;
  };
}

function tokenOf(env: Environment, path: string): string | undefined {
  if (isYes(env['HF_HUB_DISABLE_IMPLICIT_TOKEN'])) return undefined;
  const named = env['HF_TOKEN']?.trim() || env['HUGGING_FACE_HUB_TOKEN']?.trim();
  if (named) return headerSafe(named);
  let kept: string;
  try {
    kept = boundedTextSync(path, MOST_TOKEN_BYTES);
  } catch {
    // There is no login on this machine; most downloads need none.
    return undefined;
  }
  return headerSafe(kept.trim());
}

/** A token with a line break or the like would be refused by fetch with a message that contains it. */
function headerSafe(token: string): string | undefined {
  if (token === '') return undefined;
  if (/^[\x21-\x7E]+$/.test(token)) return token;
  throw new UsageError('hub/bad-token', 'the Hub token holds characters that no token has', {
    hint: 'Set HF_TOKEN to the token alone, or log in again with `hf auth login`.',
  });
}

function expand(path: string, env: Environment, home: string): string {
  const named = path.replaceAll(/\$(\w+|\{\w+\})/g, (whole, name: string) => {
    return env[name.replaceAll(/[{}]/g, '')] ?? whole;
  });
  return named === '~' || named.startsWith('~/') ? join(home, named.slice(1)) : named;
}

function isYes(value: string | undefined): boolean {
  return /^(?:1|on|yes|true)$/i.test(value?.trim() ?? '');
}
