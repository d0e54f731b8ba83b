import {
  type ByteSource,
  getOverHttp,
  type HttpGet,
  type HttpSource,
  openFile,
  openUrl,
} from '../io/index.ts';
import { QuantscopeError, UsageError } from '../util/errors.ts';
import type { HubContext } from './context.ts';
import { refusalError } from './hub-errors.ts';
import { type LocatedModel, type LocateOptions, locateRefs } from './locate.ts';
import { type ModelPart, partsOf } from './model-parts.ts';
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
  const [first] = await partsOf(model, options);
  if (first === undefined) throw new UsageError('ref/not-found', `"${ref}" has no file`);
  return openPart(first, options);
}

/** Opens one file of a model: a remote one by range requests. */
export function openPart(
  part: ModelPart,
  options: Pick<OpenRefOptions, 'hub' | 'firstWindowBytes'>,
): Promise<ByteSource> {
  return part.kind === 'local' ? openFile(part.path) : openRemote(part.url, part.what, options);
}

/** Opens the files of a located model, in the order of its shards. */
export async function openModel(
  model: LocatedModel,
  options: Pick<OpenRefOptions, 'hub' | 'firstWindowBytes'>,
): Promise<ByteSource[]> {
  return openParts(await partsOf(model, options), options);
}

/** Requests to one server at the same time. */
const OPENED_AT_ONCE = 8;

/**
 * Opens files of one model, all or none.
 * @throws UsageError `ref/incomplete` where a server lacks one of several; what {@link openPart} throws
 */
export async function openParts(
  parts: readonly ModelPart[],
  options: Pick<OpenRefOptions, 'hub' | 'firstWindowBytes'>,
): Promise<ByteSource[]> {
  const outcomes: PromiseSettledResult<ByteSource>[] = [];
  for (let from = 0; from < parts.length; from += OPENED_AT_ONCE) {
    const some = parts.slice(from, from + OPENED_AT_ONCE);
    outcomes.push(...(await Promise.allSettled(some.map((part) => openPart(part, options)))));
    if (outcomes.some(({ status }) => status === 'rejected')) break;
  }
  const sources = outcomes.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
  const failed = outcomes.findIndex(({ status }) => status === 'rejected');
  const failure = outcomes[failed];
  if (failure?.status !== 'rejected') return sources;
  for (const source of sources) await source[Symbol.asyncDispose]();
  throw shardError(failure.reason, parts, failed);
}

/** That a later shard is not there is a fault of the set, not of the name that the user gave. */
function shardError(thrown: unknown, parts: readonly ModelPart[], index: number): unknown {
  const part = parts[index];
  const isAbsent = thrown instanceof QuantscopeError && thrown.code === 'io/not-found';
  if (!isAbsent || index === 0 || part?.kind !== 'remote') return thrown;
  return new UsageError(
    'ref/incomplete',
    `shard ${index + 1} of ${parts.length} is missing: ${part.what} (404)`,
    { cause: thrown, hint: 'All shards of a model stand beside each other; look for a complete upload.' },
  );
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
function hubFetch(original: string, what: string, hub: HubContext): HttpGet {
  const repo = /^hf:([^/]+\/[^/]+)/.exec(what)?.[1];
  // Of an answer with bytes nothing is looked at that this way of asking leaves out of a Response.
  const context = { ...hub, fetch: hub.fetch ?? (getOverHttp as typeof fetch) };
  return async (asked, { headers, signal }) => {
    const request = { headers: Object.fromEntries(headers), what, signal };
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
