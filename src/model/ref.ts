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
  /** A model in another program's folder on this machine: `ollama:llama3.2`, `lmstudio:owner/repo`. */
  | { readonly kind: 'store'; readonly store: 'ollama' | 'lmstudio'; readonly name: string }
  /** The family that ships with the package. */
  | { readonly kind: 'nano'; readonly quantization: string | null };

const HUB_HINT =
  'Write hf:owner/repo, hf:owner/repo:Q4_K_M, hf:owner/repo@revision:Q4_K_M or hf:owner/repo/file.gguf.';
/** The Hub's own names for itself, whatever mirror or cache its files then come from. */
const HUB_HOSTS = /^(?:www\.)?(?:huggingface\.co|hf\.co)$/i;
/**
 * As people paste them: `hf:`, huggingface_hub's own `hf://`, the Hub's host without a scheme, and what llama.cpp's -hf
 * takes, of which `owner/repo:TAG` can hardly be a path. What is a hub ref behind it stands in the last group.
 */
const HUB_REF =
  /^(?:hf:\/\/(?:models\/)?|hf:|(?:www\.)?(?:huggingface\.co|hf\.co)\/)(.*)$|^([\w][\w.-]*\/[\w.-]+:[\w.-]+)$/is;
const NANO_REF = /^nano(?::(.+))?$/i;
const STORE_REF = /^(ollama|lmstudio):(.+)$/i;

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
  const [, prefixed, bare] = HUB_REF.exec(trimmed) ?? [];
  if (prefixed !== undefined || bare !== undefined) return parseHubRef(trimmed, prefixed ?? bare ?? '');
  const [, store, stored] = STORE_REF.exec(trimmed) ?? [];
  if (store !== undefined && stored !== undefined) {
    return { kind: 'store', store: store.toLowerCase() === 'ollama' ? 'ollama' : 'lmstudio', name: stored };
  }
  const nano = NANO_REF.exec(trimmed);
  if (nano) return { kind: 'nano', quantization: nano[1] ?? null };
  const [, name = '', quantization = null] = /^([\w.-]+)(?::([\w.-]+))?$/.exec(trimmed) ?? [];
  if (catalogueNames.includes(name.toLowerCase())) {
    return { kind: 'catalogue', name: name.toLowerCase(), quantization };
  }
  return { kind: 'path', path: text };
}

/**
 * Whether a text can be nothing but a path, nano or a model of another program's folder: it has a separator of folders or a model file's ending. A bare word
 * may be a name of the catalogue, which the user's own file extends.
 */
export function isLocalRef(text: string): boolean {
  const trimmed = text.trim();
  if (/^https?:\/\//i.test(trimmed) || HUB_REF.test(trimmed)) return false;
  return NANO_REF.test(trimmed) || STORE_REF.test(trimmed) || /[\\/]|\.gguf$/i.test(trimmed);
}

/** The text that stands for a hub ref, for messages and results. */
export function formatHubRef({ repo, revision, quantization, file }: Omit<HubRef, 'kind'>): string {
  const at = revision === null ? '' : `@${revision}`;
  const rest = file !== null ? `/${file}` : quantization !== null ? `:${quantization}` : '';
  return `hf:${repo}${at}${rest}`;
}

/**
 * `owner/repo[@revision][:QUANT | /file.gguf]`. A revision may hold slashes where nothing or `:QUANT` stands behind it;
 * before a file it ends at the first one, unless it is `refs/pr/N`.
 */
function parseHubRef(text: string, body: string): HubRef {
  const invalid = (why: string): UsageError =>
    new UsageError('ref/invalid', `"${text}" is not a hub ref: ${why}`, { hint: HUB_HINT });
  refuseOtherKinds(text, body.split('/')[0]);
  const [, owner, name, rest] = /^([^/@:]+)\/([^/@:]+)(.*)$/s.exec(body) ?? [];
  if (owner === undefined || name === undefined || rest === undefined) throw invalid('expected owner/repo');
  const repo = `${owner}/${name}`;
  if (!isRepoId(repo)) throw invalid(`"${repo}" cannot be a repository`);
  const { revision, tail } = splitRevision(rest);
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

/** Data sets and spaces have addresses like models. */
function refuseOtherKinds(text: string, first: string | undefined): void {
  const kind = { datasets: 'a data set', spaces: 'a space' }[first?.toLowerCase() ?? ''];
  if (kind === undefined) return;
  throw new UsageError('ref/no-model', `"${text}" is ${kind} of the Hub, expected a model`, {
    hint: HUB_HINT,
  });
}

function splitRevision(rest: string): { readonly revision: string | null; readonly tail: string } {
  if (!rest.startsWith('@')) return { revision: null, tail: rest };
  const [, tagged, tag = ''] = /^@(.*?)(:[^/:]*)$/s.exec(rest) ?? [];
  if (tagged !== undefined) return { revision: tagged, tail: tag };
  // A file has an ending; that of a version begins with a digit.
  const isFile = /\/[^/]*\.[a-z]\w*$/i.test(rest);
  const [, revision = '', tail = ''] = isFile
    ? (/^@(refs\/(?:pr|convert)\/[^/]+|[^/]*)(.*)$/s.exec(rest) ?? [])
    : [rest, rest.slice(1).replace(/\/$/, '')];
  return { revision, tail };
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
  const isOfMirror = endpoint !== undefined && text.toLowerCase().startsWith(`${endpoint.toLowerCase()}/`);
  if (!isOfMirror && !HUB_HOSTS.test(url.hostname)) return { kind: 'url', url: url.href };
  const base = isOfMirror ? new URL(endpoint).pathname.replace(/\/$/, '') : '';
  const parts = url.pathname
    .slice(base.length + 1)
    .split('/')
    .map(decoded);
  const [owner = '', name = '', verb = '', ...rest] = parts;
  refuseOtherKinds(text, owner);
  const repo = `${owner}/${name}`;
  if (!isRepoId(repo)) return { kind: 'url', url: url.href };
  if (verb === '') return { kind: 'hub', repo, revision: null, quantization: null, file: null };
  const revisionParts = rest[0] === 'refs' ? 3 : 1;
  const revision = rest.slice(0, revisionParts).join('/');
  const file = rest.slice(revisionParts).join('/').replace(/\/$/, '');
  if (verb === 'tree' && isRevision(revision)) return pageOfFolder({ repo, revision }, file);
  if (!/^(?:resolve|blob|raw)$/.test(verb)) return { kind: 'url', url: url.href };
  if (!isRevision(revision) || !isSafePath(file)) return { kind: 'url', url: url.href };
  return { kind: 'hub', repo, revision, quantization: null, file };
}

/** A page that lists files. Of a folder: large models lie in folders that are named by their quantization. */
function pageOfFolder(of: Pick<HubRef, 'repo' | 'revision'>, folder: string): HubRef {
  const name = folder.slice(folder.lastIndexOf('/') + 1);
  const quantization = /^[\w.-]+$/.test(name) ? name : null;
  // The page that a repository opens with says nothing of a revision.
  const revision = of.revision === 'main' ? null : of.revision;
  return { kind: 'hub', repo: of.repo, revision, quantization, file: null };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
