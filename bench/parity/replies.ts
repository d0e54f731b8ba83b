/**
 * Greedy replies of the engine beside those of a C++ program on the same libraries: the same tokens, prompt by prompt.
 *
 *     npm run build && npx tsx bench/parity/replies.ts model.gguf [model.gguf ...]
 *
 * Exit code: 0 all replies are the same, or the program cannot be compiled here; 1 one is not.
 */
import { spawnSync } from 'node:child_process';
import envPaths from 'env-paths';
import { GREEDY } from '../../src/api/kit/golden.ts';
import { startEngineProcess } from '../../src/engine/index.ts';
import { buildProgram, findSource } from './llama-cpp.ts';

const REPLY_TOKENS = 48;
const THREADS = 1;
const CACHE = envPaths('quantscope', { suffix: '' }).cache;

/** Fifty beginnings: ten subjects in five forms, so that prompts differ in length, register and script. */
const SUBJECTS = [
  'a river',
  'the moon',
  'bread',
  'a young fox',
  'iron',
  'winter',
  'chess',
  'the sea',
  'a clock',
  'rain',
];
const FORMS = [
  (subject: string) => `Once upon a time there was ${subject} that`,
  (subject: string) => `Question: What is ${subject}? Answer:`,
  (subject: string) => `def describe():\n    return "${subject}`.replace('\n', ' '),
  (subject: string) => `Ein Gedicht über ${subject}: «`,
  (subject: string) => `The three most important facts about ${subject} are 1.`,
];
const PROMPTS = FORMS.flatMap((form) => SUBJECTS.map(form));

async function main(): Promise<number> {
  const source = await findSource();
  if ('missing' in source) {
    process.stderr.write(`skipped: ${source.missing}\n`);
    return 0;
  }
  const { program, libraryFolder } = await buildProgram(source, 'greedy.cpp', CACHE);
  let different = 0;
  for (const path of process.argv.slice(2)) different += await compare(path, program, libraryFolder);
  return different === 0 ? 0 : 1;
}

async function compare(path: string, program: string, folder: string): Promise<number> {
  const run = spawnSync(program, [folder, path, String(THREADS), String(REPLY_TOKENS)], {
    input: `${PROMPTS.join('\n')}\n`,
    encoding: 'utf8',
  });
  if (run.status !== 0) throw new Error(`greedy failed: ${run.stderr}`);
  const expected = run.stdout.split('\n').slice(0, PROMPTS.length);
  await using session = await startEngineProcess({ gpu: 'off', build: 'prebuilt', callTimeoutMs: 600_000 });
  const { addsBos, bosToken } = await session.loadModel({ path, gpuLayers: 0 });
  await session.openContext({
    contextSize: 1024,
    sequences: 1,
    batchSize: 512,
    threads: THREADS,
    flashAttention: 'auto',
    keyType: 'f16',
    valueType: 'f16',
  });
  let different = 0;
  let tokens = 0;
  for (const [index, prompt] of PROMPTS.entries()) {
    const ids = await session.tokenize(prompt, true);
    const { tokens: reply } = await session.generate(
      {
        prompt: addsBos && bosToken !== null ? Uint32Array.of(bosToken, ...ids) : ids,
        maxTokens: REPLY_TOKENS,
        sampling: GREEDY,
        stopTexts: [],
        candidates: 0,
      },
      { onStep: () => {} },
    );
    tokens += reply.length;
    if (reply.join(' ') === expected[index]) continue;
    different += 1;
    process.stdout.write(`${prompt}\n  engine ${reply.join(' ')}\n  C++    ${expected[index]}\n`);
  }
  process.stdout.write(
    `${path}: ${PROMPTS.length - different} of ${PROMPTS.length} replies are the same, ${tokens} tokens\n`,
  );
  return different;
}

process.exitCode = await main();
