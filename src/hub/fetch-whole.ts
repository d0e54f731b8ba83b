import { dirname } from 'node:path';
import type { HubContext } from './context.ts';
import { requireSpace } from './disk.ts';
import { PartialFile, type PartialOrigin } from './partial.ts';
import { type TransferRequest, transfer } from './transfer.ts';

export interface WholeFile extends TransferRequest {
  /** The partial file. */
  readonly target: string;
  /** What the partial file is a part of: what an earlier attempt left of anything else is not used. */
  readonly origin: PartialOrigin;
}

/**
 * Brings a partial file to its end, checked and written through to the disk, so that it can take its name. What came
 * before a failure stays for the next attempt.
 * @returns the digest of what came
 * @throws QuantscopeError what {@link transfer} throws, `hub/no-space`; what the file system throws; the signal's reason
 */
export async function fetchWhole(file: WholeFile, context: HubContext): Promise<string> {
  const { what, target, sizeBytes } = file;
  const partial = await PartialFile.open(target, file.origin);
  let isComplete = false;
  try {
    await requireSpace(dirname(target), sizeBytes - partial.done.bytes, what);
    file.onProgress({ doneBytes: partial.done.bytes, receivedBytes: 0, connections: 0 });
    const digest = await transfer(file, partial, context);
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
