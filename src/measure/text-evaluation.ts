import type { EngineSession, LoadedModel } from '../engine/engine.ts';
import type { Scores, Wanted } from '../engine/scores.ts';
import type { Divergence, Perplexity } from '../schema/results.ts';
import { type ChunkDivergence, chunkDivergence, DivergenceAccumulator, noDivergence } from './divergence.ts';
import { type ChunkPlan, PerplexityAccumulator, planChunks, replanChunks } from './perplexity.ts';
import type { RowStore } from './reference-file.ts';

/**
 * What the variant is in the comparison: alone, the reference whose rows are kept, or compared with them. A store holds
 * the chunks that are this run's own, or all of the text's.
 */
export type TextRole =
  | { readonly kind: 'alone' }
  | { readonly kind: 'reference'; readonly store: RowStore }
  | { readonly kind: 'candidate'; readonly store: RowStore; readonly holds: 'own' | 'all' };

export interface TextPlan {
  readonly text: string;
  /** Tokens that a saved reference was scored on, instead of the text's. */
  readonly savedChunks?: readonly Uint32Array[];
  readonly contextSize: number;
  /** null is all of the text. */
  readonly chunks: number | null;
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

/** What one chunk said, to be put together with the chunks of other machines. */
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
  /** Whether what was said so far is enough. */
  isEnough?(chunk: EvaluatedChunk): boolean;
}

/**
 * Perplexity by llama-perplexity's method, and in the same pass the divergence from the reference. The session's open
 * context must hold `plan.contextSize` tokens.
 * @param isOwn which chunks are this run's; the others are another machine's
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
  const own = [...planned.chunks.entries()].filter(([index]) => isOwn(index));
  for (const [done, [index, tokens]] of own.entries()) {
    const stored = role.kind === 'candidate' && role.holds === 'all' ? index : done;
    const scores = await session.score({
      tokens,
      firstScored: planned.firstScored,
      want: wantedOf(role, stored),
    });
    const chunk: EvaluatedChunk = {
      index,
      nextLogProb: scores.nextLogProb,
      divergence: divergenceOf(scores),
    };
    text.add(chunk);
    hooks.keep?.(chunk);
    hooks.onChunk(done + 1, own.length);
    if (hooks.isEnough?.(chunk) === true) break;
  }
  return text.finish();
}

function wantedOf(role: TextRole, stored: number): Wanted {
  switch (role.kind) {
    case 'alone':
      return { kind: 'next' };
    case 'reference':
      return { kind: 'write', rows: role.store.rowsOf(stored) };
    case 'candidate':
      return { kind: 'compare', rows: role.store.rowsOf(stored) };
  }
}

function divergenceOf(scores: Scores): ChunkDivergence | null {
  if (scores.kind === 'compare') return chunkDivergence(scores);
  return scores.kind === 'write' ? noDivergence(scores) : null;
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
