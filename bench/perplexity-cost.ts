/**
 * What scoring costs beside evaluating: the time of a chunk evaluated with output at the scored positions and nothing
 * read, against the same chunk scored for perplexity, and against the reference's and a candidate's share of a bounded
 * divergence. In one process, by turns, on a phi3 file with Phi-3's vocabulary of 32,064 tokens.
 *
 *     npm run build && npx tsx bench/perplexity-cost.ts [model.gguf] [rounds]
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';
import { bindingsIn } from '../src/engine/bindings.ts';
import type { ScoreRequest } from '../src/engine/engine.ts';
import { Scorer } from '../src/engine/scorer.ts';
import { SMALL_PHI3, writeRandomPhi3 } from './random-phi3.ts';

const CHUNK = 512;
const FIRST_SCORED = CHUNK / 2;

const WORKERS = availableParallelism();
if (process.env['UV_THREADPOOL_SIZE'] !== String(WORKERS)) {
  // The pool is sized when Node starts: begin again as the engine's own process does.
  const { status } = spawnSync(
    process.execPath,
    [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)],
    { stdio: 'inherit', env: { ...process.env, UV_THREADPOOL_SIZE: String(WORKERS) } },
  );
  process.exit(status ?? 1);
}

const scratch = await mkdtemp(join(tmpdir(), 'quantscope-bench-'));
try {
  const path = process.argv[2] ?? join(scratch, 'phi3.gguf');
  if (process.argv[2] === undefined) await writeRandomPhi3(path, SMALL_PHI3);
  await measure(path, Number(process.argv[3] ?? 8));
} finally {
  await rm(scratch, { recursive: true, force: true });
}

async function measure(path: string, rounds: number): Promise<void> {
  const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 0, logLevel: LlamaLogLevel.error });
  const bindings = bindingsIn(Reflect.get(llama, '_bindings'));
  const model = new bindings.AddonModel(path, { addonExports: bindings, gpuLayers: 0, useMmap: true });
  await model.init();
  const context = new bindings.AddonContext(model, {
    contextSize: CHUNK,
    batchSize: CHUNK,
    sequences: 1,
    threads: availableParallelism(),
    flashAttention: 'auto',
    kvCacheKeyType: 1,
    kvCacheValueType: 1,
  });
  await context.init();
  const scorer = new Scorer(bindings, model, SMALL_PHI3.vocabulary, WORKERS);
  const tokens = Uint32Array.from({ length: CHUNK }, (_, i) => (i === 0 ? 1 : 400 + ((i * 131) % 31_000)));
  const outputs = Uint32Array.from({ length: CHUNK - 1 - FIRST_SCORED }, (_, i) => FIRST_SCORED + i);

  const bare = async () => {
    context.disposeSequence(0);
    context.initBatch(CHUNK);
    context.addToBatch(0, 0, tokens, outputs);
    await context.decodeBatch();
  };
  const scored = (want: ScoreRequest['want']) => async () => {
    context.disposeSequence(0);
    return scorer.score(context, CHUNK, { tokens, firstScored: FIRST_SCORED, want });
  };
  // As many tokens a position as a trained model needs for 99.9 % of its probability, give or take.
  const kept = 64;
  const offsets = Uint32Array.from({ length: outputs.length + 1 }, (_, i) => i * kept);
  const asked = Uint32Array.from({ length: outputs.length * kept }, (_, i) => 400 + ((i * 977) % 31_000));
  const ways = {
    'evaluated alone': bare,
    'scored for perplexity': scored({ kind: 'next' }),
    'reference, top 64': scored({ kind: 'top', mass: 1, limit: kept }),
    'candidate, 64 tokens': scored({
      kind: 'tokens',
      offsets,
      tokens: asked.map((token, i) => token + (i % 7)),
    }),
  };
  const times = new Map<string, number[]>();
  for (let round = 0; round <= rounds; round++) {
    for (const [name, way] of Object.entries(ways)) {
      const started = performance.now();
      await way();
      // The first round warms up.
      if (round > 0) times.set(name, [...(times.get(name) ?? []), performance.now() - started]);
    }
  }
  const base = median(times.get('evaluated alone') ?? []);
  for (const [name, samples] of times) {
    const ms = median(samples);
    process.stdout.write(
      `${name.padEnd(24)}${ms.toFixed(1).padStart(8)} ms a chunk   ratio ${(ms / base).toFixed(2)}\n`,
    );
  }
  await llama.dispose();
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
