import { QuantscopeError } from './errors.ts';
import { shownText } from './shown-text.ts';

/** Names come from servers and become paths here: what could leave its folder is refused, not cleaned. */

const COMMIT = /^[0-9a-f]{40}$/;
const SHA256 = /^[0-9a-f]{64}$/;

export function isCommit(text: string): boolean {
  return COMMIT.test(text);
}

/** Whether a text may name a blob: the SHA-256 of an LFS object or the SHA-1 of a git one. */
export function isObjectId(text: string): boolean {
  return SHA256.test(text) || COMMIT.test(text);
}

/**
 * A path inside a repository, as it may be made on any system.
 * @throws QuantscopeError `hub/unsafe-path`
 */
export function checkedPath(path: string): string {
  const bad = path.split('/').find((part) => !isSafePart(part));
  if (bad === undefined) return path;
  throw new QuantscopeError(
    'hub/unsafe-path',
    `the Hub names a file ${JSON.stringify(path)}, which is not safe to create`,
    {
      hint: 'Do not use this repository; its file names try to leave their folder, or to look like others.',
    },
  );
}

export function isSafePath(path: string): boolean {
  return path.split('/').every(isSafePart);
}

function isSafePart(part: string): boolean {
  if (part === '' || part === '.' || part === '..') return false;
  // A drive letter, an alternate stream, another system's separator, and what no file name should hold.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is its purpose.
  return !/[\\:\u0000-\u001F\u007F]/.test(part) && shownText(part) === part;
}

const REPO_PART = /^(?!.*(?:\.\.|--))[A-Za-z0-9_](?:[\w.-]{0,94}[\w])?$/;

/** Whether a text is `owner/name` as the Hub allows it (validate_repo_id of huggingface_hub). */
export function isRepoId(text: string): boolean {
  const parts = text.split('/');
  return parts.length === 2 && parts.every((part) => REPO_PART.test(part)) && !text.endsWith('.git');
}

/** Whether a text may be a branch, a tag, `refs/pr/1` or a commit, and a path under `refs/` of the cache. */
export function isRevision(text: string): boolean {
  return isSafePath(text) && !/[\s~^?*[]/.test(text);
}

/** An address as a person may see it: without its query, which may hold a signature. */
export function shownAddress(text: string): string {
  const { origin, pathname } = new URL(text);
  return `${origin}${pathname}`;
}
