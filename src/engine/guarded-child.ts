import { Worker } from 'node:worker_threads';
import { packagePath } from '../util/package-files.ts';
import type { GuardedAnswer } from './guarded-process.ts';

/**
 * A process for programs from untrusted files, such as chat templates: `range(1e9)` takes the process down that renders
 * it, so it is this one. A thread of it does the work, and this one watches from outside. The time is the processor's,
 * since on a busy machine the clock goes on while nothing is rendered; the memory is what the whole process takes over
 * what it took before, native code and texts outside of the thread's heap with it.
 *
 *     node guarded-child.cjs WORKER HEAP-MEBIBYTES RESIDENT-MEBIBYTES LIMIT-MS
 *
 * The thread gets each question as it came and answers to the process that asked. A `begun` of it begins the time anew.
 */

/** Or so many times what a plain template takes here: an emulated processor needs seconds for what takes milliseconds. */
const TIMES_PLAIN = 100;
const LOOK_EVERY_MS = 20;
const YOUNG_HEAP_MEBIBYTES = 4;

const [workerModule = '', heap, most, least] = process.argv.slice(2);
const [heapMebibytes, mostMebibytes, leastLimitMs] = [Number(heap), Number(most), Number(least)];
const worker = new Worker(packagePath(workerModule), {
  resourceLimits: { maxOldGenerationSizeMb: heapMebibytes, maxYoungGenerationSizeMb: YOUNG_HEAP_MEBIBYTES },
});
let timer: NodeJS.Timeout | undefined;
let limitMs = leastLimitMs;
let asked = 0;
let residentBefore = 0;

process.on('message', (question: { readonly id: number }) => {
  asked = question.id;
  residentBefore = process.memoryUsage.rss();
  worker.postMessage(question);
});
// A terminal sends Ctrl-C to every process of the group; the one that asked decides when this one ends.
process.on('SIGINT', () => {});
// The parent is gone; work without end would go on without it.
// An exit would wait for a thread that is in native code.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

worker.on('message', (answer: GuardedAnswer) => {
  if (answer.step === 'begun') {
    limitMs = Math.max(leastLimitMs, TIMES_PLAIN * (answer.plainMs ?? 0));
    watch();
  }
  if (answer.step === 'rendered') clearInterval(timer);
  process.send?.(answer);
});
worker.on('error', () => {
  end(`rendering it ran out of ${heapMebibytes} MiB of memory, or of stack`);
});

function watch(): void {
  clearInterval(timer);
  const before = process.cpuUsage();
  timer = setInterval(() => {
    const { user, system } = process.cpuUsage(before);
    if (process.memoryUsage.rss() > residentBefore + mostMebibytes * 2 ** 20) {
      end(`rendering it ran out of ${mostMebibytes} MiB of memory`);
    } else if (user + system >= limitMs * 1000) {
      end(`it took longer than ${Math.round(limitMs)} ms of processor time to render and was ended`);
    }
  }, LOOK_EVERY_MS);
}

function end(reason: string): void {
  clearInterval(timer);
  process.send?.({ id: asked, step: 'ended', reason });
}
