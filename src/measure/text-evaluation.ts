import type { EngineSession, LoadedModel } from '../engine/engine.ts';
import type { Scores, Wanted } from '../engine/scores.ts';
import { unavailableBecause } from '../schema/availability.ts';
import type { Divergence, DomainLoss, Perplexity } from '../schema/figures.ts';
import { sum } from '../util/sum.ts';
import { type ChunkDivergence, chunkDivergence, DivergenceAccumulator, noDivergence } from './divergence.ts';
import { type Domain, type EvaluationText, inTurns, joined } from './domains.ts';
import {
  type ChunkOptions,
  type ChunkPlan,
  firstScoredOf,
  PerplexityAccumulator,
  planChunks,
  replanChunks,
} from './perplexity.ts';
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
  readonly text: EvaluationText;
  /** What a saved reference was scored on, instead of the text. */
  readonly saved?: SavedText;
  readonly contextSize: number;
  /** Of each text at most; null is all. */
  readonly chunks: number | null;
}

export interface SavedText {
  readonly chunks: readonly Uint32Array[];
  /** Empty where it is one text. */
  readonly domains: readonly Domain[];
}

export interface TextChunks extends ChunkPlan {
  /** In turns; empty where it is one text. */
  readonly domains: readonly Domain[];
}

/** The text as llama-perplexity evaluates it: ids without special tokens, without the file's last newline. */
export async function chunksOf(
  session: EngineSession,
  model: LoadedModel,
  plan: TextPlan,
): Promise<TextChunks> {
  const options = {
    contextSize: plan.contextSize,
    chunks: plan.chunks,
    bosToken: model.bosToken,
    addBos: model.addsBos,
  };
  if (plan.saved !== undefined) return chunksOfSaved(plan.saved, options);
  const chunksIn = async (text: string, name?: string) =>
    planChunks(await session.tokenize(text.replace(/\n$/, ''), false), options, name);
  if (typeof plan.text === 'string') return { ...(await chunksIn(plan.text)), domains: [] };
  const plans: ChunkPlan[] = [];
  for (const { name, text } of plan.text) plans.push(await chunksIn(text, name));
  return {
    chunks: joined(plans),
    firstScored: firstScoredOf(plan.contextSize),
    domains: plan.text.map(({ name }, index) => ({ name, chunks: plans[index]?.chunks.length ?? 0 })),
  };
}

/** The first `chunks` of each domain. */
function chunksOfSaved({ chunks, domains }: SavedText, options: ChunkOptions): TextChunks {
  if (domains.length === 0 || options.chunks === null) return { ...replanChunks(chunks, options), domains };
  const most = options.chunks;
  const kept = domains.map((domain) => ({ ...domain, chunks: Math.min(domain.chunks, most) }));
  // Domains take turns, so that the first chunks of each come first.
  const total = sum(kept.map((domain) => domain.chunks));
  return { ...replanChunks(chunks, { ...options, chunks: total }), domains: kept };
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
  /** Of each domain by itself; absent where the text is one. */
  readonly domains?: DomainLoss[];
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
  planned: TextChunks,
  plan: Pick<TextPlan, 'contextSize'>,
  role: TextRole,
  hooks: TextHooks,
  isOwn: (chunk: number) => boolean = () => true,
): Promise<EvaluatedText> {
  const text = new TextAccumulator(plan.contextSize, planned.domains);
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
  readonly #domains: readonly { readonly name: string; readonly text: TextAccumulator }[];
  readonly #domainOf: readonly number[];
  #divergence: DivergenceAccumulator | null = null;

  /**
   * @param contextSize tokens a chunk, for the record
   * @param domains of which chunks come in turns
   */
  constructor(contextSize: number, domains: readonly Domain[] = []) {
    this.#perplexity = new PerplexityAccumulator(contextSize);
    this.#domains = domains.map(({ name }) => ({ name, text: new TextAccumulator(contextSize) }));
    this.#domainOf = inTurns(domains.map(({ chunks }) => chunks));
  }

  add(chunk: EvaluatedChunk): void {
    const { index, nextLogProb, divergence } = chunk;
    this.#perplexity.add(nextLogProb);
    const domain = this.#domainOf[index];
    if (domain !== undefined) this.#domains[domain]?.text.add(chunk);
    if (divergence === null) return;
    this.#divergence ??= new DivergenceAccumulator();
    this.#divergence.add(divergence);
  }

  get isEmpty(): boolean {
    return this.#perplexity.isEmpty;
  }

  finish(): EvaluatedText {
    return {
      perplexity: this.#perplexity.finish(),
      divergence: this.#divergence?.finish() ?? null,
      ...(this.#domains.length === 0 ? {} : { domains: this.#domains.map(lossIn) }),
    };
  }
}

/** A shard, or a text that ended early, may have no chunk of a domain. */
function lossIn({ name, text }: { readonly name: string; readonly text: TextAccumulator }): DomainLoss {
  if (text.isEmpty) {
    const none = unavailableBecause('none of its chunks was evaluated');
    return { name, perplexity: none, divergence: none };
  }
  const { perplexity, divergence } = text.finish();
  return { name, perplexity, divergence: divergence ?? NO_REFERENCE };
}

export const NO_REFERENCE = unavailableBecause('there is no reference to compare with');
