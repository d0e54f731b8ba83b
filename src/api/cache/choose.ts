import {
  addressesOf,
  type CacheChoice,
  type CachedRepo,
  entriesOfRef,
  listCache,
  listUrlFiles,
  parseRef,
  type UrlCacheEntry,
} from '../../hub/index.ts';
import { UsageError } from '../../util/errors.ts';
import { refAccess } from '../refs/ref-access.ts';

/** What lies on this machine: repositories of the Hub, and files from plain addresses. */
export interface CacheContent {
  readonly folder: string;
  readonly repos: readonly CachedRepo[];
  readonly urlFolder: string;
  readonly urls: readonly UrlCacheEntry[];
  readonly urlPartials: readonly string[];
  readonly urlPartialBytes: number;
}

/** Some of it, as refs name it. */
export interface Chosen {
  readonly repos: readonly CacheChoice[];
  readonly urls: readonly UrlCacheEntry[];
}

export async function readCache(signal: AbortSignal): Promise<CacheContent> {
  const { hub } = await refAccess({ signal });
  const { urlFolder = '' } = hub;
  const { files, partials, partialBytes } = await listUrlFiles(urlFolder);
  return {
    folder: hub.settings.cacheFolder,
    repos: await listCache(hub.settings.cacheFolder),
    urlFolder,
    urls: files,
    urlPartials: partials,
    urlPartialBytes: partialBytes,
  };
}

/**
 * What refs name; all there is without any.
 * @throws UsageError `cache/not-found`, `ref/invalid`
 */
export async function chooseCached(
  refs: readonly string[],
  { repos, urls, urlFolder }: CacheContent,
  signal: AbortSignal,
): Promise<Chosen> {
  if (refs.length === 0) {
    return { repos: repos.map((repo) => ({ repo, entries: repo.entries, isWhole: true })), urls };
  }
  const { hub, catalogue } = await refAccess({ signal });
  const chosenRepos = new Map<CachedRepo, CacheChoice>();
  const chosenUrls = new Set<UrlCacheEntry>();
  for (const text of refs) {
    const isBare = /^[\w.-]+\/[\w.-]+$/.test(text);
    const ref = parseRef(isBare ? `hf:${text}` : text, {
      catalogueNames: [...catalogue.keys()],
      endpoint: hub.settings.endpoint,
    });
    const places = ref.kind === 'url' ? addressesOf(ref.url, urlFolder).map(({ place }) => place) : [];
    const foundUrls = urls.filter(({ place }) => places.includes(place));
    const found = entriesOfRef(ref, repos, catalogue);
    if (found.length === 0 && foundUrls.length === 0) {
      throw new UsageError('cache/not-found', `${text} is not in the cache`, {
        hint: 'What is there is shown by: quantscope cache list',
      });
    }
    for (const url of foundUrls) chosenUrls.add(url);
    for (const { repo, entries, isWhole } of found) {
      const before = chosenRepos.get(repo);
      chosenRepos.set(repo, {
        repo,
        entries: [...new Set([...(before?.entries ?? []), ...entries])],
        isWhole: isWhole || before?.isWhole === true,
      });
    }
  }
  return { repos: [...chosenRepos.values()], urls: [...chosenUrls] };
}
