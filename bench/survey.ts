/**
 * A survey of the headers of many remote files: the library's `scanHeaders` and `validate --jobs N --ndjson`, beside a
 * bare client of Node's HTTP that fetches the same bytes and looks at none of them. Each in a process of its own, with
 * the server (50 ms of latency) on the same machine.
 *
 *     npm run build && npm run bench:survey -- [--files 2000] [--concurrency 64] [--latency 50] [--window BYTES]
 *
 * Target: 500 files a second on two cores, and memory that does not grow with the files.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { scanHeaders } from '../dist/index.js';
import { asFinished } from '../src/util/as-finished.ts';

const BIN = fileURLToPath(new URL('../bin/quantscope.js', import.meta.url));
const PEAK = fileURLToPath(new URL('./report-peak.js', import.meta.url));
const SERVER = fileURLToPath(new URL('./survey-server.ts', import.meta.url));
const SELF = fileURLToPath(import.meta.url);
const PAPER_FILES = 200_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    files: { type: 'string', default: '2000' },
    concurrency: { type: 'string', default: '64' },
    latency: { type: 'string', default: '50' },
    window: { type: 'string', default: String(256 * 1024) },
    origin: { type: 'string', default: '' },
  },
});
const [files, concurrency, windowBytes] = [values.files, values.concurrency, values.window].map(Number) as [
  number,
  number,
  number,
];
const { origin } = values;

switch (positionals[0]) {
  case 'bare':
    await timed(fetchBare);
    break;
  case 'library':
    await timed(scanAll);
    break;
  default:
    await compareAll();
}

/** Says how long the work took once the process was up: a start that reads TypeScript is no part of a survey. */
async function timed(work: () => Promise<void>): Promise<void> {
  const began = performance.now();
  await work();
  process.stderr.write(`worked ${performance.now() - began} ms\n`);
}

function* addresses(): Generator<string> {
  for (let index = 0; index < files; index++) yield `${origin}/m-${index}.gguf`;
}

async function fetchBare(): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  const headers = { range: `bytes=0-${windowBytes - 1}` };
  const fetchOne = (url: string): Promise<void> =>
    new Promise((resolve, reject) => {
      get(url, { agent, headers }, (response) => response.resume().on('end', resolve)).on('error', reject);
    });
  for await (const _ of asFinished(addresses(), concurrency, fetchOne));
  agent.destroy();
}

async function scanAll(): Promise<void> {
  const found = { sound: 0, malformed: 0, absent: 0 };
  const options = { concurrency, firstWindowBytes: windowBytes };
  for await (const each of scanHeaders(addresses(), options)) {
    if ('error' in each) found.absent++;
    else if (each.scan.issues.some(({ severity }) => severity === 'error')) found.malformed++;
    else found.sound++;
  }
  process.stdout.write(`${JSON.stringify(found)}\n`);
}

async function compareAll(): Promise<void> {
  const server = spawn(process.execPath, ['--import', 'tsx', SERVER, values.latency], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const base = String((await once(server.stdout, 'data'))[0]).trim();
  process.stdout.write(
    `${files} files, ${values.latency} ms latency, ${concurrency} at a time, load average ${loadavg()[0]?.toFixed(1)}\n`,
  );
  const self = ['--import', 'tsx', SELF, `--origin=${base}`, `--concurrency=${concurrency}`];
  const own = [...self, `--files=${files}`, `--window=${windowBytes}`];
  const urls = Array.from({ length: files }, (_, index) => `${base}/m-${index}.gguf`);
  const bare = await run(base, 'bare http client', [...own, 'bare']);
  const library = await run(base, 'library: scanHeaders', [...own, 'library']);
  await run(base, 'validate --ndjson', [
    BIN,
    'validate',
    '-q',
    '--ndjson',
    '-j',
    String(concurrency),
    ...urls,
  ]);
  const tenth = Math.round(files / 10);
  const few = await run(base, 'library, a tenth', [...self, `--files=${tenth}`, 'library'], tenth);
  server.stdin.end();
  const hours = PAPER_FILES / library.perSecond / 3600;
  const gigabytes = (library.bytes / files) * (PAPER_FILES / 1e9);
  process.stdout.write(
    `library: ${(library.perSecond / bare.perSecond).toFixed(2)} of the bare client's rate; ` +
      `memory ${library.peakMegabytes.toFixed(0)} MB for ${files} files, ${few.peakMegabytes.toFixed(0)} for ${tenth}\n` +
      `${PAPER_FILES} files at this rate: ${(hours * 60).toFixed(0)} min, ${gigabytes.toFixed(1)} GB, ` +
      `${((PAPER_FILES * library.requests) / files).toFixed(0)} requests\n`,
  );
}

interface Outcome {
  readonly perSecond: number;
  readonly peakMegabytes: number;
  readonly requests: number;
  readonly bytes: number;
}

async function run(base: string, name: string, args: readonly string[], count = files): Promise<Outcome> {
  const began = performance.now();
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', PEAK, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  const seconds = (performance.now() - began) / 1000;
  const usage = /peak (\d+) cpu (\d+)/.exec(stderr);
  // Files that are not sound are there on purpose.
  if (usage === null || (status !== 0 && status !== 1))
    throw new Error(`${name} ended with ${status}: ${stderr}`);
  const stats = (await (await fetch(`${base}/stats`)).json()) as {
    connections: number;
    requests: number;
    bodyBytes: number;
  };
  const lines = stdout.split('\n');
  const said = lines.length > 2 ? `${lines.length - 1} lines` : stdout.trim();
  const peakMegabytes = Number(usage[1]) / 1024;
  const worked = /worked ([\d.]+) ms/.exec(stderr)?.[1];
  const perSecond = worked === undefined ? count / seconds : count / (Number(worked) / 1000);
  process.stdout.write(
    `${name.padEnd(22)} ${perSecond.toFixed(0).padStart(5)} files/s, ${(count / seconds).toFixed(0).padStart(5)} with its start, ` +
      `${(Number(usage[2]) / 1e3 / count).toFixed(2)} ms CPU each, peak ${peakMegabytes.toFixed(0)} MB, ` +
      `${stats.requests} requests on ${stats.connections - 1} connections, ` +
      `${(stats.bodyBytes / 1e6).toFixed(0)} MB ${said}\n`,
  );
  return { perSecond, peakMegabytes, requests: stats.requests, bytes: stats.bodyBytes };
}
