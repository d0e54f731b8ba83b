import { open, rm } from 'node:fs/promises';
import type { CacheType } from '../engine/engine.ts';
import type { Scores, Wanted } from '../engine/scores.ts';
import { isAvailable, unavailableBecause } from '../schema/availability.ts';
import type { DepthRow } from '../schema/context.ts';
import { messageOf, QuantscopeError, UsageError } from '../util/errors.ts';
import { formatCount } from '../util/units.ts';
import type { ContextSessions } from './context-plan.ts';
import { chunkDivergence, DivergenceAccumulator, noDivergence } from './divergence.ts';
import { type DepthText, depthText } from './needles.ts';
import { PerplexityAccumulator } from './perplexity.ts';
import { mcNemarExact } from './statistics.ts';

/** A context must hold the facts, the questions and the text whose loss is measured. */
export const LEAST_DEPTH = 1024;
/** Rows of logits that are held at once: memory goes by the vocabulary, not by the context. */
const BATCH_TOKENS = 128;

type Measured = Exclude<DepthRow['measured'], { status: 'unavailable' }>;

export interface DepthPlan extends ContextSessions {
  readonly depths: readonly number[];
  readonly cacheTypes: readonly CacheType[];
  readonly text: string;
  /** Where f16's rows are kept while the other types are compared with them. */
  readonly rowsPath: string;
  /** Why a context of that size is not tried; null where it is. */
  readonly hindrance: (depth: number, cacheType: CacheType) => string | null;
}

/**
 * What each cache type loses at each depth against f16 there, on the same words after ever more text, and which of the
 * facts hidden in that text the model still knows. f16 comes first of each depth. Rows of logits are kept for the words
 * alone, on disk.
 * @throws UsageError, the signal's reason, or what is no failure of the engine's
 */
export async function measureDepths(plan: DepthPlan): Promise<DepthRow[]> {
  const types = [...new Set<CacheType>(['f16', ...plan.cacheTypes])];
  const rows: DepthRow[] = [];
  try {
    for (const depth of plan.depths) {
      let f16: DepthRow['measured'] = unavailableBecause('not measured yet');
      for (const cacheType of types) {
        const measured = await measureOne(depth, cacheType, f16, plan);
        if (cacheType === 'f16') f16 = measured;
        rows.push({ depth, cacheType, measured });
      }
    }
  } finally {
    await rm(plan.rowsPath, { force: true });
  }
  return rows.filter(({ cacheType }) => plan.cacheTypes.some((asked) => asked === cacheType));
}

async function measureOne(
  depth: number,
  cacheType: CacheType,
  f16: DepthRow['measured'],
  plan: DepthPlan,
): Promise<DepthRow['measured']> {
  const isReference = cacheType === 'f16';
  if (!isReference && !isAvailable(f16))
    return unavailableBecause(`f16, which it is held against, was not measured: ${f16.reason}`);
  const hindrance = plan.hindrance(depth, cacheType);
  if (hindrance !== null) return unavailableBecause(hindrance);
  try {
    return await measure(depth, cacheType, isReference || !isAvailable(f16) ? null : f16, plan);
  } catch (thrown) {
    plan.signal?.throwIfAborted();
    if (!(thrown instanceof QuantscopeError) || thrown instanceof UsageError) throw thrown;
    return unavailableBecause(messageOf(thrown));
  }
}

async function measure(
  depth: number,
  cacheType: CacheType,
  reference: Measured | null,
  plan: DepthPlan,
): Promise<DepthRow['measured']> {
  const label = `${formatCount(depth)} tokens deep, ${cacheType}`;
  await using session = await plan.start(label);
  const model = await plan.load(session);
  const tokenized = await session.tokenize(plan.text, false);
  const text = await depthText(session, model, tokenized, depth);
  if ('missing' in text) {
    return unavailableBecause(
      `the text has ${formatCount(tokenized.length)} tokens, ${formatCount(text.missing)} too few: give a longer one with --text`,
    );
  }
  plan.onStep(label, 0, 1);
  const options = { ...plan.contextOptions(cacheType), batchSize: BATCH_TOKENS };
  await session.openContext({ ...options, contextSize: depth });
  if (reference === null) await (await open(plan.rowsPath, 'w')).close();
  const rows = { path: plan.rowsPath, form: 'float32', offsetBytes: 0 } as const;
  const want: Wanted = { kind: reference === null ? 'write' : 'compare', rows };
  const firstScored = text.window.from - 1;
  const scores = await session.score({ tokens: text.tokens, firstScored, want });
  return told(text, scores, reference);
}

function told({ tokens, window, needles }: DepthText, scores: Scores, reference: Measured | null): Measured {
  const positions = window.to - window.from;
  const perplexity = new PerplexityAccumulator(tokens.length);
  perplexity.add(scores.nextLogProb.subarray(0, positions));
  const divergence = new DivergenceAccumulator();
  const whole = scores.kind === 'compare' ? chunkDivergence(scores) : noDivergence(scores);
  divergence.add({
    kld: whole.kld.subarray(0, positions),
    referenceLogProb: whole.referenceLogProb.subarray(0, positions),
    candidateLogProb: whole.candidateLogProb.subarray(0, positions),
    sameTop: whole.sameTop.subarray(0, positions),
  });
  const { meanKld, stderrKld, maxKld, sameTop } = divergence.finish();
  // Position p of the scores says what the token after it is.
  const firstScored = window.from - 1;
  const isNext = (token: number) => scores.topToken[token - 1 - firstScored] === tokens[token];
  const facts = needles.map(({ at, answer: { from, to } }) => ({
    at,
    found: Array.from({ length: to - from }, (_, index) => from + index).every(isNext),
  }));
  const found = facts.filter((fact) => fact.found).length;
  const { value } = perplexity.finish();
  return {
    positions,
    perplexity: value,
    perplexityIncrease: reference === null ? 0 : value / reference.perplexity - 1,
    meanKld,
    stderrKld,
    maxKld,
    sameTop,
    needles: { found, total: facts.length, pValue: reference === null ? 1 : lossOf(facts, reference), facts },
  };
}

/** McNemar's exact test of the facts that f16 knows and this type does not, and the reverse. */
function lossOf(facts: Measured['needles']['facts'], { needles }: Measured): number {
  const flips = (from: boolean) =>
    facts.filter(({ found }, index) => found !== from && needles.facts[index]?.found === from).length;
  return mcNemarExact(flips(true), flips(false));
}
