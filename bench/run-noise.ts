// How far runs of one build differ on this machine, and what the rules of noise make of pairs of them: npx tsx
// bench/run-noise.ts [REF] [--runs 12] [--seconds 240] [--busy]. Every pair of runs is of one build, so that each change
// that is told is a false alarm: one run against one, and three against three. --busy has another process compute beside
// half of the runs. It wants a machine that does nothing else; what says so is whether the runs call themselves disturbed.
// --keep DIR leaves the results of the runs there, and --from DIR judges such results instead of measuring.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compareWithBaseline } from '../src/measure/baseline.ts';
import { mergeResults } from '../src/measure/merge.ts';
import { logRatesByRun } from '../src/measure/pool-runs.ts';
import { LEAST_RUN_SPREAD } from '../src/measure/run-noise.ts';
import { median, sampleStandardDeviation } from '../src/measure/statistics.ts';
import { isAvailable } from '../src/schema/availability.ts';
import { type Results, resultsSchema } from '../src/schema/results.ts';

const BIN = fileURLToPath(new URL('../bin/quantscope.js', import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '12' },
    seconds: { type: 'string', default: '240' },
    busy: { type: 'boolean', default: false },
    keep: { type: 'string' },
    from: { type: 'string' },
    prompt: { type: 'string', default: '128' },
    generate: { type: 'string', default: '32' },
  },
});
const [ref = 'nano'] = positionals;

const runs = values.from === undefined ? await measure() : await readRuns(values.from);
report();

/** Runs one after the other, until there are enough or the time is over. */
async function measure(): Promise<Results[]> {
  const folder = values.keep ?? (await mkdtemp(join(tmpdir(), 'quantscope-run-noise-')));
  await mkdir(folder, { recursive: true });
  const tests = [
    '-p',
    values.prompt,
    '-n',
    values.generate,
    '-d',
    '16',
    '-r',
    '5',
    '-t',
    '1',
    '--gpu',
    'off',
  ];
  try {
    const until = performance.now() + Number(values.seconds) * 1000;
    for (let run = 0; run < Number(values.runs) && performance.now() < until; run++) {
      const other = values.busy && run % 2 === 1 ? compute() : null;
      try {
        const out = join(folder, `${String(run).padStart(3, '0')}.json`);
        execFileSync(
          process.execPath,
          [BIN, 'compare', ref, '--only', 'speed', ...tests, '-q', '--out', out],
          {
            stdio: ['ignore', 'ignore', 'inherit'],
          },
        );
      } finally {
        other?.kill();
      }
    }
    return await readRuns(folder);
  } finally {
    if (values.keep === undefined) await rm(folder, { recursive: true, force: true });
  }
}

async function readRuns(folder: string): Promise<Results[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  return Promise.all(
    names.map(async (name) => resultsSchema.parse(JSON.parse(await readFile(join(folder, name), 'utf8')))),
  );
}

/** A process that takes a core. */
function compute(): ChildProcess {
  return spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
}

function report(): void {
  const isDisturbed = ({ variants }: Results) =>
    variants.some(({ speed }) => isAvailable(speed) && speed.disturbed !== undefined);
  say(`${ref}: ${runs.length} runs, of which ${runs.filter(isDisturbed).length} call themselves disturbed`);
  for (const test of ['prompt', 'generation'] as const) {
    const spreads = (runs[0]?.variants ?? []).map(({ name }) => {
      const medians = runs.flatMap(({ variants }) => {
        const speed = variants.find((variant) => variant.name === name)?.speed;
        const rate = speed !== undefined && isAvailable(speed) ? speed[test] : undefined;
        if (rate === undefined || !isAvailable(rate)) return [];
        return logRatesByRun(rate).map(median);
      });
      return { name, percent: 100 * sampleStandardDeviation(medians) };
    });
    const each = spreads.map(({ name, percent }) => `${name} ${percent.toFixed(2)}`).join(', ');
    say(
      `${test}: standard deviation of runs' medians ${each} %; ${LEAST_RUN_SPREAD * 100} % at least is assumed of one run alone`,
    );
  }
  const single = pairs(runs.map((run) => [run]));
  const triples = runs.flatMap((_, at) => (at % 3 === 2 ? [runs.slice(at - 2, at + 1)] : []));
  for (const [what, all] of [
    ['one run against one', single],
    ['three runs against three', pairs(triples)],
  ] as const) {
    const verdicts = all.map(([before, after]) => compareWithBaseline(pooled(after), pooled(before)).changes);
    const timed = verdicts.map((changes) => changes.filter(({ unit }) => unit === 'tokens/s'));
    const cried = timed.filter((changes) => changes.some(({ verdict }) => /better|worse/.test(verdict)));
    const refused = timed.filter((changes) => changes.some(({ verdict }) => verdict === 'disturbed'));
    say(
      `${what}: ${cried.length} of ${all.length} pairs cry wolf, ${refused.length} are not judged: disturbed`,
    );
  }
}

function pairs<Value>(values: readonly Value[]): (readonly [Value, Value])[] {
  return values.flatMap((one, at) => values.slice(at + 1).map((other) => [one, other] as const));
}

/** Several runs as the program puts them together. */
function pooled(group: readonly Results[]): Results {
  const [merged] = mergeResults(group.map((results, index) => ({ path: String(index), results })));
  if (merged === undefined) throw new Error('no runs');
  return merged.results;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
