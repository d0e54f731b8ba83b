import { UsageError } from '../util/errors.ts';
import { isRepoId, isRevision, isSafePath, shownAddress } from '../util/safe-names.ts';

/** A file or a quantization in a repository of the Hub. */
export interface HubRef {
  readonly kind: 'hub';
  /** `owner/name` */
  readonly repo: string;
  /** Branch, tag or commit; null for `main`. */
  readonly revision: string | null;
  /** At most one of the two is given. */
  readonly quantization: string | null;
  readonly file: string | null;
}

/** What a user names models by. */
export type Ref =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'url'; readonly url: string }
  | HubRef
  /** A model of the catalogue: `phi3`, `phi3:Q4_K_M`. */
  | { readonly kind: 'catalogue'; readonly name: string; readonly quantization: string | null }
  /** The family that ships with the package. */
  | { readonly kind: 'nano'; readonly quantization: string | null };

const HUB_HINT =
  'Write hf:owner/repo, hf:owner/repo:Q4_K_M, hf:owner/repo@revision:Q4_K_M or hf:owner/repo/file.gguf.';
const NANO_REF = /^nano(?::(.+))?$/i;

export interface ParseRefOptions {
  /** Names of the catalogue, in lower case. */
  readonly catalogueNames?: readonly string[];
  /** An address under it that names a file of a repository is a hub ref. Default: none is. */
  readonly endpoint?: string;
}

/**
 * What kind of ref a text is. A path always wins where it is written as one (`./phi3`), a name of the catalogue
 * where it is bare.
 * @throws UsageError `ref/invalid`
 */
export function parseRef(text: string, { catalogueNames = [], endpoint }: ParseRefOptions = {}): Ref {
  const trimmed = text.trim();
  if (trimmed === '') {
    throw new UsageError('ref/invalid', 'a ref is empty: name a file, a folder, hf:owner/repo:QUANT or nano');
  }
  if (/^https?:\/\//i.test(trimmed)) return parseUrlRef(trimmed, endpoint);
  if (/^hf:/i.test(trimmed)) return parseHubRef(trimmed);
  const nano = NANO_REF.exec(trimmed);
  if (nano) return { kind: 'nano', quantization: nano[1] ?? null };
  const [, name = '', quantization = null] = /^([\w.-]+)(?::([\w.-]+))?$/.exec(trimmed) ?? [];
  if (catalogueNames.includes(name.toLowerCase())) {
    return { kind: 'catalogue', name: name.toLowerCase(), quantization };
  }
  return { kind: 'path', path: text };
}

/**
 * Whether a text can be nothing but a path or nano: it has a separator of folders or a model file's ending. A bare word
 * may be a name of the catalogue, which the user's own file extends.
 */
export function isLocalRef(text: string): boolean {
  const trimmed = text.trim();
  if (/^(?:https?:\/\/|hf:)/i.test(trimmed)) return false;
  return NANO_REF.test(trimmed) || /[\\/]|\.gguf$/i.test(trimmed);
}

/** The text that stands for a hub ref, for messages and results. */
export function formatHubRef({ repo, revision, quantization, file }: Omit<HubRef, 'kind'>): string {
  const at = revision === null ? '' : `@${revision}`;
  const rest = file !== null ? `/${file}` : quantization !== null ? `:${quantization}` : '';
  return `hf:${repo}${at}${rest}`;
}

/**
 * `hf:owner/repo[@revision][:QUANT | /file.gguf]`. A revision with slashes (`refs/pr/1`) ends where the file's part
 * would be ambiguous, so such a one takes `:QUANT` only, or is given as `refs/pr/N`.
 */
function parseHubRef(text: string): HubRef {
  const invalid = (why: string): UsageError =>
    new UsageError('ref/invalid', `"${text}" is not a hub ref: ${why}`, { hint: HUB_HINT });
  const body = text.slice('hf:'.length);
  const [, owner, name, rest] = /^([^/@:]+)\/([^/@:]+)(.*)$/s.exec(body) ?? [];
  if (owner === undefined || name === undefined || rest === undefined) throw invalid('expected owner/repo');
  const repo = `${owner}/${name}`;
  if (!isRepoId(repo)) throw invalid(`"${repo}" cannot be a repository`);
  const [, revision = null, tail = ''] =
    /^(?:@(refs\/(?:pr|convert)\/[^/:]+|[^/:]*))?(.*)$/s.exec(rest) ?? [];
  if (revision !== null && !isRevision(revision)) throw invalid(`"${revision}" cannot be a revision`);
  if (tail === '' || tail === '/') return { kind: 'hub', repo, revision, quantization: null, file: null };
  if (tail.startsWith(':')) {
    const quantization = tail.slice(1);
    if (!/^[\w.-]+$/.test(quantization)) throw invalid('expected a quantization such as Q4_K_M behind ":"');
    return { kind: 'hub', repo, revision, quantization, file: null };
  }
  const file = tail.slice(1);
  if (!tail.startsWith('/') || !isSafePath(file)) throw invalid(`"${file}" cannot be a file in it`);
  return { kind: 'hub', repo, revision, quantization: null, file };
}

/** A ref as a person may see it: of an address not the query, which may hold a signature. */
export function shownRef(ref: string): string {
  const text = ref.trim();
  return /^https?:\/\//i.test(text) && URL.canParse(text) ? shownAddress(text) : ref;
}

/** Addresses of the Hub's own pages and files are hub refs: they have a commit, a hash and a place in the cache. */
function parseUrlRef(text: string, endpoint: string | undefined): Ref {
  if (!URL.canParse(text)) throw new UsageError('ref/invalid', `"${text}" is not an address`);
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') {
    throw new UsageError(
      'ref/invalid',
      `the address of ${url.host}${url.pathname} holds a name and password`,
      {
        hint: 'They would end up in messages and records: fetch the file by other means and give its path.',
      },
    );
  }
  if (endpoint === undefined || !text.toLowerCase().startsWith(`${endpoint.toLowerCase()}/`)) {
    return { kind: 'url', url: url.href };
  }
  const path = `${url.origin}${url.pathname}`.slice(new URL(endpoint).href.replace(/\/$/, '').length + 1);
  const parts = path.split('/').map(decoded);
  const [owner = '', name = '', verb = '', ...rest] = parts;
  const repo = `${owner}/${name}`;
  if (!isRepoId(repo)) return { kind: 'url', url: url.href };
  if (verb === '') return { kind: 'hub', repo, revision: null, quantization: null, file: null };
  if (verb !== 'resolve' && verb !== 'blob') return { kind: 'url', url: url.href };
  const revisionParts = rest[0] === 'refs' ? 3 : 1;
  const revision = rest.slice(0, revisionParts).join('/');
  const file = rest.slice(revisionParts).join('/');
  if (!isRevision(revision) || !isSafePath(file)) return { kind: 'url', url: url.href };
  return { kind: 'hub', repo, revision, quantization: null, file };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
