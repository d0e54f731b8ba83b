/**
 * Mutations of everything else that comes from strangers: headers with many arrays and what is read off them, batches of
 * files that belong together, chat templates, policies, results of measurements. A process of its own does the work
 * with a small heap; this one watches it: a mutant that takes too long, or memory that grows, ends it with the mutant's
 * number. Each must be an answer or a QuantscopeError. Ends with 1 where one is not.
 *
 *     npx tsx bench/fuzz-inputs.ts [mutants, 1000000] [seed]
 */
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inspectionOf } from '../src/api/inspect/facts.ts';
import { boundedReport } from '../src/api/validate/template-bounded.ts';
import {
  getStrings,
  parseHeader,
  scanHeader,
  type WritableValue,
  writeModelBytes,
} from '../src/gguf/index.ts';
import { diffMetadata } from '../src/measure/header-diff.ts';
import { render } from '../src/report/registry.ts';
import { resultsSchema } from '../src/schema/results.ts';
import { policySchema } from '../src/schema/validation.ts';
import { isQuantscopeError } from '../src/util/errors.ts';
import { parseWrittenJson } from '../src/util/written-json.ts';
import { suspicionsOfText, validateFile } from '../src/validate/index.ts';
import { buildResults } from '../test/helpers/results.ts';
import { mutate, seededRandom } from './mutate.ts';

const HEAP_MEBIBYTES = 256;
const RESIDENT_MEBIBYTES = 600;
/** Of the clock, on a machine that may be busy elsewhere; the largest of these inputs take a tenth. */
const SILENCE_MS = 20_000;
/** Of the processor, for one mutant. */
const SLOW_MS = 1000;
const EVERY = 1000;

const seed = Number(process.argv[3] ?? 1);

interface Progress {
  readonly done: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  readonly residentBytes: number;
  readonly failure?: string;
}

async function watch(mutants: number): Promise<void> {
  const started = performance.now();
  const child = fork(fileURLToPath(import.meta.url), ['--work', String(seed), String(mutants)], {
    execArgv: [...process.execArgv, `--max-old-space-size=${HEAP_MEBIBYTES}`],
  });
  let last: Progress | undefined;
  const failures: string[] = [];
  const end = (reason: string): void => {
    failures.push(`${reason}, after mutant ${last?.done ?? 0}`);
    child.kill('SIGKILL');
  };
  let timer = setTimeout(() => end('it did not begin'), 6 * SILENCE_MS);
  child.on('message', (progress: Progress) => {
    clearTimeout(timer);
    timer = setTimeout(() => end(`no answer for ${SILENCE_MS} ms`), SILENCE_MS);
    last = progress;
    if (progress.failure !== undefined) failures.push(progress.failure);
    if (progress.residentBytes > RESIDENT_MEBIBYTES * 2 ** 20)
      end(`${progress.residentBytes} bytes resident`);
  });
  const code = await new Promise((resolve) =>
    child.on('close', (status, signal) => resolve(status ?? signal)),
  );
  clearTimeout(timer);
  if (code !== 0 && failures.length === 0)
    failures.push(`its process ended with ${code}, after mutant ${last?.done}`);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  process.stdout.write(
    `${last?.done ?? 0} mutants (seed ${seed}) in ${seconds} s; slowest ${last?.slowestMs.toFixed(0)} ms, ` +
      `${((last?.residentBytes ?? 0) / 2 ** 20).toFixed(0)} MiB resident; ${JSON.stringify(last?.counts)}; failures: ${failures.length}\n`,
  );
  for (const failure of failures.slice(0, 10)) process.stdout.write(`FAILED ${failure}\n`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

async function work(total: number): Promise<void> {
  const random = seededRandom(seed);
  const inputs = inputsOf();
  const counts: Record<string, number> = {};
  let slowestMs = 0;
  for (let index = 0; index < total; index++) {
    const input = inputs[index % inputs.length];
    if (input === undefined) break;
    const bytes = mutate(input.bytes, random);
    const before = process.cpuUsage();
    let outcome = 'answered';
    let failure: string | undefined;
    try {
      await input.judge(bytes);
    } catch (thrown) {
      outcome = isQuantscopeError(thrown) ? 'refused' : 'FAILED';
      if (outcome === 'FAILED')
        failure = `${input.name}, mutant ${index}: ${thrown instanceof Error ? thrown.stack : thrown}`;
    }
    const { user, system } = process.cpuUsage(before);
    slowestMs = Math.max(slowestMs, (user + system) / 1000);
    if (user + system > SLOW_MS * 1000)
      failure = `${input.name}, mutant ${index}: ${(user + system) / 1000} ms`;
    const kind = `${input.name} ${outcome}`;
    counts[kind] = (counts[kind] ?? 0) + 1;
    if ((index + 1) % EVERY !== 0 && failure === undefined && index + 1 < total) continue;
    const residentBytes = process.memoryUsage.rss();
    const progress: Progress = { done: index + 1, counts, slowestMs, residentBytes };
    await new Promise((resolve) =>
      process.send?.(failure === undefined ? progress : { ...progress, failure }, resolve),
    );
  }
  process.disconnect();
}

interface Input {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly judge: (bytes: Uint8Array) => unknown;
}

/** Of ten mutants five are headers, two batches, and one each a template, a policy and results. */
function inputsOf(): Input[] {
  const arrays = manyArrays();
  const whole = parseHeader(arrays);
  const chat = readFileSync(new URL('../fixtures/nano/nano-phi3-Q2_K.gguf', import.meta.url)).subarray(
    0,
    1024,
  );
  const template: Input = { name: 'template', bytes: Buffer.from(TEMPLATE), judge: judgeTemplate };
  const policy: Input = { name: 'policy', bytes: Buffer.from(JSON.stringify(POLICY)), judge: judgePolicy };
  const results: Input = {
    name: 'results',
    bytes: Buffer.from(JSON.stringify(buildResults())),
    judge: judgeResults,
  };
  const header: Input = {
    name: 'arrays',
    bytes: arrays,
    judge: (bytes) => {
      const parsed = parseHeader(bytes);
      const source = { kind: 'file', requests: 0, bytesFetched: 0, hub: null } as const;
      inspectionOf({ ref: 'a', header: parsed, names: ['a'], source, toolVersion: '0', contexts: [512] });
      getStrings(parsed, 'general.tags');
      diffMetadata(whole, parsed);
    },
  };
  const batch: Input = {
    name: 'batch',
    bytes: Uint8Array.from(chat),
    judge: (bytes) => {
      const scans = [scanHeader(bytes), scanHeader(arrays)];
      const shards = scans.map((scan, index) => ({ name: `m-0000${index + 1}-of-00002.gguf`, scan }));
      for (const [index, { name, scan }] of shards.entries())
        validateFile({ name, fileBytes: bytes.length, scan, shards: index === 0 ? shards : null });
    },
  };
  return [header, batch, header, template, header, batch, header, policy, header, results];
}

function judgeTemplate(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('utf8');
  suspicionsOfText(text);
  boundedReport(text);
}

async function judgePolicy(bytes: Uint8Array): Promise<void> {
  const json = await parseWrittenJson(Buffer.from(bytes).toString('utf8')).catch(() => undefined);
  const parsed = policySchema.safeParse(json);
  if (parsed.success)
    validateFile({ name: 'm.gguf', fileBytes: 1, scan: scanHeader(manyArrays()), policy: parsed.data });
}

async function judgeResults(bytes: Uint8Array): Promise<void> {
  const json = await parseWrittenJson(Buffer.from(bytes).toString('utf8')).catch(() => undefined);
  const parsed = resultsSchema.safeParse(json);
  if (parsed.success && parsed.data.variants.length > 0) {
    for (const form of ['table', 'markdown', 'csv'] as const) render(form, parsed.data);
  }
}

const TEMPLATE =
  "{%- for m in messages %}{% if m.role == 'user' %}{{ '<|user|>' ~ m.content | trim ~ '<|end|>\n' }}{% else %}" +
  "{{ m['content'].split('x')[-1].replace('a', 'b') }}{% endif %}{% endfor %}{% set ns = namespace(n=0) %}" +
  "{% for i in range(9) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}";
const POLICY = {
  $schema: 'x',
  architectures: ['llama'],
  maxFileBytes: 100,
  severities: { 'file/kind': 'error' },
};

function manyArrays(): Uint8Array {
  const numbers = (elementType: 'uint32' | 'float32' | 'int32', values: number[]): WritableValue => ({
    type: 'array',
    elementType,
    values,
  });
  const texts = (values: string[]): WritableValue => ({ type: 'array', elementType: 'string', values });
  const metadata: [string, WritableValue][] = [
    ['general.architecture', { type: 'string', value: 'llama' }],
    ['llama.block_count', { type: 'uint32', value: 3 }],
    ['llama.context_length', { type: 'uint32', value: 64 }],
    ['llama.embedding_length', { type: 'uint32', value: 32 }],
    ['llama.attention.head_count', numbers('uint32', [4, 4, 4])],
    ['llama.attention.head_count_kv', numbers('uint32', [2, 2, 2])],
    ['llama.feed_forward_length', numbers('int32', [64, 64, 64])],
    ['general.tags', texts(['a', 'b', ''])],
    ['tokenizer.ggml.model', { type: 'string', value: 'llama' }],
    ['tokenizer.ggml.tokens', texts(['<s>', '</s>', '▁a', '<0x0A>'])],
    ['tokenizer.ggml.scores', numbers('float32', [0, 0, -1, -2])],
    ['tokenizer.ggml.token_type', numbers('int32', [3, 3, 1, 6])],
    ['a.bools', { type: 'array', elementType: 'bool', values: [true, false] }],
  ];
  const tensors = ['token_embd.weight', 'blk.0.attn_k.weight'].map((name) => ({
    name,
    type: 'F32' as const,
    shape: [32, 4],
  }));
  return writeModelBytes({ metadata, tensors });
}

if (process.argv[2] === '--work') await work(Number(process.argv[4]));
else await watch(Number(process.argv[2] ?? 1_000_000));
