/**
 * Validates, inspects and compares a folder again and again in one process, while another process makes, changes,
 * shortens and removes files in it: real models, damaged ones, large headers, templates that never end. What must not
 * grow: memory after a collection, open files, children, timers. Ends with 1 where something is left or grows.
 *
 *     npm run build && npx tsx bench/soak-files.ts [minutes, 60]
 */
import { fork } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { diff, inspect, isQuantscopeError, scanHeaders, validate } from '../dist/index.js';
import { type WritableValue, writeModelBytes } from '../src/gguf/index.ts';
import { leftovers, settledMemory } from '../test/helpers/leftovers.ts';
import { mutate, seededRandom } from './mutate.ts';
import { laterTrend, verdictOf } from './trend.ts';

/** A round reads some dozen files; less than this for each is what allocators do. */
const LARGEST_GROWTH_BYTES = 20 * 1024;
const SAMPLE_EVERY = 20;
const CHANGE_EVERY_MS = 20;
const SLOTS = 12;

if (process.argv[2] === '--change') await keepChanging(process.argv[3] ?? '');
else await soak(Number(process.argv[2] ?? 60));

async function soak(minutes: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'soak-files-'));
  const models = join(folder, 'models');
  mkdirSync(models);
  process.env['TMPDIR'] = folder;
  const changer = fork(fileURLToPath(import.meta.url), ['--change', models]);
  const counts = { rounds: 0, ok: 0, error: 0, refused: 0 };
  const resident: number[] = [];
  const heap: number[] = [];
  let first: ReturnType<typeof leftovers> | undefined;
  const end = performance.now() + minutes * 60_000;
  while (performance.now() < end) {
    await round(models, counts);
    counts.rounds++;
    if (counts.rounds % SAMPLE_EVERY !== 0) continue;
    const { residentBytes, heapBytes } = settledMemory();
    resident.push(residentBytes);
    heap.push(heapBytes);
    first ??= leftovers();
    if (counts.rounds % (SAMPLE_EVERY * 10) === 0) {
      const mebibytes = (residentBytes / 2 ** 20).toFixed(1);
      print(`${JSON.stringify(counts)} RSS ${mebibytes} MiB, ${JSON.stringify(leftovers())}`);
    }
  }
  changer.kill('SIGKILL');
  await new Promise((resolve) => changer.once('close', resolve));
  let failed = resident.length < 20;
  for (const [name, series] of [
    ['RSS', resident],
    ['heap', heap],
  ] as const) {
    const trend = laterTrend(series);
    const verdict = verdictOf(trend, SAMPLE_EVERY * LARGEST_GROWTH_BYTES);
    failed ||= verdict === 'grows';
    print(
      `${name}: ${(trend.slope / 1024 / SAMPLE_EVERY).toFixed(2)} KiB a round in the later half: ${verdict}`,
    );
  }
  const last = leftovers();
  failed ||=
    (last.children ?? 0) >= (first?.children ?? 1) || (last.openFiles ?? 0) > (first?.openFiles ?? 0);
  failed ||= last.temporary > 0 || last.listeners > (first?.listeners ?? 0);
  print(`at first ${JSON.stringify(first)}\nat last  ${JSON.stringify(last)}\n${JSON.stringify(counts)}`);
  print(failed ? 'FAILED' : 'ok');
  rmSync(folder, { recursive: true, force: true });
  process.exitCode = failed ? 1 : 0;
}

/** What a monitor of a folder of uploads would do; a file that is gone or broken is an answer, nothing else is. */
async function round(models: string, counts: { ok: number; error: number; refused: number }): Promise<void> {
  const names = readdirSync(models);
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (thrown) {
      if (!isQuantscopeError(thrown)) throw thrown;
      counts.refused++;
    }
  };
  await attempt(async () => {
    const { files } = await validate([models], { jobs: 4 });
    for (const { verdict } of files) counts[verdict === 'error' ? 'error' : 'ok']++;
  });
  for await (const scanned of scanHeaders(names.map((name) => join(models, name)))) {
    counts['error' in scanned ? 'refused' : 'ok']++;
  }
  const [a, b] = names.slice(0, 2).map((name) => join(models, name));
  if (a !== undefined) await attempt(async () => void (await inspect(a)));
  if (a !== undefined && b !== undefined) await attempt(async () => void (await diff(a, b)));
}

async function keepChanging(models: string): Promise<never> {
  process.on('disconnect', () => process.exit());
  const random = seededRandom(Date.now());
  const nano = fileURLToPath(new URL('../fixtures/nano/nano-phi3-Q2_K.gguf', import.meta.url));
  const malformed = fileURLToPath(new URL('../fixtures/malformed/', import.meta.url));
  const names = readdirSync(malformed).filter((name) => name.endsWith('.gguf'));
  const whole = new Uint8Array(readFileSync(nano));
  const acts: readonly ((path: string) => void)[] = [
    (path) => copyFileSync(nano, path),
    (path) => copyFileSync(join(malformed, names[random() % names.length] ?? ''), path),
    (path) => writeFileSync(path, mutate(whole, random)),
    (path) => truncateSync(path, random() % whole.length),
    (path) => rmSync(path),
    (path) => writeFileSync(path, whole.subarray(0, random() % whole.length), { flag: 'a' }),
    (path) => writeFileSync(path, rare(1000, endless)),
    (path) => writeFileSync(path, rare(50, long)),
  ];
  const of = (key: string, value: WritableValue): Uint8Array =>
    writeModelBytes({
      metadata: [
        ['general.architecture', { type: 'string', value: 'llama' }],
        [key, value],
      ],
      tensors: [],
    });
  const loop = '{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}';
  const endless = of('tokenizer.chat_template', { type: 'string', value: loop });
  const values = Array.from({ length: 200_000 }, () => 8);
  const long = of('llama.attention.head_count_kv', { type: 'array', elementType: 'uint32', values });
  const rare = (outOf: number, bytes: Uint8Array): Uint8Array => (random() % outOf === 0 ? bytes : whole);
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, CHANGE_EVERY_MS));
    try {
      acts[random() % acts.length]?.(join(models, `model-${random() % SLOTS}.gguf`));
    } catch {
      // It is not there just now.
    }
  }
}

function print(line: string): void {
  process.stdout.write(`${new Date().toISOString()} ${line}\n`);
}
