import { existsSync } from 'node:fs';
import { devNull } from 'node:os';
import { join } from 'node:path';
import envPaths from 'env-paths';
import { type HubContext, hubContext } from '../hub/context.ts';
import { readHubSettings } from '../hub/settings.ts';
import { packagePath, packageVersion } from '../util/package-files.ts';
import { type Catalogue, readCatalogue } from './catalogue.ts';

/** What refs need to be resolved: the embedded family, the catalogue and the Hub. */
export interface RefAccess {
  readonly nanoFolder: string;
  readonly catalogue: Catalogue;
  /** The file that was laid over the built-in catalogue. */
  readonly catalogueFile: string | null;
  readonly hub: HubContext;
}

export interface AccessOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told of pauses and fallbacks. Default: nothing is. */
  readonly notice?: ((text: string) => void) | undefined;
  /** Default: 30 s. */
  readonly idleTimeoutMs?: number;
  /** No request is made: what is kept here is all there is. */
  readonly isOffline?: boolean;
  /** Reads only where files are kept: for the doctor, who goes on where the rest of the environment is refused. */
  readonly isBare?: boolean;
}

/**
 * Reads the environment: the Hub's variables, and QUANTSCOPE_CATALOGUE or `catalogue.json` in the config folder.
 * @throws UsageError `catalogue/unreadable`, `catalogue/invalid`, `data/invalid`, `hub/bad-endpoint`
 */
export async function refAccess({
  signal,
  notice,
  idleTimeoutMs,
  isOffline = false,
  isBare = false,
}: AccessOptions): Promise<RefAccess> {
  const named = process.env['QUANTSCOPE_CATALOGUE'] || undefined;
  const folders = envPaths('quantscope', { suffix: '' });
  const usual = join(folders.config, 'catalogue.json');
  const settings = readHubSettings(isBare ? cacheVariables(process.env) : process.env);
  const catalogueFile = isBare ? null : (named ?? (existsSync(usual) ? usual : null));
  return {
    nanoFolder: packagePath('fixtures/nano'),
    catalogue: await readCatalogue(catalogueFile),
    catalogueFile,
    hub: hubContext({
      settings: { ...settings, offline: settings.offline || isOffline },
      userAgent: `quantscope/${packageVersion()}`,
      urlFolder: join(folders.cache, 'urls'),
      ...(signal === undefined ? {} : { signal }),
      ...(notice === undefined ? {} : { notice }),
      ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
    }),
  };
}

function cacheVariables({
  HF_HOME,
  HF_HUB_CACHE,
  HUGGINGFACE_HUB_CACHE,
  XDG_CACHE_HOME,
}: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { HF_HOME, HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, XDG_CACHE_HOME, HF_TOKEN_PATH: devNull };
}
