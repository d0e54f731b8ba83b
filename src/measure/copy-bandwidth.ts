import { Worker } from 'node:worker_threads';

/** Far beyond any cache, so that memory is what is measured. */
const BUFFER_BYTES = 128 * 1024 * 1024;
const COPIES = 4;

/** Runs in every worker: copies when told to and answers with its start and end on the shared clock. */
const WORKER_SOURCE = `
const { parentPort, workerData } = require('node:worker_threads');
const from = Buffer.alloc(workerData.bufferBytes, 1);
const to = Buffer.alloc(workerData.bufferBytes, 2);
from.copy(to);
parentPort.postMessage('ready');
parentPort.on('message', () => {
  const started = process.hrtime.bigint();
  for (let i = 0; i < workerData.copies; i++) from.copy(to);
  parentPort.postMessage({ started, ended: process.hrtime.bigint() });
});
`;

/**
 * Bytes a second that this machine's memory copies with `threads` threads at once, counted as STREAM counts its Copy:
 * every byte is read once and written once (https://www.cs.virginia.edu/stream/ref.html).
 */
export async function measureCopyBandwidth(threads: number, signal?: AbortSignal): Promise<number> {
  const workers = Array.from(
    { length: threads },
    () => new Worker(WORKER_SOURCE, { eval: true, workerData: { bufferBytes: BUFFER_BYTES, copies: COPIES } }),
  );
  const stop = () => void Promise.all(workers.map((worker) => worker.terminate()));
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await Promise.all(workers.map((worker) => nextMessage(worker)));
    for (const worker of workers) worker.postMessage('go');
    const spans = (await Promise.all(workers.map((worker) => nextMessage(worker)))) as Span[];
    const started = spans.reduce((first, span) => (span.started < first ? span.started : first), MAX);
    const ended = spans.reduce((last, span) => (span.ended > last ? span.ended : last), 0n);
    const copiedBytes = 2 * BUFFER_BYTES * COPIES * threads;
    return copiedBytes / (Number(ended - started) / 1e9);
  } finally {
    signal?.removeEventListener('abort', stop);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

interface Span {
  readonly started: bigint;
  readonly ended: bigint;
}
const MAX = 2n ** 63n;

function nextMessage(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the copying thread ended early')));
  });
}
