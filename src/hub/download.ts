import { dirname } from 'node:path';
import { QuantscopeError } from '../util/errors.ts';
import type { HubContext } from './context.ts';
import { RunningDigest } from './digest.ts';
import { diskError, requireSpace } from './disk.ts';
import { takeLock } from './lock.ts';
import { PartialFile } from './partial.ts';
import type { Download, KeptFile } from './planned-file.ts';
import { Restart } from './retry.ts';
import { type TransferOptions, TransferRound } from './transfer-round.ts';

/**
 * Brings a file to its place: under its name only when its digest has been checked. What came before a failure stays
 * for the next attempt.
 * @throws QuantscopeError `hub/wrong-bytes`, `hub/changed`, `hub/not-the-file`, `hub/no-space`, `hub/disk-full`,
 *   `hub/unreachable`, `hub/rate-limited`, `hub/lock-lost`, ...; the signal's reason
 */
export async function downloadFile(
  file: Download,
  options: TransferOptions,
  context: HubContext,
): Promise<KeptFile> {
  const { what, partialPath } = file;
  try {
    await file.prepare();
    await using lock = await takeLock(file.lockPath, context, () => {
      context.notice(`${what}: another process is downloading it; waiting`);
    });
    const found = await file.find();
    if (found !== undefined) return found;
    const digest = await completePartial(file, options, context);
    await lock.requireHeld();
    return await file.keep(digest);
  } catch (thrown) {
    context.signal.throwIfAborted();
    if (thrown instanceof QuantscopeError) throw thrown;
    throw diskError(what, partialPath, thrown);
  }
}

/**
 * Brings the partial file to its end, checked and written through to the disk, so that it can take its name.
 * @returns the digest of what came
 */
async function completePartial(
  file: Download,
  options: TransferOptions,
  context: HubContext,
): Promise<string> {
  const { what, partialPath, sizeBytes } = file;
  const partial = await PartialFile.open(partialPath, file.origin);
  let isComplete = false;
  try {
    await requireSpace(dirname(partialPath), sizeBytes - partial.done.bytes, what);
    options.onProgress({ doneBytes: partial.done.bytes, receivedBytes: 0, connections: 0 });
    const digest = await transfer(file, options, partial, context);
    // A claim that the record makes of bytes may outlast the bytes in a loss of power, a renamed file may not.
    await partial.handle.datasync();
    isComplete = true;
    return digest;
  } finally {
    // On a full disk the record cannot be written; the one before it stays and is true.
    if (!isComplete) await partial.save().catch(() => {});
    await partial.close();
  }
}

/** Times that a download may begin anew before the server is taken to be unable to send the file. */
const MOST_RESTARTS = 3;

/** Fetches what is missing and checks the whole, from the start again where what is here is known to be wrong. */
async function transfer(
  file: Download,
  options: TransferOptions,
  partial: PartialFile,
  context: HubContext,
): Promise<string> {
  const { what, objectId, validator = null } = file;
  const digest = new RunningDigest(objectId ?? '', file.sizeBytes);
  partial.validator ??= validator;
  try {
    for (let restarts = 0; ; restarts++) {
      try {
        await new TransferRound(file, options, partial, digest, context).run();
        const got = await digest.finish(partial.handle, partial.done);
        if (objectId === null || got === objectId) return got;
        throw new Restart(wrongBytes(what, got, objectId));
      } catch (thrown) {
        if (!(thrown instanceof Restart)) throw thrown;
        await digest.settle();
        digest.reset();
        await partial.reset(validator);
        // Wrong bytes twice are what the server has: a third time would be the same.
        const most = thrown.cause.code === 'hub/changed' ? MOST_RESTARTS : 1;
        if (restarts >= most) throw thrown.cause;
        context.notice(`${thrown.cause.message}; starting over`);
      }
    }
  } finally {
    await digest.end();
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
