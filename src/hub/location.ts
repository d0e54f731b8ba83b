import { QuantscopeError } from '../util/errors.ts';
import { isObjectId } from '../util/safe-names.ts';
import type { HubContext } from './context.ts';
import { refusalError } from './hub-errors.ts';
import { discard, redirectTarget, sendPatiently } from './request.ts';

/** Where the bytes of a file are to be had just now, and what the Hub says of them. */
export interface FileLocation {
  /** A signed link on another host, or the Hub's own address. */
  readonly url: string;
  /** The id of the content, where the Hub says one. */
  readonly objectId: string | undefined;
  readonly sizeBytes: number | undefined;
}

/** The address of a file at a commit. */
export function resolveUrl(repo: string, commit: string, path: string, endpoint: string): string {
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  return `${endpoint}/${repo}/resolve/${encodeURIComponent(commit)}/${encoded}`;
}

/**
 * Asks the Hub where a file is: redirects are followed on the Hub's own origin, and the first one that leads away is
 * the answer, since only it carries X-Linked-Etag and X-Linked-Size; the ETag over there is another value.
 * @throws QuantscopeError `hub/gated`, `hub/file-not-found`, `hub/unreachable`, ...; the signal's reason
 */
export async function locateFile(
  file: { readonly repo: string; readonly commit: string; readonly path: string; readonly what: string },
  context: HubContext,
  signal: AbortSignal = context.signal,
): Promise<FileLocation> {
  const { endpoint } = context.settings;
  const ask = async (method: 'HEAD' | 'GET') => {
    const answer = await sendPatiently(
      resolveUrl(file.repo, file.commit, file.path, endpoint),
      {
        method,
        // Otherwise a git file is compressed on the way and its length is not the file's.
        headers: { 'accept-encoding': 'identity' },
        what: file.what,
        stayOn: endpoint,
        signal,
      },
      context,
    );
    await discard(answer.response);
    return answer;
  };
  let answer = await ask('HEAD');
  // Some mirrors know no HEAD; the body of a GET is not read.
  if (answer.response.status === 405 || answer.response.status === 501) answer = await ask('GET');
  const { response, url } = answer;
  const { status, headers } = response;
  if (status >= 400) throw refusalError({ status, headers, what: file.what, repo: file.repo }, context);
  const isRedirect = status >= 300;
  const target = headers.get('location');
  if (isRedirect && target === null) {
    throw new QuantscopeError('hub/bad-answer', `${file.what}: a redirect (${status}) that leads nowhere`);
  }
  const linkedSize = headers.get('x-linked-size') ?? (isRedirect ? null : headers.get('content-length'));
  const etag = headers.get('x-linked-etag') ?? (isRedirect ? null : headers.get('etag'));
  const objectId = etag?.replace(/^W\//, '').replaceAll('"', '');
  return {
    url: target === null || !isRedirect ? url : redirectTarget(target, url, file.what),
    objectId: objectId !== undefined && isObjectId(objectId) ? objectId : undefined,
    sizeBytes: linkedSize !== null && /^\d+$/.test(linkedSize) ? Number(linkedSize) : undefined,
  };
}

/** The file that is wanted, and how to find out where it is. */
export interface WantedFile {
  /** What a person calls the file. */
  readonly what: string;
  readonly sizeBytes: number;
  /** What the digest shall be; null where that is not known: the size is all that is checked. */
  readonly objectId: string | null;
  /** Where the bytes are: asked at the start and whenever a link has expired. */
  readonly locate: (signal: AbortSignal) => Promise<FileLocation>;
}

/** Where the bytes of a file are just now: all connections share it, and the first that finds it expired says so. */
export class Link {
  readonly #wanted: WantedFile;
  #location: Promise<FileLocation> | undefined;

  constructor(wanted: WantedFile) {
    this.#wanted = wanted;
  }

  /** @throws QuantscopeError `hub/changed-on-hub`, or what asking for it throws */
  get(signal: AbortSignal): Promise<FileLocation> {
    this.#location ??= this.#ask(signal);
    return this.#location;
  }

  expire(): void {
    this.#location = undefined;
  }

  async #ask(signal: AbortSignal): Promise<FileLocation> {
    const { what, objectId, sizeBytes, locate } = this.#wanted;
    const location = await locate(signal);
    const isOther = objectId !== null && location.objectId !== undefined && location.objectId !== objectId;
    if (!isOther && (location.sizeBytes === undefined || location.sizeBytes === sizeBytes)) return location;
    const got = isOther ? `object ${location.objectId}` : `${location.sizeBytes} bytes`;
    const expected = isOther ? objectId : sizeBytes;
    throw new QuantscopeError('hub/changed-on-hub', `${what}: the Hub now has ${got}, expected ${expected}`, {
      hint: 'The repository changed while it was downloaded; run the command again.',
    });
  }
}
