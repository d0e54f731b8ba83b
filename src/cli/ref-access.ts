import { join } from 'node:path';
import envPaths from 'env-paths';
import type { Catalogue, HubContext } from '../hub/index.ts';
import { hubContext, loadCatalogue, readHubSettings } from '../hub/index.ts';
import { packagePath, packageVersion } from './package-files.ts';

/** What refs need to be resolved: the embedded family, the catalogue and the Hub. */
export interface RefAccess {
  readonly nanoFolder: string;
  readonly catalogue: Catalogue;
  readonly hub: HubContext;
}

export interface RefAccessOptions {
  readonly signal: AbortSignal;
  /** Where pauses and fallbacks are told. Default: nowhere. */
  readonly notice?: (text: string) => void;
  /** Default: 30 s. */
  readonly idleTimeoutMs?: number;
}

/**
 * Reads the environment: the Hub's variables, and QUANTSCOPE_CATALOGUE or `catalogue.json` in the config folder.
 * @throws UsageError `catalogue/unreadable`, `catalogue/invalid`, `hub/bad-endpoint`
 */
export async function refAccess({ signal, notice, idleTimeoutMs }: RefAccessOptions): Promise<RefAccess> {
  const named = process.env['QUANTSCOPE_CATALOGUE'] || undefined;
  const path = named ?? join(envPaths('quantscope', { suffix: '' }).config, 'catalogue.json');
  return {
    nanoFolder: packagePath('fixtures/nano'),
    catalogue: await loadCatalogue(path, named !== undefined),
    hub: hubContext({
      settings: readHubSettings(process.env),
      signal,
      userAgent: `quantscope/${packageVersion()}`,
      ...(notice === undefined ? {} : { notice }),
      ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
    }),
  };
}
