import { Worker } from 'node:worker_threads';
import { packagePath } from '../../util/package-files.ts';
import type { TemplateAnswer, TemplateQuestion } from './template-messages.ts';

/**
 * The process that looks at chat templates. They are programs from untrusted files: `range(1e9)` takes the
 * process down that renders it, so it is this one and not the one that validates. A thread of it does the work, and
 * this one watches the time: of the processor, since on a busy machine the clock goes on while nothing is rendered.
 */

/** Parsing and rendering a plain conversation take some milliseconds. */
const LEAST_LIMIT_MS = 300;
/** Or so many times what a plain template takes here: an emulated processor needs seconds for what takes milliseconds. */
const TIMES_PLAIN = 100;
const LOOK_EVERY_MS = 20;
/** Of the whole process, llama.cpp’s renderer included, over what it takes before. */
const RESIDENT_MEBIBYTES = 128;
/** A template of 100 KiB is parsed and rendered in a third of it; the process stays below 120 MB when it runs out. */
const HEAP_MEBIBYTES = 24;
const YOUNG_HEAP_MEBIBYTES = 4;

const worker = new Worker(packagePath('dist/template-worker.cjs'), {
  resourceLimits: { maxOldGenerationSizeMb: HEAP_MEBIBYTES, maxYoungGenerationSizeMb: YOUNG_HEAP_MEBIBYTES },
});
let timer: NodeJS.Timeout | undefined;
let limitMs = LEAST_LIMIT_MS;
let asked = 0;
let residentBefore = 0;

process.on('message', (question: TemplateQuestion) => {
  asked = question.id;
  residentBefore = process.memoryUsage.rss();
  worker.postMessage(question);
});
// The parent is gone; a rendering without end would go on without it.
process.on('disconnect', () => process.exit());

worker.on('message', (answer: TemplateAnswer) => {
  if (answer.step === 'begun') {
    limitMs = Math.max(LEAST_LIMIT_MS, TIMES_PLAIN * answer.plainMs);
    watch();
  }
  if (answer.step === 'rendered') clearInterval(timer);
  process.send?.(answer);
});
worker.on('error', () => {
  end(`rendering it ran out of ${HEAP_MEBIBYTES} MiB of memory, or of stack`);
});

function watch(): void {
  clearInterval(timer);
  const before = process.cpuUsage();
  timer = setInterval(() => {
    const { user, system } = process.cpuUsage(before);
    if (process.memoryUsage.rss() > residentBefore + RESIDENT_MEBIBYTES * 2 ** 20) {
      return end(`rendering it ran out of ${RESIDENT_MEBIBYTES} MiB of memory`);
    }
    if (user + system < limitMs * 1000) return;
    end(`it took longer than ${Math.round(limitMs)} ms of processor time to render and was ended`);
  }, LOOK_EVERY_MS);
}

function end(reason: string): void {
  clearInterval(timer);
  const answer: TemplateAnswer = { id: asked, step: 'ended', reason };
  process.send?.(answer);
}
