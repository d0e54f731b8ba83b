import { unavailableBecause } from '../schema/availability.ts';
import type { ContextResults } from '../schema/context.ts';
import type { CacheType } from '../schema/terms.ts';
import { messageOf, QuantscopeError, UsageError } from '../util/errors.ts';
import { formatCount } from '../util/units.ts';
import type { ContextSessions } from './context-plan.ts';
import { chunksOf, evaluateText, type TextPlan } from './text-evaluation.ts';

export interface StretchedPlan extends ContextSessions {
  /** The context that is to be recommended. */
  readonly contextSize: number;
  readonly cacheType: CacheType;
  /** The largest context whose positions get the rope factors of the original length. */
  readonly unstretched: number;
  /** The text as its perplexity was measured, in contexts of its own size. */
  readonly textPlan: TextPlan;
  readonly perplexity: number;
}

/**
 * Rope factors go by a context's size: what was measured in a small one does not hold where others are taken. The same
 * text's perplexity under the factors of the larger.
 * @returns null where both have the same factors; the reason where it could not be measured
 * @throws UsageError, the signal's reason
 */
export async function stretchedAccuracy({
  contextSize,
  cacheType,
  unstretched,
  textPlan,
  perplexity: before,
  start,
  load,
  contextOptions,
  signal,
  onStep,
}: StretchedPlan): Promise<ContextResults['stretched']> {
  if (contextSize > unstretched === textPlan.contextSize > unstretched) return null;
  const label = `accuracy at ${formatCount(contextSize)} tokens`;
  try {
    await using session = await start(label);
    const model = await load(session);
    const planned = await chunksOf(session, model, textPlan);
    await session.openContext({ ...contextOptions(cacheType), contextSize });
    const onChunk = (done: number, total: number) => onStep(label, done, total);
    const { perplexity } = await evaluateText(session, planned, textPlan, { kind: 'alone' }, { onChunk });
    return {
      contextSize,
      cacheType,
      chunks: perplexity.chunks,
      perplexity: perplexity.value,
      perplexityIncrease: perplexity.value / before - 1,
      unstretched,
    };
  } catch (thrown) {
    signal?.throwIfAborted();
    if (!(thrown instanceof QuantscopeError) || thrown instanceof UsageError) throw thrown;
    return unavailableBecause(messageOf(thrown));
  }
}
