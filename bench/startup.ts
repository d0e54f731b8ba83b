/**
 * Whole-process time of `quantscope --help` against `node -e 0`, alternately, medians.
 *
 *     npm run build && npx tsx bench/startup.ts [rounds]
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../bin/quantscope.js', import.meta.url));
const rounds = Number(process.argv[2] ?? 15);

function timeMs(args: readonly string[]): number {
  const started = performance.now();
  spawnSync(process.execPath, args, { stdio: 'ignore' });
  return performance.now() - started;
}

const median = (values: number[]) =>
  values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const empty: number[] = [];
const help: number[] = [];
for (let round = 0; round <= rounds; round++) {
  const emptyMs = timeMs(['-e', '0']);
  const helpMs = timeMs([BIN, '--help']);
  // The first pair warms the file cache.
  if (round > 0) {
    empty.push(emptyMs);
    help.push(helpMs);
  }
}
const [emptyMs, helpMs] = [median(empty), median(help)];
process.stdout.write(
  `node -e 0 ${emptyMs.toFixed(1)} ms, quantscope --help ${helpMs.toFixed(1)} ms, ratio ${(helpMs / emptyMs).toFixed(2)}\n`,
);
