import type { Context } from './context.ts';
import { EngineError } from './errors.ts';
import { type RowFile, rowBytes } from './logit-rows.ts';
import { COLUMN_COUNT, COLUMNS, type RowJob } from './row-scorer.ts';
import type { ScoreRequest, Scores, Wanted } from './scores.ts';
import type { ScoringThreads } from './scoring-threads.ts';

/** Evaluates one chunk from an empty context, batch by batch, and scores each while its logits are held. */
export async function scoreChunk(
  context: Context,
  threads: ScoringThreads,
  { tokens, firstScored, want }: ScoreRequest,
): Promise<Scores> {
  const { batchSize, threads: singleThreads, promptThreads = singleThreads } = context.options;
  const collected = new Collected(want, tokens.length - 1 - firstScored);
  for (let start = 0; start < tokens.length; start += batchSize) {
    const batch = tokens.subarray(start, start + batchSize);
    const first = Math.max(firstScored, start);
    await context.evaluateParts([
      { sequence: 0, position: start, tokens: batch, firstOutput: Math.max(0, first - start) },
    ]);
    // The chunk's last token may have asked for output too; nothing follows it that could be scored.
    const outputs = Math.min(tokens.length - 1, start + batch.length) - first;
    if (outputs <= 0) continue;
    const nextTokens = Int32Array.from(tokens.subarray(first + 1, first + 1 + outputs));
    const position = first - firstScored;
    const file = fileOf(want, position, threads.vocabularySize);
    const job = { address: context.rowsAddress(), nextTokens, file };
    collected.take(position, threads.score(job, promptThreads));
    if (want.kind === 'top') collected.takeTop(position, context.rows(outputs), outputs);
  }
  return collected.finish();
}

/** Where the rows from a position on lie. */
function fileOf(want: Wanted, position: number, vocabularySize: number): RowJob['file'] {
  if (want.kind !== 'write' && want.kind !== 'compare') return null;
  const { form, offsetBytes, path }: RowFile = want.rows;
  const start = offsetBytes + position * rowBytes(form, vocabularySize);
  return { path, form, offsetBytes: start, mode: want.kind };
}

/** The scores of a chunk's positions, gathered batch by batch. */
class Collected {
  readonly #want: Wanted;
  readonly #columns: Record<keyof typeof COLUMNS, Float64Array>;
  readonly #tokens: Uint32Array;
  readonly #logProbs: Float64Array;

  constructor(want: Wanted, positions: number) {
    const column = () => new Float64Array(positions);
    this.#want = want;
    this.#columns = {
      nextLogProb: column(),
      topToken: column(),
      kld: column(),
      referenceLogProb: column(),
      referenceTopToken: column(),
    };
    const top = want.kind === 'top' ? positions * want.limit : 0;
    this.#tokens = new Uint32Array(top);
    this.#logProbs = new Float64Array(top);
  }

  take(position: number, scores: Float64Array): void {
    const names = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];
    for (let row = 0; row * COLUMN_COUNT < scores.length; row++) {
      for (const name of names) {
        this.#columns[name][position + row] = scores[row * COLUMN_COUNT + COLUMNS[name]] ?? Number.NaN;
      }
    }
    if (this.#columns.nextLogProb.every(Number.isFinite)) return;
    throw notFinite();
  }

  takeTop(position: number, rows: Float32Array, count: number): void {
    if (this.#want.kind !== 'top') return;
    const { limit } = this.#want;
    const length = rows.length / count;
    for (let index = 0; index < count; index++) {
      const row = rows.subarray(index * length, (index + 1) * length);
      const { logSum } = normalize(row);
      for (const [place, token] of mostLikely(row, limit).entries()) {
        this.#tokens[(position + index) * limit + place] = token;
        this.#logProbs[(position + index) * limit + place] = (row[token] ?? Number.NaN) - logSum;
      }
    }
  }

  finish(): Scores {
    const { nextLogProb, topToken, kld, referenceLogProb, referenceTopToken } = this.#columns;
    const base = { positions: nextLogProb.length, nextLogProb, topToken: Uint32Array.from(topToken) };
    const { kind } = this.#want;
    switch (kind) {
      case 'next':
      case 'write':
        return { kind, ...base };
      case 'top':
        return { kind, ...base, tokens: this.#tokens, logProbs: this.#logProbs };
      case 'compare':
        return {
          kind,
          ...base,
          kld,
          referenceLogProb,
          referenceTopToken: Uint32Array.from(referenceTopToken),
        };
    }
  }
}

/**
 * The most likely token, and what normalizes any logit: ln of the sum of exp(logit), in double precision.
 * @throws EngineError `engine/evaluation-failed` for logits that are not finite
 */
export function normalize(row: Float32Array): { readonly topToken: number; readonly logSum: number } {
  let topToken = 0;
  let max = Number.NEGATIVE_INFINITY;
  for (let token = 0; token < row.length; token++) {
    const logit = row[token] ?? Number.NaN;
    if (logit > max) {
      max = logit;
      topToken = token;
    }
  }
  let sum = 0;
  for (let token = 0; token < row.length; token++) sum += Math.exp((row[token] ?? Number.NaN) - max);
  const logSum = max + Math.log(sum);
  if (Number.isFinite(logSum)) return { topToken, logSum };
  throw notFinite();
}

/** The `count` tokens with the largest logits, largest first. */
export function mostLikely(row: Float32Array, count: number): number[] {
  const best: number[] = [];
  const logitOf = (token: number | undefined) =>
    token === undefined ? Number.NEGATIVE_INFINITY : (row[token] ?? 0);
  for (let token = 0; token < row.length; token++) {
    if (best.length === count && logitOf(token) <= logitOf(best.at(-1))) continue;
    const at = best.findIndex((other) => logitOf(other) < logitOf(token));
    best.splice(at < 0 ? best.length : at, 0, token);
    if (best.length > count) best.pop();
  }
  return best;
}

export function notFinite(): EngineError {
  return new EngineError('engine/evaluation-failed', 'the model yields logits that are not finite numbers', {
    hint: 'The file’s weights may be damaged: quantscope validate looks for NaN and infinite values.',
  });
}
