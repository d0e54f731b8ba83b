/**
 * Processor time (user and system) of whole processes against `node -e 0`, alternately, medians of the ratios in a
 * round; and how many local files a second `inspect` reads in one call against one call for each.
 *
 *     npm run build && npm run bench:startup -- [rounds] [files]
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const inPackage = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const BIN = inPackage('bin/quantscope.js');
const MODEL = inPackage('fixtures/nano/nano-phi3-Q4_K_M.gguf');
const rounds = Number(process.argv[2] ?? 21);
const fileCount = Number(process.argv[3] ?? 1000);
/** Enough to tell what one call for each takes: a thousand would take minutes. */
const SINGLE_CALLS = 20;

const RUNS = {
  'node -e 0': ['-e', '0'],
  '--help': [BIN, '--help'],
  inspect: [BIN, 'inspect', MODEL],
  'validate --no-content': [BIN, 'validate', '--no-content', MODEL],
} as const satisfies Record<string, readonly string[]>;

/** By the shell's `times`: Node does not tell what its children took. */
function cpuMs(args: readonly string[]): number {
  const script = '"$@" >/dev/null; times';
  const { stdout } = spawnSync('bash', ['-c', script, 'bash', process.execPath, ...args], {
    encoding: 'utf8',
  });
  const [, children = ''] = stdout.trim().split('\n');
  const ms = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, seconds]) => Number(minutes) * 60_000 + Number(seconds) * 1000,
  );
  return ms.reduce((sum, each) => sum + each, 0);
}

const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const samples = Object.entries(RUNS).map(([name, args]) => ({ name, args, ms: [] as number[] }));
for (let round = 0; round <= rounds; round++) {
  for (const { args, ms } of samples) {
    const took = cpuMs(args);
    // The first round warms the file cache.
    if (round > 0) ms.push(took);
  }
}
const empty = samples[0]?.ms ?? [];
for (const { name, ms } of samples) {
  const ratio = median(ms.map((each, round) => each / (empty[round] ?? Number.NaN)));
  process.stdout.write(`${name.padEnd(24)}${median(ms).toFixed(1).padStart(7)} ms  ${ratio.toFixed(2)} x\n`);
}

const folder = mkdtempSync(join(tmpdir(), 'quantscope-startup-'));
try {
  const files = Array.from({ length: fileCount }, (_, index) => join(folder, `${index}.gguf`));
  for (const file of files) copyFileSync(MODEL, file);
  const perSecond = (count: number, run: () => void): number => {
    const started = performance.now();
    run();
    return count / ((performance.now() - started) / 1000);
  };
  const inspect = (refs: readonly string[]): void => {
    const { status } = spawnSync(process.execPath, [BIN, 'inspect', ...refs], { stdio: 'ignore' });
    if (status !== 0) throw new Error(`inspect ended with ${status}`);
  };
  const single = files.slice(0, SINGLE_CALLS);
  const alone = perSecond(single.length, () => {
    for (const file of single) inspect([file]);
  });
  const together = perSecond(files.length, () => inspect(files));
  process.stdout.write(
    `inspect of ${fileCount} files in one call: ${together.toFixed(0)} files/s, ` +
      `one call for each: ${alone.toFixed(1)} files/s (${(together / alone).toFixed(1)} x)\n`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
