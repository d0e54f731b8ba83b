import { type ByteSource, type HttpSource, openFile, openUrl } from '../io/index.ts';
import { QuantscopeError, UsageError } from '../util/errors.ts';
import { snapshotPath } from './cache-layout.ts';
import type { HubContext } from './context.ts';
import { stateOf } from './download.ts';
import { refusalError } from './hub-errors.ts';
import { type LocatedModel, type LocateOptions, locateRefs } from './locate.ts';
import { resolveUrl } from './location.ts';
import { discard, sendPatiently } from './request.ts';

export interface OpenRefOptions extends LocateOptions {
  /** Bytes fetched with the opening request of a remote file. Default: io's own. */
  readonly firstWindowBytes?: number;
}

/**
 * Opens the one model that a ref stands for, without a download: a local or cached file, or a remote one by range
 * requests. Of a sharded model it is the first shard; {@link openModel} yields all.
 * @throws UsageError `ref/several` where the ref stands for several models; what {@link locateRefs} throws
 */
export async function openRef(ref: string, options: OpenRefOptions): Promise<ByteSource> {
  const models = await locateRefs([ref], options);
  const [model] = models;
  if (model === undefined || models.length > 1) {
    throw new UsageError('ref/several', `"${ref}" stands for ${models.length} models, expected one`, {
      hint: `Name one of them: ${models.map((each) => each.ref).join(', ')}`,
    });
  }
  const [first, ...others] = await openModel(model, options, 1);
  for (const other of others) await other[Symbol.asyncDispose]();
  if (first === undefined) throw new UsageError('ref/not-found', `"${ref}" has no file`);
  return first;
}

/** Opens the files of a located model, in the order of its shards. */
export async function openModel(
  model: LocatedModel,
  options: Pick<OpenRefOptions, 'hub' | 'firstWindowBytes'>,
  mostFiles = Number.POSITIVE_INFINITY,
): Promise<ByteSource[]> {
  switch (model.kind) {
    case 'local':
      return [await openFile(model.path)];
    case 'url':
      return [await openRemote(model.url, model.ref, options)];
    case 'hub': {
      const sources: ByteSource[] = [];
      for (const file of model.model.files.slice(0, mostFiles)) {
        const { repo, commit, source } = model.listing;
        const { hub } = options;
        if (hub === undefined)
          throw new UsageError('ref/unsupported', `"${model.ref}" is not on this machine`);
        const pinned = { ...file, repo, commit };
        const { cacheFolder, endpoint } = hub.settings;
        const isHere = source === 'cache' || (await stateOf(pinned, cacheFolder)) === 'cached';
        sources.push(
          isHere
            ? await openFile(snapshotPath(cacheFolder, repo, commit, file.path))
            : await openRemote(
                resolveUrl(repo, commit, file.path, endpoint),
                `hf:${repo}/${file.path}`,
                options,
              ),
        );
      }
      return sources;
    }
  }
}

async function openRemote(
  url: string,
  what: string,
  { hub, firstWindowBytes }: Pick<OpenRefOptions, 'hub' | 'firstWindowBytes'>,
): Promise<HttpSource> {
  if (hub?.settings.offline === true) {
    throw new UsageError('hub/offline', `${what} is not in the cache, and HF_HUB_OFFLINE is set`, {
      hint: 'Unset HF_HUB_OFFLINE to read it from the network.',
    });
  }
  try {
    return await openUrl(url, {
      ...(hub === undefined
        ? {}
        : { fetch: hubFetch(url, what, hub), signal: hub.signal, idleTimeoutMs: hub.idleTimeoutMs }),
      ...(firstWindowBytes === undefined ? {} : { firstWindowBytes }),
    });
  } catch (thrown) {
    // io calls whatever its fetch throws a failed read; what the Hub said is the better message.
    const cause = thrown instanceof QuantscopeError ? thrown.cause : undefined;
    throw cause instanceof QuantscopeError ? cause : thrown;
  }
}

/**
 * A fetch for readers by range that follows redirects as the hub room does (the token to the Hub's origin alone), waits
 * when asked to, names errors by the Hub's codes, and asks for a new link when a signed one has expired.
 */
function hubFetch(original: string, what: string, context: HubContext): typeof fetch {
  const repo = /^hf:([^/]+\/[^/]+)/.exec(what)?.[1];
  return async (input, init) => {
    const asked = input instanceof Request ? input.url : String(input);
    const request = {
      headers: Object.fromEntries(new Headers(init?.headers)),
      what,
      ...(init?.signal ? { signal: init.signal } : {}),
    };
    let answer = await sendPatiently(asked, request, context);
    if (asked !== original && (answer.response.status === 403 || answer.response.status === 401)) {
      await discard(answer.response);
      answer = await sendPatiently(original, request, context);
    }
    const { response, url } = answer;
    if (repo !== undefined && response.status >= 400 && response.status !== 416) {
      await discard(response);
      throw refusalError({ status: response.status, headers: response.headers, what, repo }, context);
    }
    // Where the redirects led, which a response made by following them by hand does not say of itself.
    Object.defineProperty(response, 'url', { value: url });
    return response;
  };
}
