import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { ByteSource } from '../../io/index.ts';
import { QuantscopeError } from '../../util/errors.ts';
import { packagePath } from '../../util/package-files.ts';
import { type ContentReport, ContentScan, type TensorExtent, viewsOf } from '../../validate/index.ts';
import type { ContentReply, ContentTask } from './content-worker.ts';

const WORKER_MODULE = packagePath('dist/content-worker.cjs');
/** Smaller files are read on this thread: starting a worker takes longer than hashing them. */
const INLINE_BYTES = 16 * 1024 * 1024;
const INLINE_PIECE_BYTES = 512 * 1024;
/** The widest number of a view, of which its buffer is a multiple. */
const VIEW_BYTES = 4;

export interface ContentRequest {
  readonly source: ByteSource;
  /** The path of the same file. */
  readonly path: string;
  /** What to check; empty for the hash alone. */
  readonly extents: readonly TensorExtent[];
  readonly withTensorHashes: boolean;
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => void;
}

/** Reads whole files once, for their hash and their content: each large one in a worker thread of its own. */
export class ContentReader implements AsyncDisposable {
  readonly #limit: number;
  readonly #all: Worker[] = [];
  readonly #idle: Worker[] = [];
  readonly #waiting: ((worker: Worker) => void)[] = [];
  #closed = false;

  /** @param limit of threads at the same time */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Starts a thread while the header is still being read, where the file will need one. */
  prepare(fileBytes: number): void {
    const isWanted = fileBytes > INLINE_BYTES && this.#all.length < this.#limit && !this.#closed;
    if (isWanted) this.#idle.push(this.#start());
  }

  /** @throws QuantscopeError `io/read-failed`, or the signal's reason */
  async read(request: ContentRequest): Promise<ContentReport> {
    if (request.source.byteLength <= INLINE_BYTES) return readInline(request);
    const worker = await this.#take();
    try {
      return await readInWorker(worker, request);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(worker);
      else next(worker);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#all.map((worker) => worker.terminate()));
  }

  async #take(): Promise<Worker> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#all.length >= this.#limit) return new Promise((resolve) => this.#waiting.push(resolve));
    return this.#start();
  }

  /** @throws QuantscopeError once it was closed: a file that was begun beside one that failed starts nothing more */
  #start(): Worker {
    if (this.#closed)
      throw new QuantscopeError('io/read-failed', 'the check was ended before the file was read');
    const worker = new Worker(WORKER_MODULE);
    this.#all.push(worker);
    return worker;
  }
}

async function readInline(request: ContentRequest): Promise<ContentReport> {
  const { source, extents, withTensorHashes, signal, onBytes } = request;
  // Half a mebibyte for each of thousands of small files would be garbage faster than it is collected.
  const pieceBytes = Math.min(INLINE_PIECE_BYTES, Math.ceil(source.byteLength / VIEW_BYTES) * VIEW_BYTES);
  const views = viewsOf(new ArrayBuffer(pieceBytes));
  const scan = new ContentScan(extents, withTensorHashes);
  const sha256 = createHash('sha256');
  for (let start = 0; start < source.byteLength; start += INLINE_PIECE_BYTES) {
    const length = Math.min(INLINE_PIECE_BYTES, source.byteLength - start);
    const target = views.u8.subarray(0, length);
    if (source.readInto !== undefined) await source.readInto(start, target, signal);
    else target.set(await source.read(start, start + length, signal));
    sha256.update(target);
    scan.feed(views, length, start);
    onBytes(start + length);
  }
  return { sha256: sha256.digest('hex'), tensors: scan.results() };
}

/** The worker reads the file itself, so that its bytes never leave the cache of the core that hashes them. */
function readInWorker(worker: Worker, request: ContentRequest): Promise<ContentReport> {
  const { source, path, extents, withTensorHashes, signal, onBytes } = request;
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      worker.off('message', onMessage);
      worker.off('error', onError);
      worker.off('exit', onExit);
      signal.removeEventListener('abort', onAbort);
    };
    const onMessage = (reply: ContentReply): void => {
      if (reply.kind === 'progress') {
        onBytes(reply.bytes);
        return;
      }
      finish();
      if (reply.kind === 'done') resolve(reply.report);
      else reject(new QuantscopeError('io/read-failed', `${path}: ${reply.message}`));
    };
    const onError = (cause: unknown): void => {
      finish();
      reject(cause);
    };
    const onExit = (): void => {
      finish();
      reject(new QuantscopeError('io/read-failed', `${path}: the thread that read it was ended`));
    };
    const onAbort = (): void => {
      finish();
      // It is in the middle of a synchronous loop; the whole run ends with it.
      void worker.terminate();
      reject(signal.reason);
    };
    worker.on('message', onMessage);
    worker.on('error', onError);
    worker.on('exit', onExit);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const task: ContentTask = { path, fileBytes: source.byteLength, extents, withTensorHashes };
    worker.postMessage(task);
  });
}
