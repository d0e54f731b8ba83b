import { UsageError } from '../util/errors.ts';
import type { Catalogue } from './catalogue.ts';
import type { HubContext } from './context.ts';
import { type LocalModel, locateLocal, locateNano } from './local.ts';
import { chooseModel, type HubModel, type KnownListing, knownListing } from './models.ts';
import { formatHubRef, type HubRef, parseRef, shownAddress } from './ref.ts';

/** One model that a ref stands for, and where it is. */
export type LocatedModel =
  | LocalModel
  | { readonly kind: 'url'; readonly ref: string; readonly url: string }
  | { readonly kind: 'hub'; readonly ref: string; readonly listing: KnownListing; readonly model: HubModel };

export interface LocateOptions {
  /** Where the embedded family lies. */
  readonly nanoFolder: string;
  /** Default: none, so that no bare name stands for a model. */
  readonly catalogue?: Catalogue;
  /** Needed for refs to the Hub; without it they are refused. */
  readonly hub?: HubContext;
  /** Listings that were asked for before, where refs are located one by one. Default: none. */
  readonly listings?: Map<string, Promise<KnownListing>>;
}

/**
 * The models that refs stand for, in the order named, each once. A folder stands for all the models in it, a bare name
 * of the catalogue for the quantizations it lists. Nothing is downloaded but listings, each once.
 * @throws UsageError `ref/not-found`, `ref/ambiguous`, `ref/incomplete`, `ref/empty-folder`, `ref/invalid`,
 *   `ref/unsupported`; QuantscopeError what the Hub throws
 */
export async function locateRefs(refs: readonly string[], options: LocateOptions): Promise<LocatedModel[]> {
  const { nanoFolder, catalogue = new Map(), hub, listings = new Map() } = options;
  const locateHub = async (ref: HubRef): Promise<LocatedModel> => {
    const text = formatHubRef(ref);
    if (hub === undefined) {
      throw new UsageError('ref/unsupported', `"${text}" is not on this machine`, {
        hint: `Download it first: quantscope pull ${text}`,
      });
    }
    const key = `${ref.repo}@${ref.revision ?? 'main'}`;
    const pending = listings.get(key) ?? knownListing(ref.repo, ref.revision, hub);
    listings.set(key, pending);
    const listing = await pending;
    return { kind: 'hub', ref: text, listing, model: chooseModel(ref, listing) };
  };
  const found: LocatedModel[] = [];
  for (const text of refs) {
    const ref = parseRef(text, {
      catalogueNames: [...catalogue.keys()],
      ...(hub === undefined ? {} : { endpoint: hub.settings.endpoint }),
    });
    switch (ref.kind) {
      case 'nano':
        found.push(...(await locateNano(nanoFolder, ref.quantization)));
        break;
      case 'path':
        found.push(...(await locateLocal(ref.path, [...catalogue.keys()])));
        break;
      case 'url':
        // Shown without its query, which may hold a signature.
        found.push({ kind: 'url', ref: shownAddress(ref.url), url: ref.url });
        break;
      case 'hub':
        found.push(await locateHub(ref));
        break;
      case 'catalogue':
        for (const each of catalogueRefs(ref, catalogue)) found.push(await locateHub(each));
        break;
    }
  }
  const byKey = new Map<string, LocatedModel>();
  for (const model of found) if (!byKey.has(keyOf(model))) byKey.set(keyOf(model), model);
  return [...byKey.values()];
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

function keyOf(model: LocatedModel): string {
  switch (model.kind) {
    case 'local':
      return model.path;
    case 'url':
      return model.url;
    case 'hub':
      return `hf:${model.listing.repo}@${model.listing.commit}/${model.model.path}`;
  }
}
