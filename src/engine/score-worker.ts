import { parentPort } from 'node:worker_threads';
import { viewMemory } from './llama-cpp/memory-view.ts';
import { PROGRESS, type RowJob, RowScorer } from './row-scorer.ts';

/** A thread that helps to score: each message is a job, which others work on as well. */
let scorer: { readonly vocabularySize: number; readonly rows: RowScorer } | undefined;

parentPort?.on('message', (job: RowJob) => {
  const { vocabularySize, progress } = job;
  if (scorer?.vocabularySize !== vocabularySize) {
    scorer = { vocabularySize, rows: new RowScorer(vocabularySize, viewMemory) };
  }
  try {
    scorer.rows.work(job);
  } catch {
    // The thread that waits finds out why: it does this block again.
    Atomics.store(progress, PROGRESS.failed, 1);
    Atomics.add(progress, PROGRESS.finishedBlocks, 1);
    Atomics.notify(progress, PROGRESS.finishedBlocks);
  }
});
