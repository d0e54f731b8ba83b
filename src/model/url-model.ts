import { parseShardName } from '../gguf/shards.ts';
import type { HubContext } from '../hub/context.ts';
import { openRemote } from '../hub/open-remote.ts';
import { addressesOf, type UrlAddress } from '../hub/url-address.ts';
import { recordOf } from '../hub/url-cache.ts';
import { stateOfAddress } from '../hub/url-file.ts';
import { QuantscopeError } from '../util/errors.ts';
import { shownAddress } from '../util/safe-names.ts';
import { localFile, type Model, type ModelFile, modelOf } from './model.ts';

/** The model behind an address. What was pulled from there before is used where it is still what the server has. */
export function urlModel(url: string, hub: HubContext): Model {
  // Shown without its query, which may hold a signature.
  return modelOf({ ref: shownAddress(url), origin: { kind: 'url', url }, path: url }, async () => {
    const all = addressesOf(url, hub.urlFolder ?? '');
    const isLater = (parseShardName(new URL(url).pathname)?.number ?? 1) > 1;
    const addresses = isLater ? all.filter(({ href }) => href === url.replace(/#.*$/, '')) : all;
    const kept = hub.urlFolder === undefined ? undefined : await keptFiles(addresses, hub);
    return kept ?? addresses.map((address) => remoteFile(address, hub));
  });
}

function remoteFile({ href, shown }: UrlAddress, hub: HubContext): ModelFile {
  return {
    name: shown,
    isRemote: true,
    location: href,
    hub: null,
    kept: null,
    open: (options) => openRemote({ url: href, name: shown, repo: undefined }, hub, options),
  };
}

/** The files behind addresses, where all of them were fetched before; a part of a model is no model. */
async function keptFiles(
  addresses: readonly UrlAddress[],
  hub: HubContext,
): Promise<ModelFile[] | undefined> {
  // No server is asked about files that are not here.
  for (const { place } of addresses) if ((await recordOf(place)) === undefined) return undefined;
  const files: ModelFile[] = [];
  for (const address of addresses) {
    const { kept } = await stateOfAddress(address, hub).catch(anotherAnswer);
    if (kept === undefined) return undefined;
    files.push(localFile(address.place, { name: address.shown, kept }));
  }
  return files;
}

/** What the server sends instead is judged when it is read. */
function anotherAnswer(thrown: unknown): { readonly kept: undefined } {
  if (thrown instanceof QuantscopeError && thrown.code.startsWith('url/')) return { kept: undefined };
  throw thrown;
}
