import { readdir, stat } from 'node:fs/promises';
import { resolve as absolute, basename, join } from 'node:path';
import { UsageError } from '../util/errors.ts';
import { BUILT_IN_CATALOGUE, type Catalogue } from './catalogue.ts';
import type { HubContext } from './context.ts';
import { isModelPath } from './gguf-names.ts';
import { chooseModel, type HubModel, type KnownListing, knownListing } from './models.ts';
import { formatHubRef, type HubRef, parseRef } from './ref.ts';

/** One model that a ref stands for, and where it is. */
export type LocatedModel =
  | { readonly kind: 'local'; readonly ref: string; readonly path: string }
  | { readonly kind: 'url'; readonly ref: string; readonly url: string }
  | { readonly kind: 'hub'; readonly ref: string; readonly listing: KnownListing; readonly model: HubModel };

export interface LocateOptions {
  /** Where the embedded family lies. */
  readonly nanoFolder: string;
  /** Default: the built-in one. */
  readonly catalogue?: Catalogue;
  /** Needed for refs to the Hub; without it they are refused. */
  readonly hub?: HubContext;
}

const SHARD = /-(\d{5})-of-\d{5}\.gguf$/;

/**
 * The models that refs stand for, in the order named, each once. A folder stands for all the models in it, a bare name
 * of the catalogue for the quantizations it lists. Nothing is downloaded but listings, each once.
 * @throws UsageError `ref/not-found`, `ref/ambiguous`, `ref/incomplete`, `ref/empty-folder`, `ref/invalid`,
 *   `ref/unsupported`; QuantscopeError what the Hub throws
 */
export async function locateRefs(refs: readonly string[], options: LocateOptions): Promise<LocatedModel[]> {
  const { nanoFolder, catalogue = BUILT_IN_CATALOGUE, hub } = options;
  const listings = new Map<string, Promise<KnownListing>>();
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
        found.push(...(await nano(nanoFolder, ref.quantization)));
        break;
      case 'path':
        found.push(...(await local(ref.path)));
        break;
      case 'url':
        found.push({ kind: 'url', ref: text, url: ref.url });
        break;
      case 'hub':
        found.push(await locateHub(ref));
        break;
      case 'catalogue':
        for (const each of catalogueRefs(ref, catalogue)) found.push(await locateHub(each));
        break;
    }
  }
  const keys = found.map(keyOf);
  return found.filter((_, index) => keys.indexOf(keys[index] ?? '') === index);
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

async function nano(folder: string, quantization: string | null): Promise<LocatedModel[]> {
  const all = await modelsIn(folder);
  if (quantization === null) return all;
  const wanted = `-${quantization}.gguf`.toLowerCase();
  const chosen = all.filter(({ path }) => path.toLowerCase().endsWith(wanted));
  if (chosen.length === 0) {
    const names = all.map(({ path }) => /-([^-]+)\.gguf$/.exec(path)?.[1] ?? basename(path));
    throw new UsageError('ref/not-found', `nano has no ${quantization}: it has ${names.join(', ')}`, {
      hint: `Write nano:${names.at(-1) ?? 'QUANT'}, or nano for the whole family.`,
    });
  }
  return chosen;
}

async function local(path: string): Promise<LocatedModel[]> {
  const kind = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const missing = cause.code === 'ENOENT' || cause.code === 'ENOTDIR';
    throw new UsageError(
      'ref/not-found',
      missing ? `${path}: no such file or folder` : `${path} cannot be read (${cause.code})`,
      { cause, hint: missing ? MISSING_HINT : 'Check its permissions.' },
    );
  });
  return kind.isDirectory() ? modelsIn(path) : [{ kind: 'local', ref: path, path: absolute(path) }];
}

const MISSING_HINT =
  'Give a .gguf file, a folder of them, hf:owner/repo:QUANT, a name of the catalogue (phi3, llama-3.2-1b, gemma-2b) or nano.';

async function modelsIn(folder: string): Promise<Extract<LocatedModel, { kind: 'local' }>[]> {
  const names = (await readdir(folder)).filter(isFirstOfModel).sort();
  if (names.length === 0) {
    throw new UsageError('ref/empty-folder', `${folder} has no .gguf file`, {
      hint: 'Name the folder that holds the models, or the files themselves.',
    });
  }
  return names.map((name) => ({ kind: 'local', ref: join(folder, name), path: absolute(folder, name) }));
}

/** Later shards are read with the first. */
function isFirstOfModel(name: string): boolean {
  const shard = SHARD.exec(name)?.[1];
  return isModelPath(name) && (shard === undefined || Number(shard) === 1);
}
