/**
 * `quantscope diff` of two files of Phi-3-mini's layout whose weights all differ, whole process, from the page cache.
 * Counted are the bytes of both files: a GB/s is half a gigabyte of each file a second. Target: at least 0.5 GB/s on
 * 2 cores.
 *
 *     npm run build && npx tsx bench/diff-throughput.ts [--full] [--rounds N] [--folder DIR]
 *
 * Two files of 0.4 GB are written first where they are absent; with --full two of Phi-3-mini Q4_K_M's true size, 2.3 GB.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { placeOfTensor, type WritableTensor, writeModel } from '../src/gguf/index.ts';
import { phi3MiniMetadata, phi3MiniTensors } from './make-phi3-mini.ts';

const BIN = fileURLToPath(new URL('../bin/quantscope.js', import.meta.url));
const PEAK = fileURLToPath(new URL('./report-peak.js', import.meta.url));
const SMALL_LAYERS = 4;

const { values: options } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    folder: { type: 'string', default: tmpdir() },
  },
});

/** The same tensor with other quants: the low bit of every nibble is turned, scales stay what they are. */
function turned(tensor: WritableTensor): WritableTensor {
  const { type, data } = tensor;
  if (data instanceof Uint8Array || (type !== 'Q4_K' && type !== 'Q6_K')) return tensor;
  const [blockBytes, from, to] = type === 'Q4_K' ? [144, 16, 144] : [210, 0, 128];
  function* pieces(source: Iterable<Uint8Array>): Generator<Uint8Array> {
    for (const piece of source) {
      const copy = piece.slice();
      for (let block = 0; block < copy.length; block += blockBytes) {
        for (let at = block + from; at < block + to; at++) copy[at] = (copy[at] ?? 0) ^ 0x11;
      }
      yield copy;
    }
  }
  return { ...tensor, data: { [Symbol.iterator]: () => pieces(data ?? []) } };
}

function write(path: string, tensors: readonly WritableTensor[]): void {
  if (existsSync(path)) return;
  process.stderr.write(`writing ${path}\n`);
  const unfinished = `${path}.part`;
  const file = openSync(unfinished, 'w');
  for (const piece of writeModel({ metadata: phi3MiniMetadata(), tensors: [...tensors] })) {
    for (let done = 0; done < piece.length; ) done += writeSync(file, piece, done);
  }
  closeSync(file);
  renameSync(unfinished, path);
}

const layers = options.full ? Number.POSITIVE_INFINITY : SMALL_LAYERS;
const tensors = phi3MiniTensors().filter(({ name }) => (placeOfTensor(name).layer ?? 0) < layers);
const size = options.full ? 'full' : 'small';
const a = join(options.folder, `quantscope-diff-${size}-a.gguf`);
const b = join(options.folder, `quantscope-diff-${size}-b.gguf`);
write(a, tensors);
write(b, tensors.map(turned));
const bytes = statSync(a).size + statSync(b).size;

interface Round {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMegabytes: number;
}

function round(): Round {
  const started = performance.now();
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--import', PEAK, BIN, 'diff', '--quiet', '--json', a, b],
    { encoding: 'utf8', maxBuffer: 2 ** 28 },
  );
  const seconds = (performance.now() - started) / 1000;
  if (status !== 0) throw new Error(`diff ended with ${status}: ${stderr}`);
  const usage = /peak (\d+) cpu (\d+)/.exec(stderr);
  return { seconds, cpuSeconds: Number(usage?.[2]) / 1e6, peakMegabytes: Number(usage?.[1]) / 1024 };
}

round(); // Warms the page cache.
const results = Array.from({ length: Number(options.rounds) }, round).sort((x, y) => x.seconds - y.seconds);
const median = results[Math.floor(results.length / 2)];
const best = results[0];
if (median === undefined || best === undefined) throw new Error('no rounds');
const rate = (seconds: number): string => (bytes / 1e9 / seconds).toFixed(2);
process.stdout.write(
  `2 x ${(bytes / 2e9).toFixed(2)} GB: median ${median.seconds.toFixed(2)} s (${rate(median.seconds)} GB/s of both), ` +
    `best ${best.seconds.toFixed(2)} s (${rate(best.seconds)} GB/s), ${median.cpuSeconds.toFixed(2)} CPU s, ` +
    `peak ${Math.max(...results.map((each) => each.peakMegabytes)).toFixed(0)} MB, load ${loadavg()[0]?.toFixed(1)}\n`,
);
