import { parseShardName } from '../gguf/shards.ts';
import { QuantscopeError, UsageError } from '../util/errors.ts';
import { snapshotPath } from './cache-layout.ts';
import type { HubContext } from './context.ts';
import { stateOf } from './download.ts';
import type { HubFile } from './listing.ts';
import { localFiles } from './local.ts';
import type { LocatedModel, LocateOptions } from './locate.ts';
import { resolveUrl } from './location.ts';
import { parseRef } from './ref.ts';
import { addressesOf, type UrlAddress } from './url-address.ts';
import { recordOf, type UrlRecord } from './url-cache.ts';
import { stateOfAddress } from './url-plan.ts';

/** One file of a located model: on this machine, or at an address. */
export type ModelPart = LocalPart | RemotePart;

export interface LocalPart {
  readonly kind: 'local';
  readonly path: string;
  /** For messages: the path, an address, or `hf:owner/repo/file`. */
  readonly what: string;
  /** Where it is from; null for a file that no hub ref named. */
  readonly hub: HubPart | null;
  /** What was recorded when it was fetched from an address; null for a file that no address named. */
  readonly kept: UrlRecord | null;
}

export interface RemotePart {
  readonly kind: 'remote';
  readonly url: string;
  /** For messages: the address, or `hf:owner/repo/file`. */
  readonly what: string;
  readonly hub: HubPart | null;
}

/** A file of a repository, as the listing has it. */
export interface HubPart {
  readonly repo: string;
  readonly commit: string;
  readonly file: HubFile;
}

/**
 * The files of a located model, in the order of its shards: all of them for a first shard, a later one alone.
 * @throws UsageError `ref/incomplete` where a shard is not on this machine
 */
export async function partsOf(
  model: LocatedModel,
  { hub }: Pick<LocateOptions, 'hub'>,
): Promise<ModelPart[]> {
  switch (model.kind) {
    case 'local':
      return (await localFiles(model.path)).map((path) => ({
        kind: 'local',
        path,
        what: path,
        hub: null,
        kept: null,
      }));
    case 'url':
      return urlParts(model, hub);
    case 'hub': {
      const { repo, commit, source } = model.listing;
      if (hub === undefined) {
        throw new UsageError('ref/unsupported', `"${model.ref}" is not on this machine`);
      }
      const { cacheFolder, endpoint } = hub.settings;
      return Promise.all(
        namedFiles(model).map(async (file): Promise<ModelPart> => {
          const part = { what: `hf:${repo}/${file.path}`, hub: { repo, commit, file } };
          const state = source === 'cache' ? 'cached' : await stateOf({ ...file, repo, commit }, cacheFolder);
          if (state === 'cached') {
            const path = snapshotPath(cacheFolder, repo, commit, file.path);
            return { ...part, kind: 'local', path, kept: null };
          }
          const url = resolveUrl(repo, commit, file.path, endpoint);
          return { ...part, kind: 'remote', url };
        }),
      );
    }
  }
}

/** What was pulled from an address before is used where it is still what the server has. */
async function urlParts(
  model: Extract<LocatedModel, { kind: 'url' }>,
  hub: HubContext | undefined,
): Promise<ModelPart[]> {
  const all = addressesOf(model.url, hub?.urlFolder ?? '');
  const isLater = (parseShardName(new URL(model.url).pathname.replace(/^\/+/, ''))?.number ?? 1) > 1;
  const addresses = isLater ? all.filter(({ href }) => href === model.url.replace(/#.*$/, '')) : all;
  const kept = hub?.urlFolder === undefined ? undefined : await keptOf(addresses, hub);
  if (kept !== undefined) return kept;
  return addresses.map(({ href, shown }) => ({ kind: 'remote', url: href, what: shown, hub: null }));
}

/** The files behind addresses, where all of them were fetched before; a part of a model is no model. */
async function keptOf(addresses: readonly UrlAddress[], hub: HubContext): Promise<LocalPart[] | undefined> {
  // Nobody is asked about files that are not here.
  for (const { place } of addresses) if ((await recordOf(place)) === undefined) return undefined;
  const parts: LocalPart[] = [];
  for (const address of addresses) {
    const { kept } = await stateOfAddress(address, hub).catch(anotherAnswer);
    if (kept === undefined) return undefined;
    parts.push({ kind: 'local', path: address.place, what: address.shown, hub: null, kept });
  }
  return parts;
}

/** What the server sends instead is the business of whoever reads it. */
function anotherAnswer(thrown: unknown): { readonly kept: undefined } {
  if (thrown instanceof QuantscopeError && thrown.code.startsWith('url/')) return { kept: undefined };
  throw thrown;
}

/** A ref that names a later shard means that one; for whoever loads it, its model is the whole set. */
function namedFiles({ ref, model }: Extract<LocatedModel, { kind: 'hub' }>): readonly HubFile[] {
  const parsed = parseRef(ref);
  const file = parsed.kind === 'hub' ? parsed.file : null;
  if (file === null || (parseShardName(file)?.number ?? 1) === 1) return model.files;
  return model.files.filter(({ path }) => path === file);
}
