import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { writeModelBytes } from '../../src/gguf/index.ts';
import { HubServer } from './hub-server.ts';
import { nanoPath } from './nano.ts';
import { buildResults } from './results.ts';

const nano = nanoPath('Q2_K');
const one = ['--threads', '1', '--gpu', 'off'];
const REPO = 'hf:maker/nano-GGUF';

/** Servers that take their time: a hub, and one that never answers a prompt. */
export interface SlowServers extends AsyncDisposable {
  /** For the environment: the hub, and a home of its own for what is kept. */
  readonly environment: (folder: string) => Record<string, string>;
  readonly endpoint: string;
}

export async function slowServers(): Promise<SlowServers> {
  const hub = await HubServer.start({ bytesPerSecond: 50_000 });
  const content = await readFile(nanoPath('Q8_0'));
  hub.repos.set('maker/nano-GGUF', { files: { 'nano-Q8_0.gguf': { content } } });
  const silent = createServer((request) => request.resume());
  await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
  return {
    environment: (folder) => ({
      HF_ENDPOINT: hub.endpoint,
      HF_HOME: join(folder, 'hf'),
      HF_HUB_CACHE: '',
      XDG_CACHE_HOME: join(folder, 'cache'),
    }),
    endpoint: `http://127.0.0.1:${(silent.address() as AddressInfo).port}/v1`,
    async [Symbol.asyncDispose]() {
      silent.closeAllConnections();
      await new Promise((done) => silent.close(done));
      await hub[Symbol.asyncDispose]();
    },
  };
}

/** Every command, as it takes a while where it can: what it writes goes to a folder. */
export const STOPPED_COMMANDS: Readonly<
  Record<string, (folder: string, servers: SlowServers) => readonly string[]>
> = {
  validate: (folder) => ['validate', slowTemplate(folder), large(folder)],
  'validate --load': () => ['validate', nano, '--load'],
  inspect: (folder) => ['inspect', large(folder), '--vocab'],
  diff: (folder) => ['diff', large(folder), large(folder, 'other.gguf')],
  compare: () => ['compare', nano, ...one],
  eval: () => ['eval', 'nano', ...one],
  bench: () => ['bench', nano, '-r', '50', ...one],
  context: () => ['context', nano, ...one],
  run: () => ['run', nano, 'Tell a long story.', '--max-tokens', '4000', ...one],
  mix: (folder) => ['mix', nanoPath('F16'), '--out', join(folder, 'mix.gguf')],
  quantize: (folder) => ['quantize', nanoPath('F16'), 'Q4_K_M', 'Q2_K', '--out', folder],
  imatrix: (folder) => ['imatrix', nanoPath('F16'), '--out', join(folder, 'imatrix.gguf')],
  kit: (folder) => ['kit', nano, '--device', 'galaxy-s23', '--out', join(folder, 'kit')],
  fit: () => ['fit', 'nano', '--all-devices'],
  card: (folder) => ['card', large(folder)],
  'card check': (folder) => ['card', 'check', card(folder), '--model', large(folder)],
  'kit check': (folder) => ['kit', 'check', results(folder), '--golden', results(folder)],
  report: (folder) => ['report', results(folder), '--html', join(folder, 'page.html')],
  pull: () => ['pull', `${REPO}:Q8_0`, '--yes'],
  'inspect, remote': () => ['inspect', `${REPO}:Q8_0`],
  'validate, remote': () => ['validate', `${REPO}:Q8_0`],
  'variants, remote': () => ['variants', REPO],
  'eval --openai': (_, { endpoint }) => ['eval', '--only', 'tasks', '--openai', endpoint, '--model', 'm'],
  completion: () => ['completion', 'bash'],
  engine: () => ['engine', 'list'],
  doctor: () => ['doctor'],
  cache: () => ['cache'],
  'cache verify': () => ['cache', 'verify'],
  variants: () => ['variants'],
};

/** Saved results of many variants. */
function results(folder: string): string {
  const path = join(folder, 'results.json');
  if (!existsSync(path)) writeFileSync(path, JSON.stringify(buildResults()));
  return path;
}

function card(folder: string): string {
  const path = join(folder, 'CARD.md');
  if (!existsSync(path)) writeFileSync(path, 'It has 4.5 bits a weight and takes 1.2 GB.\n'.repeat(2000));
  return path;
}

/** A model of 64 MB, most of it a hole, so that its content is read by a thread of its own. */
function large(folder: string, name = 'large.gguf'): string {
  const path = join(folder, name);
  if (!existsSync(path)) {
    const head = writeModelBytes({
      metadata: [['general.architecture', { type: 'string', value: 'llama' }]],
      tensors: [{ name: 'token_embd.weight', type: 'F32', shape: [4096, 1] }],
    });
    // The count of rows is the second of two numbers of 64 bits before the type.
    const rows = 4096;
    const bytes = Buffer.from(head);
    const at = bytes.indexOf('token_embd.weight') + 'token_embd.weight'.length + 4 + 8;
    bytes.writeBigUInt64LE(BigInt(rows), at);
    const file = openSync(path, 'w');
    writeSync(file, bytes);
    ftruncateSync(file, bytes.length + 4 * 4096 * (rows - 1));
    closeSync(file);
  }
  return path;
}

/** A template that is left to a process of its own, which takes a moment to come up. */
function slowTemplate(folder: string): string {
  const path = join(folder, 'template.gguf');
  const template = '{% for a in range(3000) %}{% for b in range(3000) %}{% endfor %}{% endfor %}';
  if (!existsSync(path)) {
    const metadata: Parameters<typeof writeModelBytes>[0]['metadata'] = [
      ['general.architecture', { type: 'string', value: 'llama' }],
      ['tokenizer.chat_template', { type: 'string', value: template }],
    ];
    writeFileSync(path, writeModelBytes({ metadata, tensors: [] }));
  }
  return path;
}

/** What may happen to a file that somebody else writes to. */
export const vanishing: Readonly<Record<string, (path: string) => void>> = {
  shortened: (path) => truncateSync(path, 100_000),
  'made empty': (path) => truncateSync(path, 0),
  removed: (path) => rmSync(path),
  overwritten: (path) => writeFileSync(path, Buffer.alloc(1_000_000, 0x47)),
  grown: (path) => writeFileSync(path, Buffer.alloc(1_000_000, 0x47), { flag: 'a' }),
};

/** Commands that read a fresh file, which may then be changed under them. */
export function* readersOf(
  folder: string,
): Generator<{ readonly name: string; readonly args: readonly string[]; readonly path: string }> {
  const readers: readonly (readonly [string, (path: string) => readonly string[]])[] = [
    ['validate', (path) => ['validate', slowTemplate(folder), path]],
    ['inspect', (path) => ['inspect', path]],
    ['diff', (path) => ['diff', path, large(folder)]],
  ];
  for (const [name, argsOf] of readers) {
    const path = join(folder, 'changing.gguf');
    rmSync(path, { force: true });
    large(folder, 'changing.gguf');
    yield { name, args: argsOf(path), path };
  }
}
