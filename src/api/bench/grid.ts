import type { BenchOptions } from '../../cli/bench/command.ts';
import type { BenchPoint } from '../../measure/bench-plan.ts';
import type { SpeedTest } from '../../measure/speed.ts';
import { UsageError } from '../../util/errors.ts';

/**
 * The tests of each configuration in llama-bench's order: for each depth prompts, generations, then both as one.
 * @throws UsageError `bench/no-tests`
 */
export function testsOf({ prompt, generate, promptGenerate, depth }: BenchOptions): SpeedTest[] {
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

/** Every combination of settings once; what the CPU ignores does not multiply its points. */
export function pointsOf(options: BenchOptions): BenchPoint[] {
  const threads = options.threads ?? (['engine'] as const);
  // The CPU first: a GPU's rows are held against its.
  const backends = [...options.gpu].sort((a, b) => Number(b === 'off') - Number(a === 'off'));
  const points = backends.flatMap((gpu) =>
    (gpu === 'off' ? [0] : options.gpuLayers).flatMap((gpuLayers) =>
      options.batchSize.flatMap((batchSize) =>
        options.cacheTypeK.flatMap((keyType) =>
          options.cacheTypeV.flatMap((valueType) =>
            options.flashAttn.flatMap((flashAttention) =>
              threads.map(
                (count): BenchPoint => ({
                  gpu,
                  gpuLayers,
                  threads: count,
                  batchSize,
                  keyType,
                  valueType,
                  flashAttention,
                }),
              ),
            ),
          ),
        ),
      ),
    ),
  );
  return points;
}
