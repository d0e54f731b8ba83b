import { type AnswerHeaders, answerHeaders } from '../io/content-headers.ts';
import type { HttpAnswer, SentHeaders } from '../io/http-get.ts';
import { QuantscopeError, UsageError } from '../util/errors.ts';
import { checkedPath, isCommit, isObjectId } from '../util/safe-names.ts';
import { formatBytes } from '../util/units.ts';
import type { HubContext } from './context.ts';
import { refusalError } from './hub-errors.ts';
import type { IdleWatch } from './idle.ts';
import { type PinnedFile, RepoCache } from './repo-cache.ts';
import { discard, redirectTarget, sendPatiently } from './request.ts';

/** A file of a repository at one commit. */
export type HubFile = Pick<PinnedFile, 'path' | 'sizeBytes' | 'objectId'>;

/** A repository's files at one commit. */
export interface RepoListing {
  readonly repo: string;
  /** As asked: the name under `refs/`. */
  readonly revision: string;
  readonly commit: string;
  /** Whether files are given only to accounts that accepted terms. */
  readonly gated: boolean;
  readonly files: readonly HubFile[];
}

/** A listing, and whether it is the Hub's or what the cache remembers. */
export interface KnownListing extends RepoListing {
  readonly source: 'hub' | 'cache';
}

/** Endpoints that gave no answer to this process: it does not wait for them again where the cache will do. */
const silentEndpoints = new Set<string>();

/**
 * What is in a repository: by the Hub, or by the cache when offline or when the Hub does not say. Where the cache knows
 * the revision the Hub is asked once, and not waited for; whatever it answers, what is here stays usable.
 * @throws QuantscopeError what {@link listRepo} throws; `hub/offline`
 */
export async function knownListing(
  repo: string,
  revision: string | null,
  context: HubContext,
): Promise<KnownListing> {
  const wanted = revision ?? 'main';
  const { offline, endpoint, cacheFolder } = context.settings;
  const cached = await cachedListing(repo, wanted, context);
  if (offline) {
    if (cached !== undefined) return cached;
    throw new UsageError(
      'hub/offline',
      `hf:${repo} is not in the cache at ${wanted}, and HF_HUB_OFFLINE is set`,
      {
        hint: `The cache is ${cacheFolder}. Unset HF_HUB_OFFLINE to download it.`,
      },
    );
  }
  if (cached === undefined) return hubListing(repo, wanted, context);
  const use = (why: string): KnownListing => {
    context.notice(`hf:${repo}: ${why}; using what the cache has of commit ${cached.commit.slice(0, 8)}`);
    return cached;
  };
  if (silentEndpoints.has(endpoint)) return use('the Hub did not answer before');
  try {
    return await hubListing(repo, wanted, { ...context, attempts: 1 });
  } catch (thrown) {
    context.signal.throwIfAborted();
    // A listing that is an attack is no reason to look away.
    if (!(thrown instanceof QuantscopeError) || thrown.code === 'hub/unsafe-path') throw thrown;
    if (thrown.code === 'hub/unreachable') silentEndpoints.add(endpoint);
    return use(
      thrown.code === 'hub/unreachable'
        ? 'the Hub cannot be reached'
        : thrown.message.replace(/^hf:\S+: /, ''),
    );
  }
}

/**
 * The Hub's own listing, waited for.
 * @throws QuantscopeError what {@link listRepo} throws
 */
export async function hubListing(
  repo: string,
  revision: string | null,
  context: HubContext,
): Promise<KnownListing> {
  return { ...(await listRepo(repo, revision ?? 'main', context)), source: 'hub' };
}

/** What the cache has of a repository; undefined where that is nothing. */
export async function cachedListing(
  repo: string,
  revision: string,
  context: HubContext,
): Promise<KnownListing | undefined> {
  const cache = new RepoCache(context.settings.cacheFolder, repo);
  const commit = await cache.commitOf(revision);
  if (commit === undefined) return undefined;
  const files = await cache.snapshotFiles(commit);
  if (files.length === 0) return undefined;
  return {
    repo,
    revision,
    commit,
    gated: false,
    files: files.map((file) => ({ ...file, objectId: '' })),
    source: 'cache',
  };
}

/**
 * Lists a repository: the revision is turned into a commit once, and everything after is asked at that commit.
 * @throws QuantscopeError `hub/repo-not-found`, `hub/revision-not-found`, `hub/gated`, `hub/unreachable`,
 *   `hub/bad-answer`, `hub/unsafe-path`; the signal's reason
 */
export async function listRepo(repo: string, revision: string, context: HubContext): Promise<RepoListing> {
  const { listFiles, modelInfo } = await import('@huggingface/hub');
  const what = `hf:${repo}${revision === 'main' ? '' : `@${revision}`}`;
  const { endpoint } = context.settings;
  const idleTimeoutMs = Math.min(context.idleTimeoutMs, context.settings.answerTimeoutMs);
  const hooked = hookedFetch(what, repo, { ...context, idleTimeoutMs });
  try {
    const info = await modelInfo({
      name: repo,
      revision,
      hubUrl: endpoint,
      additionalFields: ['sha'],
      fetch: hooked,
    });
    const commit: unknown = info.sha;
    if (typeof commit !== 'string' || !isCommit(commit)) throw badAnswer(what, 'no commit');
    const files: HubFile[] = [];
    const listed = listFiles({
      repo: { type: 'model', name: repo },
      revision: commit,
      recursive: true,
      hubUrl: endpoint,
      fetch: hooked,
    });
    for await (const entry of listed) {
      if (entry.type !== 'file') continue;
      files.push(fileOf(entry, what));
    }
    return { repo, revision, commit, gated: Boolean(info.gated), files };
  } catch (thrown) {
    context.signal.throwIfAborted();
    if (thrown instanceof QuantscopeError) throw thrown;
    throw badAnswer(what, 'it cannot be read as a listing', thrown);
  }
}

function fileOf(
  entry: { path: string; size: number; oid?: string; lfs?: { oid: string; size: number } },
  what: string,
): HubFile {
  // `oid` is the git id, of the pointer where the file is in LFS; `xetHash` is a third value: neither names content.
  const objectId = entry.lfs?.oid ?? entry.oid ?? '';
  const sizeBytes = entry.lfs?.size ?? entry.size;
  if (!isObjectId(objectId) || !Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    throw badAnswer(what, `${JSON.stringify(entry.path)} has no usable size or object id`);
  }
  return { path: checkedPath(entry.path), sizeBytes, objectId };
}

/**
 * The fetch that @huggingface/hub is given. The library has no retries, takes only tokens that begin with `hf_`, sends
 * them to any host that a Link header names, drops X-Error-Code, and ends a listing in silence at a Link that is
 * relative or lacks a space (2.17.5); all of that is mended here.
 */
function hookedFetch(what: string, repo: string, context: HubContext): typeof fetch {
  const bounds: Bounds = { asked: new Set(), bytesLeft: MOST_BYTES, endsAt: context.now() + MOST_MS };
  return async (input, init) => {
    const url = String(input);
    if (bounds.asked.size >= MOST_PAGES) throw badAnswer(what, `more than ${MOST_PAGES} pages`);
    if (bounds.asked.has(url)) throw badAnswer(what, 'a page that was there before');
    bounds.asked.add(url);
    // The library gives a plain object.
    const headers = init?.headers as SentHeaders | undefined;
    const sent = await sendPatiently(url, { what, ...(headers && { headers }) }, context);
    const { response, url: answered, watch } = sent;
    if (response.status < 200 || response.status > 299) {
      // What it says at length, perhaps without end, is not read.
      await discard(response);
      throw refusalError({ status: response.status, headers: response.headers, what, repo }, context);
    }
    const next = nextPage(response.headers.get('link'), answered, what, context.settings.endpoint);
    const text = await bodyText(response, watch, what, bounds, context.now);
    const links = answerHeaders(next === undefined ? [] : ['link', `<${next}>; rel="next"`]);
    const page: ListingPage = { ok: true, headers: links, json: async () => JSON.parse(text) };
    // What the library looks at; to make a Response would load all that fetch needs.
    return page as Response;
  };
}

type ListingPage = Pick<Response, 'ok' | 'json'> & { readonly headers: AnswerHeaders };

/** What all answers about one repository may take together. */
interface Bounds {
  readonly asked: Set<string>;
  bytesLeft: number;
  /** On the context's clock. */
  readonly endsAt: number;
}

/** A page has a thousand files, in half a megabyte; nothing honest comes near these. */
const MOST_PAGES = 256;
const MOST_BYTES = 64 * 2 ** 20;
const MOST_MS = 5 * 60_000;

async function bodyText(
  { body }: HttpAnswer,
  watch: IdleWatch,
  what: string,
  bounds: Bounds,
  now: () => number,
): Promise<string> {
  const reader = body?.getReader();
  const pieces: Uint8Array[] = [];
  while (reader !== undefined) {
    const { done, value } = await watch.during(reader.read());
    if (done || value === undefined) break;
    bounds.bytesLeft -= value.length;
    const why =
      bounds.bytesLeft < 0
        ? `more than ${formatBytes(MOST_BYTES)}`
        : now() > bounds.endsAt
          ? `it takes more than ${MOST_MS / 60_000} minutes`
          : undefined;
    if (why !== undefined) {
      await reader.cancel();
      throw badAnswer(what, why);
    }
    pieces.push(value);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/**
 * Where the next page is. A mirror may have it on another host, which is sent no token; one that passes the Hub's own
 * answers on names the Hub, for which the mirror stands.
 */
function nextPage(link: string | null, from: string, what: string, endpoint: string): string | undefined {
  const target = /<([^>]*)>\s*;\s*rel\s*=\s*"?next"?/i.exec(link ?? '')?.[1];
  if (target === undefined) return undefined;
  return redirectTarget(target.replace(/^https:\/\/huggingface\.co(?=\/)/i, endpoint), from, what);
}

function badAnswer(what: string, why: string, cause?: unknown): QuantscopeError {
  return new QuantscopeError('hub/bad-answer', `${what}: the Hub's answer makes no sense: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Check HF_ENDPOINT; a proxy or a login page may have answered instead of the Hub.',
  });
}
