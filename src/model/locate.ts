import type { HubContext } from '../hub/context.ts';
import type { KnownListing } from '../hub/listing.ts';
import { eachOnce } from '../util/each-once.ts';
import { UsageError } from '../util/errors.ts';
import { packagePath } from '../util/package-files.ts';
import type { AccessOptions } from './access.ts';
import type { Catalogue } from './catalogue.ts';
import { locateLocal, locateNano } from './local.ts';
import { localModel, type Model, onlyOne } from './model.ts';
import { type HubRef, isLocalRef, parseRef } from './ref.ts';

export interface LocateOptions {
  /** Where the embedded family lies. */
  readonly nanoFolder: string;
  /** Default: none. */
  readonly catalogue?: Catalogue;
  /** Needed for what is not on this machine; without it such refs are refused. */
  readonly hub?: HubContext;
  /** Listings that were asked for before, where refs are located one by one. Default: none. */
  readonly listings?: Map<string, Promise<KnownListing>>;
  /** Told of a model that several refs stand for. Default: nobody is. */
  readonly notice?: ((text: string) => void) | undefined;
}

/**
 * The models that refs stand for, as {@link locateRefs} finds them with this machine's settings. The Hub's code is
 * loaded only for refs that may need it.
 * @throws what {@link locateRefs} throws; UsageError `catalogue/*`, `hub/bad-endpoint`
 */
export async function findModels(refs: readonly string[], options: AccessOptions = {}): Promise<Model[]> {
  return locateRefs(refs, await accessFor(refs, options));
}

/**
 * The one model that a ref stands for.
 * @throws UsageError `ref/several`; what {@link findModels} throws
 */
export async function findModel(ref: string, options: AccessOptions = {}): Promise<Model> {
  return onlyOne(ref, await findModels([ref], options));
}

/** What it takes to locate these refs. */
export async function accessFor(refs: readonly string[], options: AccessOptions): Promise<LocateOptions> {
  const { notice } = options;
  if (refs.every(isLocalRef)) return { nanoFolder: packagePath('fixtures/nano'), notice };
  const { refAccess } = await import('./access.ts');
  return { ...(await refAccess(options)), notice };
}

/**
 * The models that refs stand for, in the order named, each once. A folder stands for all the models in it, a bare name
 * of the catalogue for the quantizations it lists. Nothing is downloaded but listings, each once.
 * @throws UsageError `ref/not-found`, `ref/ambiguous`, `ref/incomplete`, `ref/empty-folder`, `ref/invalid`,
 *   `ref/unsupported`; QuantscopeError what the Hub throws
 */
export async function locateRefs(refs: readonly string[], options: LocateOptions): Promise<Model[]> {
  const { catalogue = new Map(), listings = new Map() } = options;
  const found: Model[] = [];
  for (const ref of refs) found.push(...(await locateRef(ref, { ...options, catalogue, listings })));
  return eachOnce(found, keyOf, ({ ref }) => ref, options.notice);
}

async function locateRef(
  text: string,
  {
    nanoFolder,
    catalogue,
    hub,
    listings,
  }: LocateOptions & Required<Pick<LocateOptions, 'catalogue' | 'listings'>>,
): Promise<Model[]> {
  const catalogueNames = [...catalogue.keys()];
  const ref = parseRef(text, { catalogueNames, ...(hub && { endpoint: hub.settings.endpoint }) });
  if (ref.kind === 'nano' || ref.kind === 'path') {
    const files =
      ref.kind === 'nano'
        ? await locateNano(nanoFolder, ref.quantization)
        : await locateLocal(ref.path, catalogueNames);
    return files.map((file) => localModel(file.ref, file.path));
  }
  if (ref.kind === 'store') {
    const { locateStored } = await import('./stores.ts');
    return (await locateStored(ref.store, ref.name)).map((file) => localModel(file.ref, file.path));
  }
  if (hub === undefined) {
    throw new UsageError('ref/unsupported', `"${text}" is not on this machine`, {
      hint: `Download it first: quantscope pull ${text}`,
    });
  }
  const { hubModels, urlModel } = await import('./remote-model.ts');
  if (ref.kind === 'url') return [urlModel(ref.url, hub)];
  return hubModels(ref.kind === 'hub' ? [ref] : catalogueRefs(ref, catalogue), hub, listings);
}

/** The refs that a name of the catalogue stands for. */
export function catalogueRefs(
  { name, quantization }: { readonly name: string; readonly quantization: string | null },
  catalogue: Catalogue,
): HubRef[] {
  const entry = catalogue.get(name);
  if (entry === undefined) return [];
  const wanted = quantization === null ? entry.quantizations : [quantization];
  const base = { kind: 'hub', repo: entry.repo, revision: entry.revision, file: null } as const;
  if (wanted.length === 0) return [{ ...base, quantization: null }];
  return wanted.map((each) => ({ ...base, quantization: each }));
}

function keyOf({ origin, path }: Model): string {
  return origin.kind === 'hub' ? `hf:${origin.listing.repo}@${origin.listing.commit}/${path}` : path;
}
