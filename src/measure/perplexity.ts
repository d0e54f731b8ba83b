import type { Perplexity } from '../schema/figures.ts';
import { QuantscopeError, UsageError } from '../util/errors.ts';
import { formatCount } from '../util/units.ts';
import { Moments } from './moments.ts';

/** The fewest tokens of a chunk that leave a position to score: 0 is context, 1 predicts 2. */
const SMALLEST_CONTEXT = 3;
/** Fewer chunks of text say too little; llama-perplexity draws the same line. */
const FEWEST_CHUNKS = 2;

export interface ChunkOptions {
  /** Tokens a chunk. */
  readonly contextSize: number;
  /** At most so many chunks; null is all of the text. */
  readonly chunks: number | null;
  /** The vocabulary's BOS; null when it has none. */
  readonly bosToken: number | null;
  /** Whether the model's tokenizer puts BOS before a text. */
  readonly addBos: boolean;
}

export interface ChunkPlan {
  /** Each of `contextSize` tokens, to be evaluated from an empty context. */
  readonly chunks: readonly Uint32Array[];
  /** Positions `firstScored .. contextSize - 2` of each chunk are scored, each on the token after it. */
  readonly firstScored: number;
}

/**
 * Cuts a text into chunks as llama-perplexity does (llama.cpp, tools/perplexity/perplexity.cpp): BOS before the whole
 * text if the model adds one, chunks without overlap, the tail dropped, the first token of each chunk overwritten by
 * BOS if the model adds one. The second half of a chunk is scored, so that every prediction has context.
 * @param tokens ids of the whole text, without BOS
 * @param name what errors call the text, where there are several
 * @throws UsageError `measure/context-too-small`, `measure/invalid-chunks` or `measure/text-too-short`
 * @throws QuantscopeError `measure/no-bos` when the model adds a BOS that its vocabulary lacks
 */
export function planChunks(tokens: Uint32Array, options: ChunkOptions, name?: string): ChunkPlan {
  const { contextSize } = options;
  if (!Number.isSafeInteger(contextSize) || contextSize < SMALLEST_CONTEXT) {
    throw new UsageError(
      'measure/context-too-small',
      `a context of ${contextSize} tokens leaves none to score, need at least ${SMALLEST_CONTEXT}`,
      { hint: 'Give a larger --context.' },
    );
  }
  if (options.chunks !== null && (!Number.isSafeInteger(options.chunks) || options.chunks < 1)) {
    throw new UsageError('measure/invalid-chunks', `got ${options.chunks} chunks, need at least 1`, {
      hint: 'Give --chunks a whole number from 1, or leave it out for the whole text.',
    });
  }
  const bos = bosOf(options);
  const total = tokens.length + (bos === null ? 0 : 1);
  const needed = FEWEST_CHUNKS * contextSize;
  if (total < needed) {
    throw new UsageError(
      'measure/text-too-short',
      `the text${name === undefined ? '' : ` ${name}`} has ${formatCount(total)} tokens, need at least ${formatCount(needed)}: ${FEWEST_CHUNKS} chunks of ${formatCount(contextSize)}`,
      { hint: 'Give a longer text with --text, or shorter chunks with --context.' },
    );
  }
  const count = Math.min(options.chunks ?? Number.POSITIVE_INFINITY, Math.floor(total / contextSize));
  const chunks = Array.from({ length: count }, (_, i) => chunkAt(tokens, i, contextSize, bos));
  return { chunks, firstScored: firstScoredOf(contextSize) };
}

/** The chunks that a reference was scored on, with this model's BOS over each one's first token. */
export function replanChunks(saved: readonly Uint32Array[], options: ChunkOptions): ChunkPlan {
  const bos = bosOf(options);
  const chunks = saved.slice(0, options.chunks ?? saved.length).map((tokens) => {
    const chunk = tokens.slice();
    if (bos !== null) chunk[0] = bos;
    return chunk;
  });
  return { chunks, firstScored: firstScoredOf(options.contextSize) };
}

/** The second half of a chunk is scored. @param contextSize its tokens */
export function firstScoredOf(contextSize: number): number {
  return Math.floor(contextSize / 2);
}

function bosOf({ addBos, bosToken }: ChunkOptions): number | null {
  if (!addBos) return null;
  if (bosToken === null) {
    throw new QuantscopeError('measure/no-bos', 'the model adds a BOS token that its vocabulary lacks');
  }
  return bosToken;
}

function chunkAt(tokens: Uint32Array, index: number, contextSize: number, bos: number | null): Uint32Array {
  const start = index * contextSize;
  if (bos === null) return tokens.slice(start, start + contextSize);
  // The BOS before the text moves every token on by one; the one it pushes into a chunk's first place is overwritten.
  const chunk = new Uint32Array(contextSize);
  chunk[0] = bos;
  chunk.set(tokens.subarray(start, start + contextSize - 1), 1);
  return chunk;
}

/** Gathers a perplexity chunk by chunk in constant memory. */
export class PerplexityAccumulator {
  readonly #contextSize: number;
  readonly #losses = new Moments();
  #chunks = 0;

  /** Before a chunk was taken. */
  get isEmpty(): boolean {
    return this.#chunks === 0;
  }

  /** @param contextSize tokens a chunk, for the record */
  constructor(contextSize: number) {
    this.#contextSize = contextSize;
  }

  /**
   * Takes one chunk.
   * @param nextLogProb ln p of the token that follows each scored position
   * @throws QuantscopeError `measure/not-finite` for a value that is no logarithm of a probability
   */
  add(nextLogProb: Float64Array): void {
    for (const [position, logProb] of nextLogProb.entries()) {
      if (!Number.isFinite(logProb)) {
        throw new QuantscopeError(
          'measure/not-finite',
          `ln p is ${logProb} at scored position ${position} of chunk ${this.#chunks + 1}, expected a finite number`,
        );
      }
      this.#losses.add(-logProb);
    }
    this.#chunks += 1;
  }

  /**
   * exp of the mean loss, and its error by the delta method: value × sqrt((E[nll²] - E[nll]²) / (N-1)), N being the
   * `tokens` scored. The error is that of the text's choice; two variants on one text share it.
   * @throws QuantscopeError `measure/too-few-positions` before two positions were scored
   */
  finish(): Perplexity {
    if (this.#losses.count < 2) throw tooFewPositions(this.#losses.count);
    const value = Math.exp(this.#losses.mean);
    return {
      value,
      stderr: value * this.#losses.standardError,
      chunks: this.#chunks,
      tokens: this.#losses.count,
      contextSize: this.#contextSize,
    };
  }
}

function tooFewPositions(count: number): QuantscopeError {
  return new QuantscopeError(
    'measure/too-few-positions',
    `${count} scored positions, need at least 2 to give an error of measurement`,
  );
}
