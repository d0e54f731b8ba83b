/**
 * What scoring costs beside evaluating: a chunk evaluated with output at the scored positions and nothing read, against
 * the same chunk scored for perplexity, with its rows kept as a reference's, and compared with them. In one process, by
 * turns, on a phi3 file with Phi-3's vocabulary of 32,064 tokens; elapsed and processor time.
 *
 *     npm run build && npx tsx bench/perplexity-cost.ts [model.gguf] [rounds]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBinary } from '../src/engine/binaries.ts';
import { Context } from '../src/engine/context.ts';
import { loadLlamaCpp } from '../src/engine/llama-cpp/library.ts';
import { Model } from '../src/engine/model.ts';
import { ProblemLog } from '../src/engine/problem-log.ts';
import { scoreChunk } from '../src/engine/scorer.ts';
import type { ScoreRequest } from '../src/engine/scores.ts';
import { ScoringThreads } from '../src/engine/scoring-threads.ts';
import { SMALL_PHI3, writeRandomPhi3 } from './random-phi3.ts';

const CHUNK = 512;
const FIRST_SCORED = CHUNK / 2;

const scratch = await mkdtemp(join(tmpdir(), 'quantscope-bench-'));
try {
  const path = process.argv[2] ?? join(scratch, 'phi3.gguf');
  if (process.argv[2] === undefined) await writeRandomPhi3(path, SMALL_PHI3);
  await measure(path, Number(process.argv[3] ?? 8));
} finally {
  await rm(scratch, { recursive: true, force: true });
}

async function measure(path: string, rounds: number): Promise<void> {
  const { folder } = await findBinary('off', 'prebuilt');
  const llamaCpp = loadLlamaCpp({ folder, cpuOnly: true, onLog: () => {} });
  const model = await Model.load(llamaCpp, { path, gpuLayers: 0 }, false);
  if (model === null) throw new Error(`llama.cpp refused ${path}`);
  const context = await Context.open(llamaCpp, new ProblemLog(), model, {
    contextSize: CHUNK,
    batchSize: CHUNK,
    sequences: 1,
    threads: availableParallelism(),
    flashAttention: 'auto',
    keyType: 'f16',
    valueType: 'f16',
  });
  if (context === null) throw new Error('llama.cpp opened no context');
  const { vocabularySize } = model.facts;
  const tokens = Uint32Array.from({ length: CHUNK }, (_, i) =>
    i === 0 ? 1 : 400 + ((i * 131) % (vocabularySize - 400)),
  );
  const threads = new ScoringThreads(vocabularySize);
  const rows = { path: join(scratch, 'rows'), form: 'float32', offsetBytes: 0 } as const;
  await writeFile(rows.path, '');
  const scored = (want: ScoreRequest['want']) => () =>
    scoreChunk(context, threads, { tokens, firstScored: FIRST_SCORED, want });
  const ways = {
    'evaluated alone': () =>
      context.evaluateParts([{ sequence: 0, position: 0, tokens, firstOutput: FIRST_SCORED }]),
    'scored for perplexity': scored({ kind: 'next' }),
    'kept as a reference': scored({ kind: 'write', rows }),
    'compared with it': scored({ kind: 'compare', rows }),
  };
  const times = new Map<string, { readonly elapsed: number; readonly processor: number }[]>();
  for (let round = 0; round <= rounds; round++) {
    for (const [name, way] of Object.entries(ways)) {
      context.clear();
      const [started, used] = [performance.now(), process.cpuUsage()];
      await way();
      const { user, system } = process.cpuUsage(used);
      const taken = { elapsed: performance.now() - started, processor: (user + system) / 1000 };
      // The first round warms up.
      if (round > 0) times.set(name, [...(times.get(name) ?? []), taken]);
    }
  }
  await threads[Symbol.asyncDispose]();
  const medians = [...times].map(([name, samples]) => ({
    name,
    elapsed: median(samples.map(({ elapsed }) => elapsed)),
    processor: median(samples.map(({ processor }) => processor)),
  }));
  const [base] = medians;
  for (const { name, elapsed, processor } of medians) {
    const of = (ms: number, baseMs = Number.NaN) =>
      `${ms.toFixed(1).padStart(9)} ms (${(ms / baseMs).toFixed(3)})`;
    process.stdout.write(
      `${name.padEnd(22)} elapsed ${of(elapsed, base?.elapsed)}   processor ${of(processor, base?.processor)}\n`,
    );
  }
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
