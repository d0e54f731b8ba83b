import type { EngineSession, FullScores, KeptScores, LoadedModel, Wanted } from '../engine/engine.ts';
import { QuantscopeError } from '../util/errors.ts';
import { DivergenceAccumulator } from './divergence.ts';
import { type ChunkPlan, PerplexityAccumulator, planChunks, replanChunks } from './perplexity.ts';
import type { ReferenceWriter, ScoresSource } from './reference-store.ts';
import type { Divergence, Perplexity } from './results.ts';

/** The reference keeps a position's most likely tokens until this share of the probability, at most so many. */
const KEPT_MASS = 0.999;
const KEPT_LIMIT = 512;

/** Up to this vocabulary whole distributions cost less than a position's evaluation. */
const EXACT_VOCABULARY_LIMIT = 4096;

/** What the variant is in the comparison: alone, the reference whose scores are kept, or compared with them. */
export type TextRole =
  | { readonly kind: 'alone' }
  | { readonly kind: 'reference'; readonly store: ReferenceWriter }
  | { readonly kind: 'candidate'; readonly store: ScoresSource };

export interface TextPlan {
  readonly text: string;
  /** Tokens that a saved reference was scored on, instead of the text's. */
  readonly savedChunks?: readonly Uint32Array[];
  readonly contextSize: number;
  /** null is all of the text. */
  readonly chunks: number | null;
  readonly method: 'exact' | 'bounded';
}

export function divergenceMethod(
  asked: 'auto' | 'exact' | 'bounded',
  vocabularySize: number,
): 'exact' | 'bounded' {
  if (asked !== 'auto') return asked;
  return vocabularySize <= EXACT_VOCABULARY_LIMIT ? 'exact' : 'bounded';
}

/** The text as llama-perplexity evaluates it: ids without special tokens, without the file's last newline. */
export async function chunksOf(
  session: EngineSession,
  model: LoadedModel,
  plan: TextPlan,
): Promise<ChunkPlan> {
  const options = {
    contextSize: plan.contextSize,
    chunks: plan.chunks,
    bosToken: model.bosToken,
    addBos: model.addsBos,
  };
  if (plan.savedChunks !== undefined) return replanChunks(plan.savedChunks, options);
  return planChunks(await session.tokenize(plan.text.replace(/\n$/, ''), false), options);
}

/**
 * Perplexity by llama-perplexity's method, and in the same pass the divergence from the reference. The session's open
 * context must hold `plan.contextSize` tokens.
 */
export async function evaluateText(
  session: EngineSession,
  planned: ChunkPlan,
  plan: TextPlan,
  role: TextRole,
  onChunk: (done: number, total: number) => void,
): Promise<{ perplexity: Perplexity; divergence: Divergence | null }> {
  const perplexity = new PerplexityAccumulator(plan.contextSize);
  const divergence = role.kind === 'alone' ? null : new DivergenceAccumulator();
  for (const [index, tokens] of planned.chunks.entries()) {
    const reference = role.kind === 'candidate' ? await role.store.next() : null;
    const want = wantedOf(role, reference, plan.method);
    const scores = await session.score({ tokens, firstScored: planned.firstScored, want });
    perplexity.add(scores.nextLogProb);
    if (scores.kind !== 'next' && divergence !== null) {
      if (role.kind === 'reference') {
        await role.store.append(scores);
        divergence.add(scores, scores);
      } else if (reference !== null) divergence.add(reference, scores);
    }
    onChunk(index + 1, planned.chunks.length);
  }
  return { perplexity: perplexity.finish(), divergence: divergence?.finish() ?? null };
}

function wantedOf(
  role: TextRole,
  reference: FullScores | KeptScores | null,
  method: 'exact' | 'bounded',
): Wanted {
  switch (role.kind) {
    case 'alone':
      return { kind: 'next' };
    case 'reference':
      return method === 'exact' ? { kind: 'full' } : { kind: 'top', mass: KEPT_MASS, limit: KEPT_LIMIT };
    case 'candidate':
      if (reference === null) throw new QuantscopeError('reference/missing', 'a candidate has no reference');
      return reference.kind === 'full'
        ? { kind: 'full' }
        : { kind: 'tokens', offsets: reference.offsets, tokens: reference.tokens };
  }
}
