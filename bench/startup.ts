/**
 * Whole-process time of `quantscope --help` and `quantscope inspect` against `node -e 0`, alternately, medians.
 *
 *     npm run build && npx tsx bench/startup.ts [rounds] [model.gguf]
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const inPackage = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const BIN = inPackage('bin/quantscope.js');
const rounds = Number(process.argv[2] ?? 15);
const model = process.argv[3] ?? inPackage('fixtures/nano/nano-phi3-Q4_K_M.gguf');

const RUNS = {
  'node -e 0': ['-e', '0'],
  'quantscope --help': [BIN, '--help'],
  'quantscope inspect': [BIN, 'inspect', model],
} as const satisfies Record<string, readonly string[]>;

function timeMs(args: readonly string[]): number {
  const started = performance.now();
  spawnSync(process.execPath, args, { stdio: 'ignore' });
  return performance.now() - started;
}

const median = (values: number[]) =>
  values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const samples = Object.entries(RUNS).map(([name, args]) => ({ name, args, ms: [] as number[] }));
for (let round = 0; round <= rounds; round++) {
  for (const { args, ms } of samples) {
    const took = timeMs(args);
    // The first round warms the file cache.
    if (round > 0) ms.push(took);
  }
}
const medians = samples.map(({ name, ms }) => ({ name, ms: median(ms) }));
const emptyMs = medians[0]?.ms ?? Number.NaN;
const said = medians.map(({ name, ms }) => `${name} ${ms.toFixed(1)} ms (${(ms / emptyMs).toFixed(2)})`);
process.stdout.write(`${said.join(', ')}\n`);
