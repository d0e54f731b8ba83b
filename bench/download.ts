/**
 * Downloads from a server of its own on the loopback: throughput of one connection beside curl's, in turns (ours with
 * hash, fsync and rename), of four beside one where the server limits each, the CPU time and peak memory of the
 * process that downloads, and what kills at random moments leave.
 *
 *     npm run build && npx tsx bench/download.ts [mebibytes] [kills] [rounds]
 *
 * Files are in memory, so that no disk is measured. A download of 4096 shows that memory does not grow with the file.
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
const PEAK = fileURLToPath(new URL('./report-peak.js', import.meta.url));
const SERVER = fileURLToPath(new URL('./download-server.ts', import.meta.url));
const [mebibytes = 1024, kills = 50, rounds = 5] = process.argv.slice(2).map(Number);
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
  readonly cpuSeconds: number;
  readonly peakRssMegabytes: number;
}

function pull(endpoint: string, cache: string, connections: string): Run {
  const started = performance.now();
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--import', PEAK, BIN, 'pull', REF, '--connections', connections, '--quiet', '--yes'],
    { env: { ...process.env, HF_ENDPOINT: endpoint, HF_HUB_CACHE: cache }, encoding: 'utf8' },
  );
  const ms = performance.now() - started;
  if (status !== 0) throw new Error(stderr);
  const [, peakKibibytes, cpuMicroseconds] = /peak (\d+) cpu (\d+)/.exec(stderr) ?? [];
  return { ms, cpuSeconds: Number(cpuMicroseconds) / 1e6, peakRssMegabytes: Number(peakKibibytes) / 1024 };
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
  // The start of the program is no part of its throughput: measured by a pull of what is there already.
  const small = await serve(1, 0);
  const cache = freshCache();
  pull(small.endpoint, cache, '1');
  const starts = [1, 2, 3].map(() => pull(small.endpoint, cache, '1'));
  small.stop();
  const startMs = median(starts.map(({ ms }) => ms));
  const startCpu = median(starts.map(({ cpuSeconds }) => cpuSeconds));

  const fast = await serve(mebibytes, 0);
  const [ours, curls]: [Run[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const file = join(folder, 'curl.bin');
    const started = performance.now();
    spawnSync('curl', ['-sfL', '-o', file, fast.bytesUrl]);
    curls.push(performance.now() - started);
    await rm(file, { force: true });
    const own = freshCache();
    ours.push(pull(fast.endpoint, own, '1'));
    await rm(own, { recursive: true, force: true });
  }
  fast.stop();
  const [ourMs, curlMs] = [median(ours.map(({ ms }) => ms)), median(curls)];
  const rate = (ms: number) => `${(mebibytes / (ms / 1000)).toFixed(0)} MiB/s`;
  const ratios = ours.map(({ ms }, round) => ((curls[round] ?? Number.NaN) / (ms - startMs)).toFixed(2));
  const cpu = (median(ours.map(({ cpuSeconds }) => cpuSeconds)) - startCpu) / (mebibytes / 1024);
  say(
    `one connection, ${mebibytes} MiB: curl ${rate(curlMs)}, ours ${rate(ourMs - startMs)} (${rate(ourMs)} with the start of the program, ${startMs.toFixed(0)} ms)`,
  );
  say(
    `  ratio ${(curlMs / (ourMs - startMs)).toFixed(2)} (rounds: ${ratios.join(' ')}), whole processes ${(curlMs / ourMs).toFixed(2)}`,
  );
  say(
    `  ${cpu.toFixed(2)} s of CPU for each GiB, peak memory ${Math.max(...ours.map(({ peakRssMegabytes }) => peakRssMegabytes)).toFixed(0)} MB`,
  );

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
