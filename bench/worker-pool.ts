/**
 * Generation speed through quantscope's engine against node-llama-cpp as it comes, on the same file in the same run:
 * the public sequence API and the binding's own calls, both with libuv's default pool of four workers.
 *
 *     npm run build && npx tsx bench/worker-pool.ts [model.gguf] [rounds]
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startEngineProcess } from '../dist/index.js';

const model =
  process.argv[2] ?? fileURLToPath(new URL('../fixtures/nano/nano-phi3-Q4_K_M.gguf', import.meta.url));
const rounds = Number(process.argv[3] ?? 3);
const TOKENS = 128;
const THREADS = 2;

/** A plain Node process, so that the pool is what Node makes by default. */
const PEER = fileURLToPath(new URL('node-llama-cpp-generation.js', import.meta.url));

async function ours(): Promise<number> {
  await using session = await startEngineProcess({ gpu: 'off', workers: 1, callTimeoutMs: 600_000 });
  await session.loadModel({ path: model, gpuLayers: 0 });
  await session.openContext({
    contextSize: 512,
    sequences: 1,
    batchSize: 512,
    threads: THREADS,
    flashAttention: 'auto',
    keyType: 'f16',
    valueType: 'f16',
  });
  const tokens = Uint32Array.from({ length: TOKENS }, (_, i) => 1 + (i % 5));
  // As the product does: a prompt first, which also lets the system spread the threads over the cores.
  await session.timePrompt(Uint32Array.from({ length: 512 }, (_, i) => 1 + (i % 500)));
  await session.timeGeneration(new Uint32Array(), tokens);
  return TOKENS / ((await session.timeGeneration(new Uint32Array(), tokens)) / 1e9);
}

function defaults(): { session: number; raw: number } {
  const { UV_THREADPOOL_SIZE: _, ...env } = process.env;
  const output = execFileSync(process.execPath, [PEER, model, String(TOKENS), String(THREADS)], {
    encoding: 'utf8',
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(output.trim().split('\n').at(-1) ?? '');
}

const print = (line: string) => process.stdout.write(`${line}\n`);
print('round   quantscope   node-llama-cpp session   its binding   ratio to session   ratio to binding');
for (let round = 1; round <= rounds; round++) {
  const theirs = defaults();
  const rate = await ours();
  const cells = [rate, theirs.session, theirs.raw, rate / theirs.session, rate / theirs.raw];
  print(`${String(round).padEnd(8)}${cells.map((cell) => cell.toFixed(1).padStart(14)).join('')}`);
}
