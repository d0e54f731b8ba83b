import { QuantscopeError } from '../util/errors.ts';
import type { HubContext } from './context.ts';
import { RunningDigest } from './digest.ts';
import type { WantedFile } from './link.ts';
import type { PartialFile } from './partial.ts';
import type { SlabPool } from './slab-pool.ts';
import { Restart } from './transfer-errors.ts';
import { TransferRound } from './transfer-round.ts';

/** How a file is fetched, whichever it is. */
export interface TransferOptions {
  /** At most so many at once; `auto` adds connections as long as that makes it faster. */
  readonly connections: number | 'auto';
  /** Shared with the other files that are fetched meanwhile. */
  readonly slabs: SlabPool;
  readonly onProgress: (progress: TransferProgress) => void;
}

/** Bytes of one file, from wherever they are, into a partial file. */
export interface TransferRequest extends WantedFile, TransferOptions {
  /** What names the version that is wanted, where that is known before the first answer. */
  readonly validator?: string | null;
}

export interface TransferProgress {
  readonly doneBytes: number;
  /** Bytes received by this run, those that were received twice included. */
  readonly receivedBytes: number;
  readonly connections: number;
}

/** Times that a download may begin anew before the server is taken to be unable to send the file. */
const MOST_RESTARTS = 3;

/**
 * Fetches what is missing of a file and checks the whole of it. Resolves when every byte is in the partial file and
 * its digest is the object id, with that digest; otherwise throws, with what was received kept for the next attempt
 * unless it is known to be wrong.
 * @throws QuantscopeError `hub/wrong-bytes`, `hub/changed`, `hub/not-the-file`, `hub/disk-full`, `hub/unreachable`,
 *   `hub/rate-limited`, ...; the signal's reason
 */
export async function transfer(
  request: TransferRequest,
  partial: PartialFile,
  context: HubContext,
): Promise<string> {
  const digest = new RunningDigest(request.objectId ?? '', request.sizeBytes);
  partial.validator ??= request.validator ?? null;
  try {
    for (let restarts = 0; ; restarts++) {
      const round = new TransferRound(request, partial, digest, context);
      try {
        await round.run();
        const got = await digest.finish(partial.handle, partial.done);
        const { objectId } = request;
        if (objectId === null || got === objectId) return got;
        throw new Restart(wrongBytes(request.what, got, objectId));
      } catch (thrown) {
        if (!(thrown instanceof Restart)) throw thrown;
        await digest.settle();
        digest.reset();
        await partial.reset(request.validator ?? null);
        // Wrong bytes twice are what the server has: a third time would be the same.
        const most = thrown.cause.code === 'hub/changed' ? MOST_RESTARTS : 1;
        if (restarts >= most) throw thrown.cause;
        context.notice(`${thrown.cause.message}; starting over`);
      }
    }
  } finally {
    await digest.settle();
  }
}

function wrongBytes(what: string, got: string, objectId: string): QuantscopeError {
  const algorithm = objectId.length === 40 ? 'git SHA-1' : 'SHA-256';
  return new QuantscopeError(
    'hub/wrong-bytes',
    `${what}: the bytes that came have the ${algorithm} ${got}, expected ${objectId}`,
    {
      hint: 'What came was thrown away. Try again; if it happens again, a proxy or the server spoils the file.',
    },
  );
}
