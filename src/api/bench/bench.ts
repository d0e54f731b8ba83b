import { basename } from 'node:path';
import { layerMemories } from '../../device/attention-layers.ts';
import { leftToCpu } from '../../device/kernels.ts';
import { kvCacheBytes } from '../../device/kv-cache.ts';
import type { GgufHeader } from '../../gguf/index.ts';
import type { BenchModel, BenchPoint, BenchStep } from '../../measure/bench-plan.ts';
import { runBench } from '../../measure/bench-run.ts';
import { isOwn } from '../../measure/share.ts';
import { describeFile } from '../../measure/size.ts';
import type { SpeedTest } from '../../measure/speed.ts';
import { type ReadModel, readModel } from '../../model/model.ts';
import type { BenchResults } from '../../schema/bench.ts';
import { QuantscopeError, UsageError } from '../../util/errors.ts';
import { packageVersion } from '../../util/package-files.ts';
import { formatDuration, formatRate } from '../../util/units.ts';
import { environmentHere } from '../environment.ts';
import { hostOf } from '../host.ts';
import { modelsFor } from '../local-models.ts';
import type { Filled } from '../request.ts';
import { shardOf } from '../shard.ts';
import { BENCH_DEFAULTS, type BenchRequest, MOST_MINUTES, TURN_PROMPT } from './request.ts';

type Request = Filled<BenchRequest, typeof BENCH_DEFAULTS>;

/** Tokens that no windowed layer drops, to take the cache's bytes per token from. */
const FEW_TOKENS = 256;

/**
 * What `quantscope bench --json` prints: the speed of every model, setting and test by llama-bench's method, each
 * configuration in a process of its own. What is on the Hub is downloaded first.
 * @throws UsageError `bench/no-tests`, `bench/minutes`, `usage/shard` and what refs throw; EngineError when no engine can be started at all; the signal's
 *   reason. A test that fails is a row with its reason
 */
export async function bench(refs: readonly string[], asked: BenchRequest = {}): Promise<BenchResults> {
  const request: Request = { ...BENCH_DEFAULTS, ...asked };
  const host = hostOf(asked);
  const { signal, progress } = host;
  const { minutes } = request;
  const tests = minutes === undefined ? testsOf(request) : turnsOf(asked, minutes);
  const points = pointsOf(request);
  const share = request.shard === undefined ? null : shardOf(request.shard, process.env);
  const found = await modelsFor(refs, host);
  const own = found.filter((_, index) => isOwn(share, index));
  const models = (await Promise.all(own.map((model) => readModel(model, signal)))).map(modelOf);
  const count = models.length * points.length * tests.length;
  let rows = 0;
  const { repetitions, seed } = request;
  return runBench(
    {
      models,
      points,
      tests,
      // Of a curve there is one.
      repetitions: minutes === undefined ? repetitions : 1,
      minutes,
      seed,
      toolVersion: packageVersion(),
      shard: share === null ? undefined : { ...share, models: found.length },
    },
    {
      ...(await environmentHere(host, request.timeout, request.lock)),
      onStep: (step) =>
        progress({
          kind: 'step',
          subject: step.model,
          stage: stageOf(step),
          done: step.done,
          total: step.total,
          piece: [Math.min(rows + 1, count), count],
        }),
      onRow: async (row, soFar) => {
        rows = soFar.rows.length;
        progress({ kind: 'idle' });
        await request.onRow?.(row, soFar);
      },
    },
  );
}

function stageOf({ what, test, done, total, generationTps }: BenchStep): string {
  switch (what) {
    case 'start':
    case 'load':
      return what;
    case 'threads':
      return 'finding the best threads';
    case 'warm-up':
      return `${test} ${what}`;
    case 'cool-down':
      return `cooling down, ${formatDuration(1000 * (total - done))} at most`;
    case 'test':
      return generationTps == null
        ? test
        : `${test}, ${formatRate(generationTps)} t/s, ${formatDuration(1000 * done)} of ${formatDuration(1000 * total)}`;
  }
}

function modelOf({ ref, path, bytes, header }: ReadModel): BenchModel {
  if (header instanceof QuantscopeError) {
    const nothing = () => 0;
    return {
      ref: ref || basename(path),
      path,
      sizeBytes: bytes,
      described: header,
      kvBytesPerToken: nothing,
      leftToCpu: () => [],
    };
  }
  const described = describeFile(header, path);
  return {
    ref,
    path,
    // Of all shards together, which the file on its own may not be.
    sizeBytes: described.tokenRead.weightsBytes,
    described,
    kvBytesPerToken: kvBytesPerTokenOf(header),
    leftToCpu: (backend, point) => leftToCpu(header, backend, point),
  };
}

function kvBytesPerTokenOf(header: GgufHeader): BenchModel['kvBytesPerToken'] {
  const layers = layerMemories(header);
  return (keyType, valueType) =>
    kvCacheBytes(layers, { contextSize: FEW_TOKENS, keyType, valueType, microBatch: FEW_TOKENS }) /
    FEW_TOKENS;
}

/**
 * The tests of each configuration in llama-bench's order: for each depth prompts, generations, then both as one.
 * @throws UsageError `bench/no-tests`
 */
function testsOf({ prompt, generate, promptGenerate, depth }: Request): SpeedTest[] {
  const tests = depth.flatMap((tokens): SpeedTest[] => [
    ...prompt.map((promptTokens) => ({ promptTokens, generationTokens: 0, depth: tokens })),
    ...generate.map((generationTokens) => ({ promptTokens: 0, generationTokens, depth: tokens })),
    ...promptGenerate.map(([promptTokens, generationTokens]) => ({
      promptTokens,
      generationTokens,
      depth: tokens,
    })),
  ]);
  const real = tests.filter(({ promptTokens, generationTokens }) => promptTokens + generationTokens > 0);
  if (real.length > 0) return real;
  throw new UsageError('bench/no-tests', 'there is nothing to time: -p and -n are both 0', {
    hint: 'Give -p the tokens of a prompt, -n those of a generation, or --prompt-generate both.',
  });
}

/**
 * A turn of a chat for each combination of prompt, generation and depth.
 * @throws UsageError `bench/minutes`, `bench/no-tests`
 */
function turnsOf(
  { prompt, generate, promptGenerate, depth, repetitions }: BenchRequest,
  minutes: number,
): SpeedTest[] {
  const refuse = (what: string) => {
    throw new UsageError('bench/minutes', what, {
      hint: `Give minutes from above 0 to ${MOST_MINUTES}; -p and -n are the tokens of a turn, which is repeated until they are over.`,
    });
  };
  if (!(minutes > 0 && minutes <= MOST_MINUTES)) refuse(`nothing can be repeated for ${minutes} minutes`);
  if (repetitions !== undefined) refuse('--repetitions says nothing where --minutes says how long');
  if ((promptGenerate ?? []).length > 0)
    refuse('--prompt-generate is a test of its own, not one of --minutes');
  const tests = (depth ?? BENCH_DEFAULTS.depth).flatMap((tokens) =>
    (prompt ?? TURN_PROMPT).flatMap((promptTokens) =>
      (generate ?? BENCH_DEFAULTS.generate).map((generationTokens) => ({
        promptTokens,
        generationTokens,
        depth: tokens,
      })),
    ),
  );
  const real = tests.filter(({ generationTokens }) => generationTokens > 0);
  if (real.length > 0) return real;
  throw new UsageError(
    'bench/no-tests',
    'there is nothing to repeat: --minutes times generation, and -n is 0',
    {
      hint: 'Give -n the tokens of a reply, such as 128.',
    },
  );
}

/** Every combination of settings once; what the CPU ignores does not multiply its points. */
function pointsOf(request: Request): BenchPoint[] {
  const counts = request.threads ?? (['engine'] as const);
  // The CPU first: a GPU's rows are held against its.
  const backends = [...request.gpu].sort((a, b) => Number(b === 'off') - Number(a === 'off'));
  const points: BenchPoint[] = [];
  for (const gpu of backends) {
    for (const gpuLayers of gpu === 'off' ? [0] : request.gpuLayers) {
      for (const batchSize of request.batchSize) {
        for (const keyType of request.cacheTypeK) {
          for (const valueType of request.cacheTypeV) {
            for (const flashAttention of request.flashAttn) {
              for (const threads of counts) {
                points.push({ gpu, gpuLayers, threads, batchSize, keyType, valueType, flashAttention });
              }
            }
          }
        }
      }
    }
  }
  return points;
}
