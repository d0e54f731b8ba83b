import type { FileHandle } from 'node:fs/promises';
import type { RangeSet } from './byte-ranges.ts';
import { type Hasher, startHasher } from './hasher.ts';

/** Bytes read at once to catch up. */
const STEP_BYTES = 1024 * 1024;

/**
 * Hashes a file in order while its parts arrive in any: what comes next is taken from memory, the rest is read back
 * once the gap before it is closed.
 */
export class RunningDigest {
  readonly #objectId: string;
  readonly #sizeBytes: number;
  #hasher: Hasher;
  #position = 0;
  #catchingUp: Promise<void> | undefined;
  /** For what is read back: one for all times, since memory outside the heap is collected late. */
  #readBack: Uint8Array | undefined;

  /** @param objectId what the digest shall be: 64 hex digits for SHA-256, 40 for a git blob's SHA-1 */
  constructor(objectId: string, sizeBytes: number) {
    this.#objectId = objectId;
    this.#sizeBytes = sizeBytes;
    this.#hasher = startHasher(objectId, sizeBytes);
  }

  reset(): void {
    this.#hasher.end();
    this.#hasher = startHasher(this.#objectId, this.#sizeBytes);
    this.#position = 0;
  }

  /**
   * Takes bytes that are about to be written, where they are the next in order.
   * @returns a promise to wait for before their memory is used again, where it needs them for longer
   */
  offer(start: number, bytes: Uint8Array): Promise<void> | undefined {
    if (this.#catchingUp !== undefined || start !== this.#position) return undefined;
    this.#position += bytes.length;
    return this.#hasher.update(bytes);
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
    return this.#hasher.digest();
  }

  /** Waits for a run under way, whatever comes of it. */
  async settle(): Promise<void> {
    await this.#catchingUp?.catch(() => {});
  }

  /** To be called at the end, whatever came of it. */
  async end(): Promise<void> {
    await this.settle();
    this.#hasher.end();
  }

  async #read(handle: FileHandle, done: RangeSet): Promise<void> {
    for (;;) {
      const reach = Math.min(done.reachFrom(this.#position), this.#position + STEP_BYTES);
      if (reach <= this.#position) return;
      this.#readBack ??= new Uint8Array(new SharedArrayBuffer(STEP_BYTES));
      const buffer = this.#readBack;
      const { bytesRead } = await handle.read(buffer, 0, reach - this.#position, this.#position);
      // The file is shorter than what was recorded of it: the digest comes out wrong, which is what it is for.
      if (bytesRead === 0) return;
      this.#position += bytesRead;
      await this.#hasher.update(buffer.subarray(0, bytesRead));
    }
  }
}
