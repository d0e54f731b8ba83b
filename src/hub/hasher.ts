import { createHash, type Hash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { messageOf, QuantscopeError } from '../util/errors.ts';

/** Hashes the bytes of a file, in order. */
export interface Hasher {
  /** Takes the next bytes. They are the caller's own again once the promise resolves; at once, where there is none. */
  readonly update: (bytes: Uint8Array) => Promise<void> | undefined;
  /** What came of all of it, in hex digits. To be called once. */
  readonly digest: () => Promise<string>;
  /** To be called at the end, whatever came of it. */
  readonly end: () => void;
}

/** Smaller files are hashed while a thread would still be starting. */
const THREAD_BYTES = 64 * 1024 * 1024;

/**
 * A hasher of a thread of its own for a large file, on this thread for another. Where server and client share two cores
 * the thread makes a download a tenth faster (`bench/download.ts`), for 9 MB of memory and no more processor time.
 * @param objectId what the digest shall be, see {@link startDigest}
 */
export function startHasher(objectId: string, sizeBytes: number): Hasher {
  // git keeps no large files.
  return objectId.length === 40 || sizeBytes < THREAD_BYTES
    ? hasherHere(startDigest(objectId, sizeBytes))
    : new HashThread();
}

/**
 * git hashes a header with a blob's length before its bytes; LFS hashes the bytes alone.
 * @param objectId 64 hex digits for SHA-256, 40 for a git blob's SHA-1
 */
export function startDigest(objectId: string, sizeBytes: number): Hash {
  if (objectId.length === 40) return createHash('sha1').update(`blob ${sizeBytes}\0`);
  return createHash('sha256');
}

function hasherHere(hash: Hash): Hasher {
  return {
    update: (bytes) => void hash.update(bytes),
    digest: async () => hash.digest('hex'),
    end: () => {},
  };
}

/** Answers each piece once it is hashed, and null with the digest. */
const THREAD_SOURCE = `
const { parentPort } = require('node:worker_threads');
const hash = require('node:crypto').createHash('sha256');
parentPort.on('message', (bytes) => {
  parentPort.postMessage(bytes === null ? hash.digest('hex') : void hash.update(bytes));
});`;

interface Waiting {
  readonly resolve: (answer: string | undefined) => void;
  readonly reject: (error: QuantscopeError) => void;
}

/** SHA-256 beside the thread that receives; shared memory is not copied on the way to it. */
class HashThread implements Hasher {
  // What this process preloads is none of its business.
  readonly #thread = new Worker(THREAD_SOURCE, { eval: true, execArgv: [] });
  /** Its answers come in order. */
  readonly #waiting: Waiting[] = [];
  #failure: QuantscopeError | undefined;

  constructor() {
    this.#thread.on('message', (answer: string | undefined) => this.#waiting.shift()?.resolve(answer));
    this.#thread.on('error', (cause) => this.#fail(messageOf(cause)));
    this.#thread.on('exit', () => this.#fail('it was ended'));
  }

  async update(bytes: Uint8Array): Promise<void> {
    await this.#ask(bytes);
  }

  async digest(): Promise<string> {
    return (await this.#ask(null)) ?? '';
  }

  end(): void {
    void this.#thread.terminate();
  }

  #ask(piece: Uint8Array | null): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#waiting.push({ resolve, reject });
      this.#thread.postMessage(piece);
    });
  }

  #fail(why: string): void {
    this.#failure ??= new QuantscopeError('hub/hashing', `the thread that checks what comes failed: ${why}`, {
      hint: 'Try again: what is here will be used. The machine may be out of memory or threads.',
    });
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}
