import { Worker } from 'node:worker_threads';
import type { TemplateAnswer, TemplateQuestion } from './template-messages.ts';

/**
 * The process that looks at chat templates. They are programs from files nobody vouches for: `range(1e9)` takes the
 * process down that renders it, so it is this one and not the one that validates. A thread of it does the work, and
 * this one watches the time: of the processor, since on a busy machine the clock goes on while nothing is rendered.
 */

/** Parsing and rendering a plain conversation take some milliseconds. */
const LIMIT_CPU_MS = 500;
const LOOK_EVERY_MS = 20;
const HEAP_MEBIBYTES = 64;

const worker = new Worker(new URL('./template-worker.js', import.meta.url), {
  resourceLimits: { maxOldGenerationSizeMb: HEAP_MEBIBYTES },
});
let timer: NodeJS.Timeout | undefined;
let asked = 0;

process.on('message', (question: TemplateQuestion) => {
  asked = question.id;
  worker.postMessage(question);
});
// Whoever asked is gone; a rendering without end would go on without them.
process.on('disconnect', () => process.exit());

worker.on('message', (answer: TemplateAnswer) => {
  if (answer.step === 'begun') watch();
  if (answer.step === 'rendered') clearInterval(timer);
  process.send?.(answer);
});
worker.on('error', () => {
  end(`rendering it ran out of ${HEAP_MEBIBYTES} MiB of memory, or of stack`);
});

function watch(): void {
  const before = process.cpuUsage();
  timer = setInterval(() => {
    const { user, system } = process.cpuUsage(before);
    if (user + system < LIMIT_CPU_MS * 1000) return;
    end(`it took longer than ${LIMIT_CPU_MS} ms of processor time to render and was ended`);
  }, LOOK_EVERY_MS);
}

function end(reason: string): void {
  clearInterval(timer);
  const answer: TemplateAnswer = { id: asked, step: 'ended', reason };
  process.send?.(answer);
}
