import { Worker } from 'node:worker_threads';
import { packagePath } from '../util/package-files.ts';
import { viewMemory } from './llama-cpp/memory-view.ts';
import { blockRows, COLUMN_COUNT, PROGRESS, type RowJob, RowScorer } from './row-scorer.ts';

const WORKER_MODULE = packagePath('dist/engine-score.js');

/** Logits that one thread scores in 10 ms or so: for fewer, waking another takes longer than it saves. */
const LOGITS_FOR_A_THREAD = 2 ** 22;

/**
 * Scores rows of logits on this thread and others beside it, as llama-perplexity does: evaluation has the processor
 * first, then the arithmetic has all of it.
 */
export class ScoringThreads {
  readonly vocabularySize: number;
  readonly #rows: RowScorer;
  readonly #workers: Worker[] = [];

  constructor(vocabularySize: number) {
    this.vocabularySize = vocabularySize;
    this.#rows = new RowScorer(vocabularySize, viewMemory);
  }

  /**
   * @param threads at most, this one among them
   * @returns COLUMN_COUNT numbers a row
   * @throws what reading or writing the file throws
   */
  score(
    { address, nextTokens, file }: Pick<RowJob, 'address' | 'nextTokens' | 'file'>,
    threads: number,
  ): Float64Array {
    const job: RowJob = {
      address,
      vocabularySize: this.vocabularySize,
      nextTokens,
      file,
      scores: new Float64Array(new SharedArrayBuffer(8 * COLUMN_COUNT * nextTokens.length)),
      progress: new Int32Array(new SharedArrayBuffer(4 * Object.keys(PROGRESS).length)),
    };
    const useful = Math.ceil((nextTokens.length * this.vocabularySize) / LOGITS_FOR_A_THREAD);
    for (const worker of this.#helpers(Math.min(threads, useful) - 1)) worker.postMessage(job);
    this.#rows.work(job);
    // Every block is taken; those of other threads may not be done. One that starts late finds nothing left.
    const blocks = Math.ceil(nextTokens.length / blockRows(job));
    for (;;) {
      const finished = Atomics.load(job.progress, PROGRESS.finishedBlocks);
      if (finished >= blocks) break;
      Atomics.wait(job.progress, PROGRESS.finishedBlocks, finished);
    }
    if (Atomics.load(job.progress, PROGRESS.failed) === 0) return job.scores;
    job.progress.fill(0);
    this.#rows.work(job);
    return job.scores;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.splice(0).map((worker) => worker.terminate()));
  }

  #helpers(count: number): readonly Worker[] {
    while (this.#workers.length < count) {
      const worker = new Worker(WORKER_MODULE);
      worker.unref();
      this.#workers.push(worker);
    }
    return this.#workers.slice(0, Math.max(0, count));
  }
}
