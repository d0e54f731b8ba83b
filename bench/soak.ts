/**
 * Many comparisons in one process through the library, and what they leave behind: memory after a forced collection,
 * open files, handles, child processes, temporary files, listeners of the process and of the one signal they share.
 * Memory is judged by a line through the later half of the runs. Afterwards runs that are aborted, each at another of
 * their steps. Exit code 1 where something is left or grows.
 *
 *     npm run build && npm run bench:soak -- [--runs 200] [--aborts 20] [--refs nano:Q4_K_M,nano:Q2_K]
 *         [--only size,speed,memory,accuracy] [--threads 1] [--tasks 2]
 *
 * The settings are the least that go through every stage: a leak does not ask how long a run takes.
 */
import { getEventListeners } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type CompareRequest, compare } from '../dist/index.js';
import { type Leftovers, leftovers, settledMemory } from '../test/helpers/leftovers.ts';
import { laterTrend, verdictOf } from './trend.ts';

/** Less than this for each run is 10 MB in two hundred: what allocators do, not a leak of a comparison. */
const LARGEST_GROWTH_BYTES = 50 * 1024;
/** Fewer show how the heap fills up at first, and nothing else. */
const LEAST_RUNS = 20;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    aborts: { type: 'string', default: '20' },
    refs: { type: 'string', default: 'nano:Q4_K_M,nano:Q2_K' },
    only: { type: 'string', default: 'size,speed,memory,accuracy' },
    threads: { type: 'string', default: '1' },
    tasks: { type: 'string', default: '2' },
  },
});
const runs = Number(values.runs);
const aborts = Number(values.aborts);
const refs = values.refs.split(',');

// Temporary files of other processes are not ours to count.
const folder = mkdtempSync(join(tmpdir(), 'soak-'));
process.env['TMPDIR'] = folder;
const tasks = join(folder, 'tasks.jsonl');
const allTasks = readFileSync(new URL('../fixtures/nano/tasks.jsonl', import.meta.url), 'utf8');
writeFileSync(tasks, `${allTasks.split('\n').slice(0, Number(values.tasks)).join('\n')}\n`);

const request: CompareRequest = {
  quick: true,
  only: values.only.split(',') as NonNullable<CompareRequest['only']>,
  threads: Number(values.threads),
  tasks,
  chunks: 2,
  context: 64,
  prompt: 16,
  generate: 4,
  depth: 16,
};

const kibibytes = (bytes: number): string => (bytes / 1024).toFixed(1);
const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
const describe = (left: Leftovers, onSignal: number): string =>
  `${left.openFiles} open files, ${left.children} children, ${left.temporary} temporary, ` +
  `${left.listeners} listeners, ${onSignal} on the signal, ${JSON.stringify(left.resources)}`;

let failed = false;
const judge = (isGood: boolean, text: string): void => {
  failed ||= !isGood;
  process.stdout.write(`${isGood ? 'ok  ' : 'FAIL'}  ${text}\n`);
};

/** One signal for all: what each run leaves on it adds up. */
const { signal } = new AbortController();
let steps = 0;
await compare(refs, { ...request, signal, progress: ({ kind }) => kind === 'step' && steps++ });
const first = { ...leftovers(), onSignal: getEventListeners(signal, 'abort').length };
process.stdout.write(`after the first run: ${describe(first, first.onSignal)}; ${steps} steps\n`);

const resident: number[] = [];
const heap: number[] = [];
const began = performance.now();
for (let run = 1; run <= runs; run++) {
  const results = await compare(refs, { ...request, signal });
  const broken = results.variants.find(({ status }) => status !== 'ok');
  if (broken !== undefined) throw new Error(`run ${run}: ${broken.name}: ${broken.failure?.message}`);
  const { residentBytes, heapBytes } = settledMemory();
  resident.push(residentBytes);
  heap.push(heapBytes);
  if (run % 10 !== 0 && run !== runs) continue;
  const left = describe(leftovers(), getEventListeners(signal, 'abort').length);
  process.stdout.write(
    `run ${run}: RSS ${mebibytes(residentBytes)} MiB, heap ${mebibytes(heapBytes)} MiB, ${left}\n`,
  );
}
const seconds = (performance.now() - began) / 1000;
process.stdout.write(`${runs} runs in ${seconds.toFixed(0)} s, load average ${loadavg()[0]?.toFixed(1)}\n`);

for (const [name, series] of [
  ['RSS', resident],
  ['heap', heap],
] as const) {
  const trend = laterTrend(series);
  const verdict = runs < LEAST_RUNS ? 'too few runs to tell' : verdictOf(trend, LARGEST_GROWTH_BYTES);
  judge(
    verdict === 'flat' || runs < LEAST_RUNS,
    `${name}: ${kibibytes(trend.slope)} ± ${kibibytes(trend.margin)} KiB a run in the later half: ${verdict}`,
  );
}
judgeLeftovers(`after ${runs} runs`);

for (let index = 0; index < aborts; index++) {
  const controller = new AbortController();
  // Each at another step, spread over the whole run.
  let left = Math.max(1, Math.round(((index + 0.5) / aborts) * steps));
  const stopped = await compare(refs, {
    ...request,
    signal: controller.signal,
    progress: ({ kind }) => {
      if (kind === 'step' && --left === 0) controller.abort();
    },
  }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (stopped !== controller.signal.reason) throw new Error(`abort ${index + 1}: ${stopped}`);
}
judgeLeftovers(`after ${aborts} aborted runs`);
rmSync(folder, { recursive: true });
process.exitCode = failed ? 1 : 0;

function judgeLeftovers(when: string): void {
  const left = leftovers();
  const onSignal = getEventListeners(signal, 'abort').length;
  const isSame =
    left.openFiles === first.openFiles &&
    // tsx keeps one of its own.
    left.children === first.children &&
    left.temporary === 0 &&
    left.listeners === first.listeners &&
    onSignal === first.onSignal;
  judge(isSame, `${when}: ${describe(left, onSignal)}`);
}
