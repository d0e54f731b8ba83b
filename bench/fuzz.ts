/**
 * Random mutations, every truncation and every single-byte change of small real headers: each must parse or
 * be a GgufError, in bounded time and memory. Prints a summary and ends with 1 where one does not.
 *
 *     npx tsx bench/fuzz.ts [mutations] [seed]
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { GgufError, parseHeader, type WritableValue, writeModelBytes } from '../src/gguf/index.ts';
import { mutate, seededRandom } from './mutate.ts';

const mutations = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? 1);
/** A parse of a header this small takes some 0.05 ms; the collector may pause for a few. */
const SLOW_MS = 250;

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const outcomes = new Map<string, number>();
const failures: string[] = [];
let slowestMs = 0;

function attempt(bytes: Uint8Array, label: string): void {
  const { outcome, elapsedMs: firstMs } = parseOnce(bytes, label);
  let elapsedMs = firstMs;
  // The machine may have been busy elsewhere: only what is slow twice is slow.
  if (elapsedMs > SLOW_MS) elapsedMs = Math.min(elapsedMs, parseOnce(bytes, label).elapsedMs);
  slowestMs = Math.max(slowestMs, elapsedMs);
  if (elapsedMs > SLOW_MS) failures.push(`${label}: took ${elapsedMs.toFixed(0)} ms`);
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
}

function parseOnce(bytes: Uint8Array, label: string): { outcome: string; elapsedMs: number } {
  const started = performance.now();
  let outcome = 'parsed';
  try {
    const { metadata } = parseHeader(bytes);
    for (const { type, value } of metadata.values()) if (type === 'array') value.toArray();
  } catch (thrown) {
    if (thrown instanceof GgufError) outcome = thrown.code;
    else {
      outcome = 'FAILED';
      if (failures.length < 10) failures.push(`${label}: ${thrown}`);
    }
  }
  return { outcome, elapsedMs: performance.now() - started };
}

/** Every value type, arrays of several, and tensors of several types, in some 900 bytes. */
function smallModel(): Uint8Array {
  const scalars: [string, WritableValue][] = [
    ['general.architecture', { type: 'string', value: 'phi3' }],
    ['general.alignment', { type: 'uint32', value: 32 }],
    ['a.u8', { type: 'uint8', value: 1 }],
    ['a.i16', { type: 'int16', value: -1 }],
    ['a.u64', { type: 'uint64', value: 7n }],
    ['a.f64', { type: 'float64', value: 0.5 }],
    ['a.bool', { type: 'bool', value: true }],
    [
      'tokenizer.ggml.tokens',
      { type: 'array', elementType: 'string', values: ['<s>', 'Ġa', '▁日', '😀', ''] },
    ],
    ['tokenizer.ggml.scores', { type: 'array', elementType: 'float32', values: [0, -1, -2, -3, -4] }],
    ['a.bools', { type: 'array', elementType: 'bool', values: [true, false] }],
  ];
  const tensors = (['F32', 'Q4_0', 'Q4_K', 'F16'] as const).map((type, index) => ({
    name: `blk.${index}.attn_q.weight`,
    type,
    shape: [256, 1],
  }));
  return writeModelBytes({ metadata: scalars, tensors });
}

const small = smallModel();
const headerEnd = parseHeader(small).sections.tensorInfos.end;
// The real one keeps its metadata up to the vocabulary, which is cut: it seeds faults in long keys and texts.
const nano = fileURLToPath(new URL('../fixtures/nano/nano-phi3-Q4_K_M.gguf', import.meta.url));
const real = new Uint8Array(readFileSync(nano).subarray(0, 2048));

const started = performance.now();
for (let length = 0; length <= small.length; length++) attempt(small.slice(0, length), `cut at ${length}`);
for (let position = 0; position < headerEnd; position++) {
  const bytes = small.slice();
  for (let value = 0; value < 256; value++) {
    bytes[position] = value;
    attempt(bytes, `byte ${position} = ${value}`);
  }
}
const random = seededRandom(seed);
for (let index = 0; index < mutations; index++) {
  attempt(mutate(index % 8 === 0 ? real : small, random), `mutation ${index} of seed ${seed}`);
}

const total = [...outcomes.values()].reduce((sum, count) => sum + count, 0);
print(`${total.toLocaleString('en-US')} files in ${((performance.now() - started) / 1000).toFixed(0)} s`);
for (const [outcome, count] of [...outcomes].sort((a, b) => b[1] - a[1]))
  print(`  ${outcome.padEnd(28)} ${count}`);
print(`slowest ${slowestMs.toFixed(1)} ms, peak ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`);
for (const failure of failures) print(`FAILED ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;
