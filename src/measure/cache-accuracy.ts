import { rm } from 'node:fs/promises';
import type { CacheType } from '../engine/engine.ts';
import { unavailableBecause } from '../schema/availability.ts';
import type { CacheTypeResult } from '../schema/context.ts';
import { messageOf, QuantscopeError, UsageError } from '../util/errors.ts';
import type { ContextSessions } from './context-plan.ts';
import { createReference, openReference } from './reference-file.ts';
import { chunksOf, evaluateText, type TextPlan } from './text-evaluation.ts';

type Accuracy = CacheTypeResult['accuracy'];
type MeasuredAccuracy = Exclude<Accuracy, { status: 'unavailable' }>;

export interface CacheEvaluation extends ContextSessions {
  readonly textPlan: TextPlan;
  /** Where f16's scores are kept while the other types are compared with them. */
  readonly referencePath: string;
}

/**
 * What each cache type costs in accuracy. f16 is first, whose scores the others are held against; a type that llama.cpp
 * refuses says so in its place.
 * @throws UsageError, the signal's reason, or what is no failure of the engine's
 */
export async function cacheAccuracies(
  cacheTypes: readonly CacheType[],
  evaluation: CacheEvaluation,
): Promise<ReadonlyMap<string, Accuracy>> {
  const types = [...new Set<CacheType>(['f16', ...cacheTypes])];
  const accuracies = new Map<string, Accuracy>();
  let f16Perplexity: number | null = null;
  try {
    for (const cacheType of types) {
      try {
        const accuracy: MeasuredAccuracy = await evaluate(cacheType, f16Perplexity, evaluation);
        f16Perplexity ??= accuracy.perplexity;
        accuracies.set(cacheType, accuracy);
      } catch (thrown) {
        evaluation.signal?.throwIfAborted();
        if (!(thrown instanceof QuantscopeError) || thrown instanceof UsageError) throw thrown;
        accuracies.set(cacheType, unavailableBecause(messageOf(thrown)));
        if (cacheType !== 'f16') continue;
        const absent = unavailableBecause(`f16, which it is held against, failed: ${messageOf(thrown)}`);
        return new Map(types.map((type) => [type, absent]));
      }
    }
  } finally {
    await rm(evaluation.referencePath, { force: true });
  }
  return accuracies;
}

/** `f16Perplexity` is null while f16 itself is evaluated. */
async function evaluate(
  cacheType: CacheType,
  f16Perplexity: number | null,
  { textPlan, referencePath, start, load, contextOptions, onStep }: CacheEvaluation,
): Promise<MeasuredAccuracy> {
  const { contextSize } = textPlan;
  const label = `accuracy with ${cacheType}`;
  await using session = await start(label);
  const model = await load(session);
  const planned = await chunksOf(session, model, textPlan);
  await session.openContext({ ...contextOptions(cacheType), contextSize });
  const onChunk = (done: number, total: number) => onStep(label, done, total);
  onChunk(0, planned.chunks.length);
  if (f16Perplexity === null) {
    await using store = await createReference(referencePath, {
      form: 'float32',
      contextSize,
      vocabularySize: model.vocabularySize,
      chunks: planned.chunks,
    });
    const role = { kind: 'reference', store } as const;
    const { perplexity } = await evaluateText(session, planned, textPlan, role, { onChunk });
    await store.finish(null);
    return {
      contextSize,
      chunks: perplexity.chunks,
      perplexity: perplexity.value,
      perplexityIncrease: 0,
      meanKld: 0,
      stderrKld: 0,
      sameTop: 1,
    };
  }
  const store = await openReference(referencePath);
  const role = { kind: 'candidate', store, holds: 'own' } as const;
  const { perplexity, divergence } = await evaluateText(session, planned, textPlan, role, { onChunk });
  if (divergence === null) throw new QuantscopeError('context/no-divergence', 'no divergence was computed');
  return {
    contextSize,
    chunks: perplexity.chunks,
    perplexity: perplexity.value,
    perplexityIncrease: perplexity.value / f16Perplexity - 1,
    meanKld: divergence.meanKld,
    stderrKld: divergence.stderrKld,
    sameTop: divergence.sameTop,
  };
}
