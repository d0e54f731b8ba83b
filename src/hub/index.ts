export { type CacheChoice, entriesOfRef } from './cache-choice.ts';
export { type CachedRepo, listCache, removeEntries, removePartials, verifyFile } from './cache-manage.ts';
export { BUILT_IN_CATALOGUE, type Catalogue, type CatalogueEntry } from './catalogue.ts';
export { type HubContext, hubContext } from './context.ts';
export { freeBytesOf } from './disk.ts';
export { type LocatedModel, locateRefs } from './locate.ts';
export { modelsOfRepo } from './models.ts';
export {
  type ModelPart,
  openModel,
  openPart,
  openParts,
  openRef,
  partsOf,
} from './open-ref.ts';
export { type PlannedFile, type PulledFile, type PullPlan, planPull, pull } from './pull.ts';
export { parseRef } from './ref.ts';
export { type ResolvedFile, resolveRefs } from './resolve.ts';
export { isRepoId, isRevision } from './safe-names.ts';
export { readHubSettings } from './settings.ts';
export { addressesOf } from './url-address.ts';
export { listUrlFiles, removeUrlFile, type UrlCacheEntry } from './url-cache.ts';
export { offeredVariants } from './variants.ts';
