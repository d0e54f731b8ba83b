import type { CachedRepo } from './cache-manage.ts';
import type { Catalogue } from './catalogue.ts';
import { gatherModels, modelsOfQuantization } from './gguf-names.ts';
import { catalogueRefs } from './locate.ts';
import type { Ref } from './ref.ts';

export interface CacheChoice {
  readonly repo: CachedRepo;
  readonly entries: CachedRepo['entries'];
  /** Whether the repository was named, and not some of its files. */
  readonly isWhole: boolean;
}

/** The files of a cache that a ref names; none where it names nothing that is there. */
export function entriesOfRef(ref: Ref, repos: readonly CachedRepo[], catalogue: Catalogue): CacheChoice[] {
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
        ? modelsOfQuantization(gatherModels(candidates), ref.quantization).flatMap(({ files }) => {
            const paths = new Set(files.map(({ path }) => path));
            return candidates.filter(({ path }) => paths.has(path));
          })
        : candidates;
  // A repository of which only unfinished downloads are there can be named as a whole.
  const isWhole = ref.file === null && ref.quantization === null && ref.revision === null;
  return entries.length > 0 || isWhole ? [{ repo, entries, isWhole }] : [];
}
