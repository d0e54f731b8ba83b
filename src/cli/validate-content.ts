import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { ByteSource } from '../io/index.ts';
import { QuantscopeError } from '../util/errors.ts';
import { type ContentReport, ContentScan, type TensorContent, type TensorExtent, viewsOf } from '../validate/index.ts';
import { CONTROL, createRing, type Ring, SLOT_BYTES, stopRing } from './validate-content-ring.ts';
import type { ContentReply, ContentTask } from './validate-content-worker.ts';

const WORKER_MODULE = new URL('./validate-content-worker.js', import.meta.url);
/** Smaller files are read on this thread: starting two workers takes longer than hashing them. */
const INLINE_BYTES = 16 * 1024 * 1024;
const PROGRESS_MS = 100;

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

/** Reads whole files once, for their hash and their content. Large ones in two threads that share buffers. */
export class ContentReader implements AsyncDisposable {
  readonly #pairs: readonly Pair[];
  readonly #idle: Pair[];
  readonly #waiting: ((pair: Pair) => void)[] = [];

  /** @param pairs of threads at the same time */
  constructor(pairs: number) {
    this.#pairs = Array.from({ length: pairs }, () => new Pair());
    this.#idle = [...this.#pairs];
  }

  /** @throws QuantscopeError `io/read-failed`, or the signal's reason */
  async read(request: ContentRequest): Promise<ContentReport> {
    if (request.source.byteLength <= INLINE_BYTES) return readInline(request);
    const pair = this.#idle.pop() ?? (await new Promise<Pair>((resolve) => this.#waiting.push(resolve)));
    try {
      request.signal.throwIfAborted();
      return await pair.read(request);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(pair);
      else next(pair);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#pairs.map((pair) => pair.end()));
  }
}

async function readInline(request: ContentRequest): Promise<ContentReport> {
  const { source, extents, withTensorHashes, signal, onBytes } = request;
  const views = viewsOf(new ArrayBuffer(Math.min(SLOT_BYTES, Math.ceil(source.byteLength / 4) * 4)));
  const scan = new ContentScan(extents, withTensorHashes);
  const sha256 = createHash('sha256');
  for (let start = 0; start < source.byteLength; start += SLOT_BYTES) {
    const length = Math.min(SLOT_BYTES, source.byteLength - start);
    const target = views.u8.subarray(0, length);
    if (source.readInto !== undefined) await source.readInto(start, target, signal);
    else target.set(await source.read(start, start + length, signal));
    sha256.update(target);
    scan.feed(views, length, start);
    onBytes(start + length);
  }
  return { sha256: sha256.digest('hex'), tensors: scan.results() };
}

/** Two threads that work on one file at a time, started when first needed. */
class Pair {
  #reader: Worker | undefined;
  #hasher: Worker | undefined;
  #nextId = 0;

  async read({ source, path, extents, withTensorHashes, signal, onBytes }: ContentRequest): Promise<ContentReport> {
    this.#reader ??= new Worker(WORKER_MODULE);
    this.#hasher ??= new Worker(WORKER_MODULE);
    const ring = createRing();
    const id = this.#nextId++;
    const fileBytes = source.byteLength;
    const written = new Int32Array(ring.control);
    const progress = setInterval(
      () => onBytes(Math.min(fileBytes, Atomics.load(written, CONTROL.written) * SLOT_BYTES)),
      PROGRESS_MS,
    );
    const stop = (): void => stopRing(ring);
    signal.addEventListener('abort', stop, { once: true });
    try {
      const [read, hashed] = await Promise.all([
        run(this.#reader, { id, ring, fileBytes, role: 'read', path, extents, withTensorHashes }, ring),
        run(this.#hasher, { id, ring, fileBytes, role: 'hash' }, ring),
      ]);
      signal.throwIfAborted();
      // The reader first: where it failed, the other thread merely stopped.
      const tensors = tensorsOf(read, path);
      return { sha256: sha256Of(hashed, path), tensors };
    } finally {
      clearInterval(progress);
      signal.removeEventListener('abort', stop);
    }
  }

  async end(): Promise<void> {
    await Promise.all([this.#reader?.terminate(), this.#hasher?.terminate()]);
  }
}

function run(worker: Worker, task: ContentTask, ring: Ring): Promise<ContentReply> {
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      worker.off('message', onMessage);
      worker.off('error', onError);
    };
    const onMessage = (reply: ContentReply): void => {
      if (reply.id !== task.id) return;
      finish();
      resolve(reply);
    };
    const onError = (cause: unknown): void => {
      finish();
      // The other thread waits for this one.
      stopRing(ring);
      reject(cause);
    };
    worker.on('message', onMessage);
    worker.on('error', onError);
    worker.postMessage(task);
  });
}

function tensorsOf(reply: ContentReply, path: string): readonly TensorContent[] {
  if ('tensors' in reply) return reply.tensors;
  throw new QuantscopeError('io/read-failed', `${path}: ${'failed' in reply ? reply.failed : 'no answer'}`);
}

function sha256Of(reply: ContentReply, path: string): string {
  if ('sha256' in reply) return reply.sha256;
  throw new QuantscopeError('io/read-failed', `${path}: ${'failed' in reply ? reply.failed : 'no answer'}`);
}
