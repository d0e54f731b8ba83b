/**
 * Random mutations of files that have a chat, an expert, a rope or a shard to judge: every rule must answer, whatever
 * the bytes, in bounded time. Chat templates are rendered where that may be done in this process. Prints a summary and
 * ends with 1 where a rule throws or is slow.
 *
 *     npx tsx bench/fuzz-rules.ts FOLDER [seconds] [seed]
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { boundedReport } from '../src/api/validate/template-bounded.ts';
import { scanHeader } from '../src/gguf/index.ts';
import { correctionsOf } from '../src/validate/corrections.ts';
import { fileUnderTest } from '../src/validate/file-under-test.ts';
import { validateFile } from '../src/validate/index.ts';
import { mutate, seededRandom } from './mutate.ts';

const [folder, seconds = '60', seed = '1'] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write('Name a folder of GGUF files, such as fixtures/malformed.\n');
  process.exit(2);
}
const SLOW_MS = 1000;
/** Headers with small vocabularies: mutations of a megabyte of tokens teach nothing more. */
const LARGEST_BYTES = 512 * 1024;
const TEMPLATE = 'tokenizer.chat_template';

const random = seededRandom(Number(seed));
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.gguf'))
  .filter((name) => statSync(join(folder, name)).size <= LARGEST_BYTES)
  .map((name) => ({ name, bytes: Uint8Array.from(readFileSync(join(folder, name))) }));
const end = performance.now() + Number(seconds) * 1000;
const failures: string[] = [];
let count = 0;
let slowestMs = 0;
for (; performance.now() < end && failures.length < 10; count++) {
  const file = files[count % files.length];
  if (file === undefined) break;
  const bytes = mutate(file.bytes, random);
  // Of the processor: on a busy machine the clock goes on while nothing is judged.
  const before = process.cpuUsage();
  try {
    const scan = scanHeader(bytes);
    const value = scan.metadata.get(TEMPLATE);
    const report = value?.type === 'string' ? boundedReport(value.value) : null;
    const templates = new Map(report === null ? [] : [[TEMPLATE, { ...report, text: String(value?.value) }]]);
    const facts = { name: file.name, fileBytes: bytes.length, scan, templates };
    validateFile(facts);
    correctionsOf(fileUnderTest(facts));
  } catch (thrown) {
    failures.push(`${file.name}, mutation ${count}: ${thrown instanceof Error ? thrown.stack : thrown}`);
  }
  const { user, system } = process.cpuUsage(before);
  const elapsedMs = (user + system) / 1000;
  slowestMs = Math.max(slowestMs, elapsedMs);
  if (elapsedMs > SLOW_MS) failures.push(`${file.name}, mutation ${count}: ${elapsedMs.toFixed(0)} ms`);
}
process.stdout.write(
  `${count} mutations of ${files.length} files (seed ${seed}); slowest ${slowestMs.toFixed(0)} ms; failures: ${failures.length}\n`,
);
for (const failure of failures) process.stdout.write(`${failure}\n`);
process.exitCode = failures.length === 0 ? 0 : 1;
