import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { RangeSet } from './byte-ranges.ts';

/** Bytes read at once to catch up. */
const STEP_BYTES = 1024 * 1024;

/**
 * Hashes a file in order while its parts arrive in any: what comes next is taken from memory, the rest is read back
 * once the gap before it is closed.
 */
export class RunningDigest {
  readonly #objectId: string;
  readonly #sizeBytes: number;
  #hash: Hash;
  #position = 0;
  #catchingUp: Promise<void> | undefined;
  /** For what is read back: one for all times, since memory outside the heap is collected late. */
  #readBack: Buffer | undefined;

  /** @param objectId what the digest shall be: 64 hex digits for SHA-256, 40 for a git blob's SHA-1 */
  constructor(objectId: string, sizeBytes: number) {
    this.#objectId = objectId;
    this.#sizeBytes = sizeBytes;
    this.#hash = startDigest(objectId, sizeBytes);
  }

  reset(): void {
    this.#hash = startDigest(this.#objectId, this.#sizeBytes);
    this.#position = 0;
  }

  /** Takes bytes that are being written, where they are the next in order. */
  offer(start: number, bytes: Uint8Array): void {
    if (this.#catchingUp !== undefined || start !== this.#position) return;
    this.#hash.update(bytes);
    this.#position += bytes.length;
  }

  /** Goes on with what is already in the file, as far as it reaches. At most one such run is under way. */
  catchUp(handle: FileHandle, done: RangeSet): Promise<void> {
    this.#catchingUp ??= this.#read(handle, done).finally(() => {
      this.#catchingUp = undefined;
    });
    return this.#catchingUp;
  }

  /** Whether there is something to catch up with. */
  isBehind(done: RangeSet): boolean {
    return this.#catchingUp === undefined && done.reachFrom(this.#position) > this.#position;
  }

  /** The digest of the whole. To be called once, when everything is in the file. */
  async finish(handle: FileHandle, done: RangeSet): Promise<string> {
    await this.#catchingUp;
    await this.#read(handle, done);
    return this.#hash.digest('hex');
  }

  /** Waits for a run under way, whatever comes of it. */
  async settle(): Promise<void> {
    await this.#catchingUp?.catch(() => {});
  }

  async #read(handle: FileHandle, done: RangeSet): Promise<void> {
    for (;;) {
      const reach = Math.min(done.reachFrom(this.#position), this.#position + STEP_BYTES);
      if (reach <= this.#position) return;
      this.#readBack ??= Buffer.allocUnsafeSlow(STEP_BYTES);
      const buffer = this.#readBack;
      const { bytesRead } = await handle.read(buffer, 0, reach - this.#position, this.#position);
      // The file is shorter than what was recorded of it: the digest comes out wrong, which is what it is for.
      if (bytesRead === 0) return;
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.#position += bytesRead;
    }
  }
}

/** git hashes a header with a blob's length before its bytes; LFS hashes the bytes alone. */
export function startDigest(objectId: string, sizeBytes: number): Hash {
  if (objectId.length === 40) return createHash('sha1').update(`blob ${sizeBytes}\0`);
  return createHash('sha256');
}
