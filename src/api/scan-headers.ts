import { type HeaderScan, scanSource } from '../gguf/index.ts';
import { type LocateOptions, locateRefs } from '../model/locate.ts';
import { asFinished } from '../util/as-finished.ts';
import { QuantscopeError } from '../util/errors.ts';

export interface ScanHeadersOptions {
  /** Refs at the same time. Default: 64, which hides 50 ms of latency at a thousand files a second. */
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  /** Bytes of the first request. Default: 256 KiB. */
  readonly firstWindowBytes?: number;
}

/** The header of one file, or why it cannot be had; what is wrong inside it is among the scan's issues. */
export type ScannedHeader =
  | {
      readonly ref: string;
      /** Path, address or `hf:owner/repo/file`. */
      readonly name: string;
      readonly fileBytes: number;
      readonly scan: HeaderScan;
    }
  | { readonly ref: string; readonly error: QuantscopeError };

/** Listings of repositories that are kept for refs to come. */
const MOST_LISTINGS = 64;

/**
 * Reads the headers of many files, local or remote, and yields each as soon as it is there. A remote one costs a
 * request, a large vocabulary two; nothing of a file is kept, so that there may be any number of refs.
 * @throws the signal's reason; never for a file that cannot be had
 */
export async function* scanHeaders(
  refs: Iterable<string> | AsyncIterable<string>,
  options: ScanHeadersOptions = {},
): AsyncGenerator<ScannedHeader, void, undefined> {
  const { concurrency = 64, signal = new AbortController().signal, firstWindowBytes } = options;
  const { refAccess } = await import('../model/access.ts');
  const listings: NonNullable<LocateOptions['listings']> = new Map();
  const access = { ...(await refAccess({ signal })), listings };
  const reading = { signal, ...(firstWindowBytes === undefined ? {} : { firstWindowBytes }) };
  for await (const scanned of asFinished(refs, concurrency, (ref) => scanRef(ref, access, reading))) {
    for (const [oldest] of listings) {
      if (listings.size <= MOST_LISTINGS) break;
      listings.delete(oldest);
    }
    yield* scanned;
  }
}

async function scanRef(
  ref: string,
  access: LocateOptions,
  reading: { readonly signal: AbortSignal; readonly firstWindowBytes?: number },
): Promise<ScannedHeader[]> {
  const { signal } = reading;
  const scanned: ScannedHeader[] = [];
  try {
    signal.throwIfAborted();
    for (const model of await locateRefs([ref], access)) {
      for (const file of await model.files()) {
        await using source = await file.open(reading);
        const scan = await scanSource(source, reading);
        scanned.push({ ref, name: file.name, fileBytes: source.byteLength, scan });
      }
    }
  } catch (thrown) {
    signal.throwIfAborted();
    if (!(thrown instanceof QuantscopeError)) throw thrown;
    scanned.push({ ref, error: thrown });
  }
  return scanned;
}
