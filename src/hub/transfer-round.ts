import { QuantscopeError } from '../util/errors.ts';
import type { BufferPool } from './buffer-pool.ts';
import { RangeQueue } from './byte-ranges.ts';
import { addConnections, type Connections, LEAST_PIECE_BYTES } from './connection-count.ts';
import type { HubContext } from './context.ts';
import type { RunningDigest } from './digest.ts';
import { diskError } from './disk.ts';
import { Link } from './location.ts';
import type { PartialFile } from './partial.ts';
import type { Download } from './planned-file.ts';
import { fetchRange, type RangeTarget } from './range-fetch.ts';
import { RetryPolicy, Transient } from './retry.ts';

/** What a kill may cost at most, beside what is on its way. */
const SAVE_EVERY_BYTES = 32 * 1024 * 1024;
const SAVE_EVERY_MS = 200;
/** Each piece is a request, and a request a connection of its own. */
const MOST_PIECE_BYTES = 256 * 1024 * 1024;

/** How files are fetched, whichever they are. */
export interface TransferOptions {
  /** At most so many at once; `auto` adds connections as long as that makes it faster. */
  readonly connections: number | 'auto';
  /** Shared with the other files that are fetched meanwhile. */
  readonly pool: BufferPool;
  readonly onProgress: (progress: TransferProgress) => void;
}

export interface TransferProgress {
  readonly doneBytes: number;
  /** Bytes received by this run, those that were received twice included. */
  readonly receivedBytes: number;
  readonly connections: number;
}

/** One pass over what is missing of a file, by as many connections as are worth it. */
export class TransferRound implements Connections, RangeTarget {
  active = 0;
  wanted = 1;
  canSplit = true;
  receivedBytes = 0;
  readonly file: Download;
  readonly link: Link;
  readonly pool: BufferPool;
  readonly #options: TransferOptions;
  readonly #partial: PartialFile;
  readonly #digest: RunningDigest;
  readonly #context: HubContext;
  readonly #retry: RetryPolicy;
  readonly #queue: RangeQueue;
  /** Ends all connections of the round when one of them finds that it cannot go on. */
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #workers: Promise<void>[] = [];
  #savedBytes = 0;
  #savedAt: number;
  #failure: unknown;

  constructor(
    file: Download,
    options: TransferOptions,
    partial: PartialFile,
    digest: RunningDigest,
    context: HubContext,
  ) {
    this.file = file;
    this.link = new Link(file);
    this.pool = options.pool;
    this.#options = options;
    this.#partial = partial;
    this.#digest = digest;
    this.#context = context;
    this.#retry = new RetryPolicy(context);
    this.#queue = new RangeQueue(partial.done.gaps(file.sizeBytes));
    this.#signal = AbortSignal.any([context.signal, this.#stop.signal]);
    this.#savedAt = context.now();
  }

  get validator(): string | null {
    return this.#partial.validator;
  }

  get missingBytes(): number {
    return this.file.sizeBytes - this.#partial.done.bytes;
  }

  /** @throws Restart; QuantscopeError `hub/*`; the signal's reason */
  async run(): Promise<void> {
    const { connections } = this.#options;
    // An earlier attempt's bytes are hashed while the rest arrives.
    this.#hashOn();
    this.start(1);
    const control =
      connections === 1
        ? undefined
        : addConnections(connections, this, this.#signal, this.#context).catch((thrown: unknown) =>
            this.#fail(thrown),
          );
    await this.#workers[0];
    await control;
    // Connections may have been added after the first one ran out of work.
    for (let index = 0; index < this.#workers.length; index++) await this.#workers[index];
    this.#context.signal.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
    if (this.missingBytes > 0) {
      throw new QuantscopeError(
        'hub/incomplete',
        `${this.file.what}: ${this.missingBytes} bytes did not come`,
      );
    }
  }

  start(count: number): void {
    this.wanted = count;
    if (count > 1) this.#queue.shorten(this.#pieceBytes());
    // Counted beforehand: one that finds nothing to do has ended already.
    for (let more = count - this.active; more > 0; more--) this.#workers.push(this.#work());
  }

  accept(validator: string | null, isWhole: boolean): void {
    if (isWhole) {
      this.canSplit = false;
      this.wanted = 1;
    }
    this.#partial.validator ??= validator;
  }

  count(bytes: number): void {
    this.receivedBytes += bytes;
  }

  #pieceBytes(): number {
    if (this.wanted === 1) return Number.MAX_SAFE_INTEGER;
    const piece = Math.ceil(this.missingBytes / (this.wanted * 3));
    return Math.min(MOST_PIECE_BYTES, Math.max(LEAST_PIECE_BYTES, piece));
  }

  /** One connection: ranges one after the other, as long as there are any and it is wanted. */
  async #work(): Promise<void> {
    this.active++;
    try {
      while (!this.#signal.aborted && this.active <= this.wanted) {
        const claim = this.#queue.claim(this.#pieceBytes());
        if (claim === undefined) return;
        try {
          await fetchRange(claim, this, this.#signal, this.#context);
        } catch (thrown) {
          this.#signal.throwIfAborted();
          // A server that will not have so many connections has fewer from here on.
          if (thrown instanceof Transient && thrown.refusal !== undefined) {
            this.wanted = Math.max(1, this.active - 1);
          }
          await this.#retry.afterFailure(thrown, this.receivedBytes, this.#signal);
        } finally {
          this.#queue.release(claim);
        }
      }
    } catch (thrown) {
      this.#fail(thrown);
    } finally {
      this.active--;
    }
  }

  #fail(thrown: unknown): void {
    // The first failure is the reason; the others are its echo.
    if (!this.#stop.signal.aborted && !this.#context.signal.aborted) this.#failure = thrown;
    this.#stop.abort(thrown);
  }

  hash(bytes: Uint8Array, at: number): Promise<void> | undefined {
    return this.#digest.offer(at, bytes);
  }

  async store(bytes: Uint8Array, at: number): Promise<void> {
    try {
      await this.#partial.write(bytes, at);
      await this.#saveNowAndThen();
    } catch (cause) {
      throw this.#diskError(cause);
    }
    this.#hashOn();
    this.#options.onProgress({
      doneBytes: this.#partial.done.bytes,
      receivedBytes: this.receivedBytes,
      connections: this.active,
    });
  }

  #diskError(cause: unknown): unknown {
    return diskError(this.file.what, this.#partial.path, cause, this.missingBytes);
  }

  async #saveNowAndThen(): Promise<void> {
    const { now } = this.#context;
    const isDue =
      this.receivedBytes - this.#savedBytes >= SAVE_EVERY_BYTES || now() - this.#savedAt >= SAVE_EVERY_MS;
    if (!isDue) return;
    this.#savedBytes = this.receivedBytes;
    this.#savedAt = now();
    await this.#partial.save();
  }

  #hashOn(): void {
    if (!this.#digest.isBehind(this.#partial.done)) return;
    this.#digest.catchUp(this.#partial.handle, this.#partial.done).catch((cause: unknown) => {
      this.#fail(this.#diskError(cause));
    });
  }
}
