/**
 * Downloads from a server of its own on the loopback: throughput of one connection beside curl's (hash, fsync and
 * rename included), of four beside one where the server limits each, the peak memory of the process that downloads,
 * and what kills at random moments leave.
 *
 *     npm run build && npx tsx bench/download.ts [megabytes] [kills]
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../bin/quantscope.js', import.meta.url));
const SERVER = fileURLToPath(new URL('./download-server.ts', import.meta.url));
const megabytes = Number(process.argv[2] ?? 1024);
const kills = Number(process.argv[3] ?? 50);
const REF = 'hf:bench/model-GGUF:Q8_0';

interface Served {
  readonly endpoint: string;
  readonly bytesUrl: string;
  readonly sha256: string;
  readonly stop: () => void;
}

/** The server has a process of its own, as a real one would: otherwise its work would count as the client's. */
async function serve(sizeMegabytes: number, bytesPerSecond: number): Promise<Served> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', SERVER, String(sizeMegabytes), String(bytesPerSecond)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const [line]: string[] = (await once(child.stdout, 'data')).map(String);
  return { ...JSON.parse(line ?? '{}'), stop: () => child.kill() };
}

interface Run {
  readonly ms: number;
  readonly peakRssMegabytes: number;
}

/** Starts the program under a loader that reports its peak memory when it ends. */
function pull(endpoint: string, cache: string, connections: string): Run {
  const reporter = `process.on('exit', () => process.stderr.write('PEAK ' + process.resourceUsage().maxRSS + '\\n'))`;
  const started = performance.now();
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      '--import',
      `data:text/javascript,${encodeURIComponent(reporter)}`,
      BIN,
      'pull',
      REF,
      '--connections',
      connections,
      '--quiet',
    ],
    { env: { ...process.env, HF_ENDPOINT: endpoint, HF_HUB_CACHE: cache }, encoding: 'utf8' },
  );
  const ms = performance.now() - started;
  if (status !== 0) throw new Error(stderr);
  return { ms, peakRssMegabytes: Number(/PEAK (\d+)/.exec(stderr)?.[1]) / 1024 };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'quantscope-bench-'));
let caches = 0;
const freshCache = () => join(folder, `cache-${caches++}`);

try {
  const fast = await serve(megabytes, 0);
  const [ours, curls, peaks]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < 3; round++) {
    const file = join(folder, 'curl.bin');
    const started = performance.now();
    spawnSync('curl', ['-sfL', '-o', file, fast.bytesUrl]);
    curls.push(performance.now() - started);
    await rm(file, { force: true });
    const cache = freshCache();
    const run = pull(fast.endpoint, cache, '1');
    ours.push(run.ms);
    peaks.push(run.peakRssMegabytes);
    await rm(cache, { recursive: true, force: true });
  }
  fast.stop();
  // The start of the program is no part of its throughput: measured by a pull of what is there already.
  const small = await serve(1, 0);
  const cache = freshCache();
  pull(small.endpoint, cache, '1');
  const startMs = median([1, 2, 3].map(() => pull(small.endpoint, cache, '1').ms));
  small.stop();
  const [ourMs, curlMs] = [median(ours), median(curls)];
  const rate = (ms: number) => `${(megabytes / (ms / 1000)).toFixed(0)} MiB/s`;
  say(
    `one connection, ${megabytes} MiB: curl ${rate(curlMs)}, ours ${rate(ourMs - startMs)} (${rate(ourMs)} with the start of the program, ${startMs.toFixed(0)} ms)`,
  );
  say(`  ratio ${(curlMs / (ourMs - startMs)).toFixed(2)}, whole processes ${(curlMs / ourMs).toFixed(2)}`);
  say(`  peak memory ${Math.max(...peaks).toFixed(0)} MB`);

  for (const limit of [100, 250]) {
    const limited = await serve(384, limit * 2 ** 20);
    const began = performance.now();
    spawnSync('curl', ['-sfL', '-o', join(folder, 'curl.bin'), limited.bytesUrl]);
    const theirs = performance.now() - began;
    const own = pull(limited.endpoint, freshCache(), '1').ms;
    limited.stop();
    say(
      `a server of ${limit} MiB/s: ratio ${(theirs / (own - startMs)).toFixed(2)}, whole processes ${(theirs / own).toFixed(2)}`,
    );
  }

  const slow = await serve(96, 8 * 2 ** 20);
  const times = ['1', '4', 'auto'].map((connections) => pull(slow.endpoint, freshCache(), connections).ms);
  slow.stop();
  const [one = Number.NaN, four = Number.NaN, auto = Number.NaN] = times;
  say(
    `8 MiB/s for each connection, 96 MiB: 1 ${one.toFixed(0)} ms, 4 ${four.toFixed(0)} ms (${(one / four).toFixed(2)} x), auto ${auto.toFixed(0)} ms (${(one / auto).toFixed(2)} x)`,
  );

  let wrong = 0;
  let completed = 0;
  const target = await serve(24, 6 * 2 ** 20);
  let killCache = freshCache();
  for (let kill = 0; kill < kills; kill++) {
    const child = spawn(process.execPath, [BIN, 'pull', REF, '--connections', '2', '--quiet'], {
      env: { ...process.env, HF_ENDPOINT: target.endpoint, HF_HUB_CACHE: killCache },
      stdio: 'ignore',
    });
    const ended = once(child, 'close');
    await Promise.race([ended, wait(200 + (randomBytes(2).readUInt16LE() / 65_536) * 1000)]);
    child.kill('SIGKILL');
    await ended;
    const blobs = join(killCache, 'models--bench--model-GGUF', 'blobs');
    const names = existsSync(blobs) ? readdirSync(blobs).filter((name) => !name.endsWith('.incomplete')) : [];
    for (const name of names) {
      if (
        createHash('sha256')
          .update(readFileSync(join(blobs, name)))
          .digest('hex') !== name
      )
        wrong++;
      else completed++;
    }
    if (names.length > 0) killCache = freshCache();
  }
  pull(target.endpoint, killCache, '2');
  target.stop();
  say(`${kills} kills at random moments: ${completed} files completed on the way, ${wrong} wrong`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
