export { entriesOfRef } from './cache-choice.ts';
export { type CachedRepo, listCache, removeEntries, removePartials, verifyEntry } from './cache-manage.ts';
export {
  type Catalogue,
  type CatalogueEntry,
  loadCatalogue,
} from './catalogue.ts';
export { type HubContext, hubContext } from './context.ts';
export { type LocatedModel, locateRefs } from './locate.ts';
export { openModel, openRef } from './open-ref.ts';
export { type PlannedFile, type PullPlan, planPull, pull } from './pull.ts';
export { parseRef } from './ref.ts';
export { type ResolvedFile, resolveRefs } from './resolve.ts';
export { readHubSettings } from './settings.ts';
export { offeredVariants } from './variants.ts';
