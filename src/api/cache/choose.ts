import { basename } from 'node:path';
import { type CachedRepo, listCache, type Removal } from '../../hub/cache-manage.ts';
import { type SharedPayload, SharedStore } from '../../hub/shared-store.ts';
import { addressesOf } from '../../hub/url-address.ts';
import { listUrlFiles, type UrlCacheEntry } from '../../hub/url-cache.ts';
import { refAccess } from '../../model/access.ts';
import type { Catalogue } from '../../model/catalogue.ts';
import { catalogueRefs } from '../../model/locate.ts';
import { gatherModels, modelsOfTag } from '../../model/names.ts';
import { type HubRef, parseRef, type Ref } from '../../model/ref.ts';
import { UsageError } from '../../util/errors.ts';
import { listMade, type MadeFile } from '../made-files.ts';

/** What lies on this machine: repositories of the Hub, files from plain addresses, and what was made here. */
export interface CacheContent {
  readonly folder: string;
  readonly repos: readonly CachedRepo[];
  /** Of what repositories share, what none leads to. */
  readonly orphans: readonly SharedPayload[];
  readonly urlFolder: string;
  readonly urls: readonly UrlCacheEntry[];
  readonly urlPartials: readonly string[];
  readonly urlPartialBytes: number;
  readonly made: Awaited<ReturnType<typeof listMade>>;
}

/** Some of it, as refs name it. */
export interface Chosen {
  readonly repos: readonly Removal[];
  readonly urls: readonly UrlCacheEntry[];
  readonly made: readonly MadeFile[];
}

/** What names made files: all of them, or those of a name. */
const MADE_REF = /^made(?::(.+))?$/i;

export async function readCache(signal: AbortSignal): Promise<CacheContent> {
  const { hub } = await refAccess({ signal });
  const { urlFolder = '' } = hub;
  const { files, partials, partialBytes } = await listUrlFiles(urlFolder);
  return {
    folder: hub.settings.cacheFolder,
    repos: await listCache(hub.settings.cacheFolder),
    orphans: await new SharedStore(hub.settings.cacheFolder).orphans(),
    urlFolder,
    urls: files,
    urlPartials: partials,
    urlPartialBytes: partialBytes,
    made: await listMade(),
  };
}

/**
 * What refs name; all there is without any.
 * @throws UsageError `cache/not-found`, `ref/invalid`
 */
export async function chooseCached(
  refs: readonly string[],
  { repos, urls, urlFolder, made }: CacheContent,
  signal: AbortSignal,
): Promise<Chosen> {
  if (refs.length === 0) {
    return {
      repos: repos.map((repo) => ({ repo, entries: repo.entries, isWhole: true })),
      urls,
      made: made.files,
    };
  }
  const { hub, catalogue } = await refAccess({ signal });
  const chosenRepos = new Map<CachedRepo, Removal>();
  const chosenUrls = new Set<UrlCacheEntry>();
  const chosenMade = new Set<MadeFile>();
  for (const text of refs) {
    const madeRef = MADE_REF.exec(text);
    if (madeRef !== null) {
      const name = madeRef[1]?.toLowerCase();
      const named = made.files.filter(
        ({ place }) => (name ?? basename(place).toLowerCase()) === basename(place).toLowerCase(),
      );
      if (named.length === 0) throw notThere(text);
      for (const file of named) chosenMade.add(file);
      continue;
    }
    const ref =
      refToCached(text, repos) ??
      parseRef(text, { catalogueNames: [...catalogue.keys()], endpoint: hub.settings.endpoint });
    if (ref.kind === 'store') {
      const remove = ref.store === 'ollama' ? `ollama rm ${ref.name}` : 'LM Studio itself';
      throw new UsageError('cache/other-store', `${text} is another program’s: nothing is changed there`, {
        hint: `It is looked after by ${remove}; quantscope validate ${text} checks it.`,
      });
    }
    const places = ref.kind === 'url' ? addressesOf(ref.url, urlFolder).map(({ place }) => place) : [];
    const foundUrls = urls.filter(({ place }) => places.includes(place));
    const found = entriesOfRef(ref, repos, catalogue);
    if (found.length === 0 && foundUrls.length === 0) throw notThere(text);
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
  return { repos: [...chosenRepos.values()], urls: [...chosenUrls], made: [...chosenMade] };
}

function notThere(ref: string): UsageError {
  return new UsageError('cache/not-found', `${ref} is not in the cache`, {
    hint: 'What is there is shown by: quantscope cache list',
  });
}

/** A ref by the name that the list shows, which may be of one part (`gpt2`): `name`, `name:QUANT` or `name/file`. */
function refToCached(text: string, repos: readonly CachedRepo[]): HubRef | undefined {
  const bare = text.replace(/^hf:/i, '');
  const base = { kind: 'hub', revision: null } as const;
  for (const { repo } of repos) {
    if (!bare.toLowerCase().startsWith(repo.toLowerCase())) continue;
    const rest = bare.slice(repo.length);
    if (rest === '') return { ...base, repo, quantization: null, file: null };
    if (/^:[\w.-]+$/.test(rest)) return { ...base, repo, quantization: rest.slice(1), file: null };
    if (/^\/./.test(rest)) return { ...base, repo, quantization: null, file: rest.slice(1) };
  }
  return undefined;
}

/** Nothing is removed on a guess. */
function exactlyTagged<Model extends { readonly label: string | undefined; readonly path: string }>(
  models: readonly Model[],
  tag: string,
): readonly Model[] {
  const found = modelsOfTag(models, tag);
  return found.isExact ? found.models : [];
}

/** The files of a cache that a ref names; none where it names nothing that is there. */
function entriesOfRef(ref: Ref, repos: readonly CachedRepo[], catalogue: Catalogue): Removal[] {
  if (ref.kind === 'catalogue') {
    return catalogueRefs(ref, catalogue).flatMap((each) => entriesOfRef(each, repos, catalogue));
  }
  if (ref.kind !== 'hub') return [];
  const repo = repos.find((each) => each.repo.toLowerCase() === ref.repo.toLowerCase());
  if (repo === undefined) return [];
  const commit = repo.revisions.find(
    ({ commit: id, names }) => id === ref.revision || names.includes(ref.revision ?? ''),
  );
  const candidates = repo.entries.filter((entry) => ref.revision === null || entry.commit === commit?.commit);
  const entries =
    ref.file !== null
      ? candidates.filter(({ path }) => path === ref.file)
      : ref.quantization !== null
        ? exactlyTagged(gatherModels(candidates), ref.quantization).flatMap(({ files }) => {
            const paths = new Set(files.map(({ path }) => path));
            return candidates.filter(({ path }) => paths.has(path));
          })
        : candidates;
  // A repository of which only unfinished downloads are there can be named as a whole.
  const isWhole = ref.file === null && ref.quantization === null && ref.revision === null;
  return entries.length > 0 || isWhole ? [{ repo, entries, isWhole }] : [];
}
