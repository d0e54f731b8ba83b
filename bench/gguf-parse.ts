/**
 * Time and peak memory of reading a GGUF file, against hyllama, node-llama-cpp's readGgufFileInfo and
 * @huggingface/gguf, on real vocabulary files in the same run; whether all 19 of them read alike; and what a
 * large header costs over HTTP with 50 ms of latency. Each reader runs in processes of its own, in turn.
 *
 *     npm run build && npx tsx bench/gguf-parse.ts [rounds]
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readHeader } from '../src/gguf/index.ts';
import { openFile, openUrl } from '../src/io/index.ts';
import {
  differingKeys,
  huggingFaceReading,
  hyllamaReading,
  nodeLlamaCppReading,
  readingOf,
  withoutByteOrderMarks,
} from './peer-readers.ts';
import { extractVocabularyFiles } from './vocabulary-files.ts';

const rounds = Number(process.argv[2] ?? 5);
const DIST = new URL('../dist/', import.meta.url).href;
const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Reads in one process: the first pays for compilation and is counted like the others. */
const READS_PER_PROCESS = 3;

const OURS = `
import { openFile, readHeader } from '${DIST}index.js';`;

/** Each defines `read(path)`. */
const READERS = {
  'quantscope, structure': `${OURS}
const read = async (path) => {
  const source = await openFile(path);
  await readHeader(source);
  await source[Symbol.asyncDispose]();
};`,
  'quantscope, every string': `${OURS}
const read = async (path) => {
  const source = await openFile(path);
  const { metadata } = await readHeader(source);
  const all = [];
  for (const { type, value } of metadata.values()) {
    if (type === 'array' && value.elementType === 'string') all.push(value.toArray());
  }
  await source[Symbol.asyncDispose]();
};`,
  hyllama: `
import { readFileSync } from 'node:fs';
import { ggufMetadata } from 'hyllama';
const read = (path) => {
  const file = readFileSync(path);
  ggufMetadata(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));
};`,
  'node-llama-cpp': `
import { readGgufFileInfo } from 'node-llama-cpp';
const read = (path) => readGgufFileInfo(path, { logWarnings: false });`,
  '@huggingface/gguf': `
import { gguf } from '@huggingface/gguf';
const read = (path) => gguf(path, { allowLocalFile: true });`,
} as const;

type ReaderName = keyof typeof READERS;
const PEERS = ['hyllama', 'node-llama-cpp', '@huggingface/gguf'] as const satisfies readonly ReaderName[];

interface Measurement {
  readonly timesMs: number[];
  readonly peakRssBytes: number;
}

function measure(reader: ReaderName, path: string): Measurement {
  const script = `${READERS[reader]}
const timesMs = [];
for (let index = 0; index < ${READS_PER_PROCESS}; index++) {
  const started = performance.now();
  await read(process.argv[1]);
  timesMs.push(performance.now() - started);
}
process.stdout.write(JSON.stringify({ timesMs, peakRssBytes: process.resourceUsage().maxRSS * 1024 }));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script, path], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return JSON.parse(output);
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const print = (line: string): void => void process.stdout.write(`${line}\n`);

function compareReaders(path: string): void {
  const names = Object.keys(READERS) as ReaderName[]; // the keys of READERS
  const results = new Map<ReaderName, Measurement[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) results.get(name)?.push(measure(name, path));
  }
  const timeOf = (name: ReaderName): number =>
    median((results.get(name) ?? []).flatMap(({ timesMs }) => timesMs));
  print(`\n${basename(path)}, medians of ${rounds * READS_PER_PROCESS} reads`);
  for (const name of names) {
    const peak = Math.max(...(results.get(name) ?? []).map(({ peakRssBytes }) => peakRssBytes));
    print(
      `  ${name.padEnd(26)} ${timeOf(name).toFixed(1).padStart(8)} ms   peak ${(peak / 1e6).toFixed(0)} MB`,
    );
  }
  const fastest = Math.min(...PEERS.map(timeOf));
  const ratio = (name: ReaderName): string => (fastest / timeOf(name)).toFixed(1);
  print(
    `  faster than the fastest peer: structure ${ratio('quantscope, structure')} x (at least 12), every string ${ratio('quantscope, every string')} x (at least 3)`,
  );
}

async function compareContents(paths: readonly string[]): Promise<void> {
  let differences = 0;
  for (const path of paths) {
    await using source = await openFile(path);
    const own = readingOf(await readHeader(source));
    const found = [
      ['hyllama', differingKeys(own, hyllamaReading(path))],
      ['node-llama-cpp', differingKeys(own, await nodeLlamaCppReading(path))],
      ['@huggingface/gguf', differingKeys(withoutByteOrderMarks(own), await huggingFaceReading(path))],
    ] as const;
    for (const [peer, keys] of found) {
      if (keys.length === 0) continue;
      differences++;
      print(`  ${basename(path)} differs from ${peer} in ${keys.join(', ')}`);
    }
  }
  print(`\n${paths.length} files read by three peers: ${differences} differences`);
}

/** Serves a header followed by 50 MB of zeros, each answer 50 ms late. */
async function readRemote(path: string): Promise<void> {
  const header = readFileSync(path);
  const file = new Uint8Array(header.length + 50e6);
  file.set(header);
  const server = createServer(async (request, response) => {
    await delay(50);
    const [, first = '0', last = '0'] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
    const part = file.subarray(Number(first), Math.min(Number(last) + 1, file.length));
    response.writeHead(206, {
      'content-range': `bytes ${first}-${Number(first) + part.length - 1}/${file.length}`,
      'content-length': part.length,
    });
    response.end(part);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo; // a server on a port has an AddressInfo
  const started = performance.now();
  await using source = await openUrl(`http://127.0.0.1:${port}/`);
  await readHeader(source, { dataChecks: false });
  const share = source.bytesFetched / header.length;
  print(
    `  ${basename(path).padEnd(32)} ${(header.length / 1e6).toFixed(1)} MB header: ${source.requests} requests, ${share.toFixed(2)} x its bytes, ${(performance.now() - started).toFixed(0)} ms`,
  );
  server.closeAllConnections();
  server.close();
}

using files = extractVocabularyFiles();
const large = files.paths.filter((path) => /llama-bpe|gemma-4/.test(path));
for (const path of large) compareReaders(path);
print('\nOver HTTP with 50 ms of latency (at most 4 requests and 1.3 x for 8 MB)');
for (const path of files.paths) await readRemote(path);
if (!process.argv.includes('--no-contents')) await compareContents(files.paths);
