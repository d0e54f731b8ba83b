import { Worker } from 'node:worker_threads';

/** All buffers together: beyond any cache, and a small part of any machine that runs language models. */
const TOTAL_BYTES = 256 * 1024 * 1024;
/** A few cores are enough to use all of the memory's bandwidth; more would only shrink the buffers into caches. */
const MOST_THREADS = 8;
const COPIES = 8;

/** Runs in every worker: copies when told to and answers with when it started and ended. */
const WORKER_SOURCE = `
const { parentPort, workerData } = require('node:worker_threads');
const from = Buffer.alloc(workerData.bufferBytes, 1);
const to = Buffer.alloc(workerData.bufferBytes, 2);
from.copy(to);
parentPort.postMessage('ready');
parentPort.on('message', () => {
  const started = Number(process.hrtime.bigint());
  for (let i = 0; i < workerData.copies; i++) from.copy(to);
  parentPort.postMessage({ started, ended: Number(process.hrtime.bigint()) });
});
`;

/**
 * Bytes a second that this machine's memory copies with its cores at work at once, counted as STREAM counts its Copy:
 * every byte is read once and written once (https://www.cs.virginia.edu/stream/ref.html).
 */
export async function measureCopyBandwidth(cores: number, signal?: AbortSignal): Promise<number> {
  const threads = Math.min(cores, MOST_THREADS);
  const bufferBytes = Math.floor(TOTAL_BYTES / (2 * threads));
  const workerData = { bufferBytes, copies: COPIES };
  const workers = Array.from(
    { length: threads },
    () => new Worker(WORKER_SOURCE, { eval: true, workerData }),
  );
  const stop = () => void Promise.all(workers.map((worker) => worker.terminate()));
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await Promise.all(workers.map((worker) => nextMessage(worker)));
    for (const worker of workers) worker.postMessage('go');
    const spans = (await Promise.all(workers.map((worker) => nextMessage(worker)))) as Span[];
    const startedNs = Math.min(...spans.map(({ started }) => started));
    const endedNs = Math.max(...spans.map(({ ended }) => ended));
    const copiedBytes = 2 * bufferBytes * COPIES * threads;
    return copiedBytes / ((endedNs - startedNs) / 1e9);
  } finally {
    signal?.removeEventListener('abort', stop);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** On the machine's monotonic clock, which all threads share, in nanoseconds. */
interface Span {
  readonly started: number;
  readonly ended: number;
}

function nextMessage(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the copying thread ended early')));
  });
}
