/**
 * `quantscope validate` with content check and SHA-256 on a file of Phi-3-mini Q4_K_M's true size, whole process,
 * from the page cache: GB/s and peak memory. Target: at least 1 GB/s on 2 cores, under 200 MB.
 *
 *     npm run build && npx tsx bench/validate-throughput.ts [FILE] [rounds]
 *
 * FILE is written first where it is absent (2.4 GB).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writePhi3Mini } from './make-phi3-mini.ts';

const BIN = fileURLToPath(new URL('../bin/quantscope.js', import.meta.url));
const PEAK = fileURLToPath(new URL('./report-peak.js', import.meta.url));
const path = process.argv[2] ?? join(tmpdir(), 'quantscope-phi3-mini.gguf');
const rounds = Number(process.argv[3] ?? 5);

if (!existsSync(path)) {
  process.stderr.write(`writing ${path}\n`);
  writePhi3Mini(path);
}
const bytes = statSync(path).size;

interface Round {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMegabytes: number;
}

function round(): Round {
  const started = performance.now();
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--import', PEAK, BIN, 'validate', '--quiet', '--json', path],
    { encoding: 'utf8' },
  );
  const seconds = (performance.now() - started) / 1000;
  if (status !== 0) throw new Error(`validate ended with ${status}: ${stderr}`);
  const usage = /peak (\d+) cpu (\d+)/.exec(stderr);
  return { seconds, cpuSeconds: Number(usage?.[2]) / 1e6, peakMegabytes: Number(usage?.[1]) / 1024 };
}

round(); // Warms the page cache.
const results = Array.from({ length: rounds }, round).sort((a, b) => a.seconds - b.seconds);
const median = results[Math.floor(results.length / 2)];
const best = results[0];
if (median === undefined || best === undefined) throw new Error('no rounds');
const rate = (seconds: number): string => (bytes / 1e9 / seconds).toFixed(2);
process.stdout.write(
  `${(bytes / 1e9).toFixed(2)} GB: median ${median.seconds.toFixed(2)} s (${rate(median.seconds)} GB/s), ` +
    `best ${best.seconds.toFixed(2)} s (${rate(best.seconds)} GB/s), ` +
    `${median.cpuSeconds.toFixed(2)} CPU s, peak ${Math.max(...results.map((r) => r.peakMegabytes)).toFixed(0)} MB, ` +
    `load ${loadavg()[0]?.toFixed(1)}\n`,
);
