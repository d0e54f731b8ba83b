import type { ByteSource } from '../../src/io/byte-source.ts';
import { QuantscopeError } from '../../src/util/errors.ts';

/** Bytes in memory behind the interface of a file. Keeps a record of its reads. */
export class MemorySource implements ByteSource {
  readonly name: string;
  readonly byteLength: number;
  /** The windows that were asked for, in order: [start, end). */
  readonly reads: (readonly [start: number, end: number])[] = [];
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, name = 'memory') {
    this.#bytes = bytes;
    this.name = name;
    this.byteLength = bytes.length;
  }

  /** Bytes handed out so far. */
  get bytesRead(): number {
    return this.reads.reduce((sum, [start, end]) => sum + end - start, 0);
  }

  async read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    if (end > this.byteLength) {
      const got = Math.max(0, this.byteLength - start);
      throw new QuantscopeError(
        'io/short-read',
        `${this.name}: ${got} bytes from byte ${start} on, expected ${end - start}`,
      );
    }
    this.reads.push([start, end]);
    return this.#bytes.slice(start, end);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
