import type { EngineSession, FullScores, KeptScores, LoadedModel, Wanted } from '../engine/engine.ts';
import type { Divergence, Perplexity } from '../schema/results.ts';
import { type ChunkDivergence, chunkDivergence, DivergenceAccumulator } from './divergence.ts';
import { type ChunkPlan, PerplexityAccumulator, planChunks, replanChunks } from './perplexity.ts';
import type { ReferenceWriter, ScoresSource } from './reference-store.ts';

/** The reference keeps a position's most likely tokens until this share of the probability, at most so many. */
const KEPT_MASS = 0.999;
const KEPT_LIMIT = 512;

/** Up to this vocabulary whole distributions cost less than a position's evaluation. */
const EXACT_VOCABULARY_LIMIT = 4096;

/**
 * What the variant is in the comparison: alone, the reference whose scores are kept, or compared with them. A store holds
 * the chunks that are this run's own, or all of the text's.
 */
export type TextRole =
  | { readonly kind: 'alone' }
  | { readonly kind: 'reference'; readonly store: ReferenceWriter }
  | { readonly kind: 'candidate'; readonly store: ScoresSource; readonly holds: 'own' | 'all' };

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

/** What one chunk said, for whoever puts the chunks of several machines together. */
export interface EvaluatedChunk {
  /** Its place in the text. */
  readonly index: number;
  readonly nextLogProb: Float64Array;
  /** null where there was no reference. */
  readonly divergence: ChunkDivergence | null;
}

export interface EvaluatedText {
  readonly perplexity: Perplexity;
  /** null where there was no reference. */
  readonly divergence: Divergence | null;
}

export interface TextHooks {
  onChunk(done: number, total: number): void;
  /** Takes note of what a chunk said; most runs need the sums alone. */
  keep?(chunk: EvaluatedChunk): void;
}

/**
 * Perplexity by llama-perplexity's method, and in the same pass the divergence from the reference. The session's open
 * context must hold `plan.contextSize` tokens.
 * @param isOwn which chunks are this run's; the others are somebody else's
 */
export async function evaluateText(
  session: EngineSession,
  planned: ChunkPlan,
  plan: TextPlan,
  role: TextRole,
  hooks: TextHooks,
  isOwn: (chunk: number) => boolean = () => true,
): Promise<EvaluatedText> {
  const text = new TextAccumulator(plan.contextSize);
  const total = planned.chunks.filter((_, index) => isOwn(index)).length;
  let done = 0;
  for (const [index, tokens] of planned.chunks.entries()) {
    if (!isOwn(index)) {
      if (role.kind === 'candidate' && role.holds === 'all') await role.store.next();
      continue;
    }
    const kept = role.kind === 'candidate' && role.store.kind === 'kept' ? await role.store.next() : null;
    const want = wantedOf(role, kept, plan.method);
    const scores = await session.score({ tokens, firstScored: planned.firstScored, want });
    // A chunk of whole distributions is 33 MB at 32,064 tokens: it is read when the engine's have come over.
    const reference = kept ?? (role.kind === 'candidate' ? await role.store.next() : null);
    if (role.kind === 'reference' && scores.kind !== 'next') await role.store.append(scores);
    const other = role.kind === 'reference' && scores.kind !== 'next' ? scores : reference;
    const divergence = other === null || scores.kind === 'next' ? null : chunkDivergence(other, scores);
    const chunk: EvaluatedChunk = { index, nextLogProb: scores.nextLogProb, divergence };
    text.add(chunk);
    hooks.keep?.(chunk);
    hooks.onChunk(++done, total);
  }
  return text.finish();
}

/** Sums up chunks in the order of the text. */
export class TextAccumulator {
  readonly #perplexity: PerplexityAccumulator;
  #divergence: DivergenceAccumulator | null = null;

  /** @param contextSize tokens a chunk, for the record */
  constructor(contextSize: number) {
    this.#perplexity = new PerplexityAccumulator(contextSize);
  }

  add({ nextLogProb, divergence }: EvaluatedChunk): void {
    this.#perplexity.add(nextLogProb);
    if (divergence === null) return;
    this.#divergence ??= new DivergenceAccumulator();
    this.#divergence.add(divergence);
  }

  finish(): EvaluatedText {
    return { perplexity: this.#perplexity.finish(), divergence: this.#divergence?.finish() ?? null };
  }
}

function wantedOf(role: TextRole, kept: FullScores | KeptScores | null, method: 'exact' | 'bounded'): Wanted {
  switch (role.kind) {
    case 'alone':
      return { kind: 'next' };
    case 'reference':
      return method === 'exact' ? { kind: 'full' } : { kind: 'top', mass: KEPT_MASS, limit: KEPT_LIMIT };
    case 'candidate':
      return kept?.kind === 'kept'
        ? { kind: 'tokens', offsets: kept.offsets, tokens: kept.tokens }
        : { kind: 'full' };
  }
}
