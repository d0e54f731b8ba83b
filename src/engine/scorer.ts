import type { Context } from './context.ts';
import type { ScoreRequest, Scores } from './engine.ts';
import { EngineError } from './errors.ts';

/** Evaluates one chunk from an empty context, batch by batch, and scores each while its logits are held. */
export async function scoreChunk(
  context: Context,
  vocabularySize: number,
  { tokens, firstScored, want }: ScoreRequest,
): Promise<Scores> {
  const { batchSize } = context.options;
  const positions = tokens.length - 1 - firstScored;
  const base = { positions, nextLogProb: new Float64Array(positions), topToken: new Uint32Array(positions) };
  const full = new Float32Array(want.kind === 'full' ? positions * vocabularySize : 0);
  const kept: KeptToken[][] = [];
  for (let start = 0; start < tokens.length; start += batchSize) {
    const batch = tokens.subarray(start, start + batchSize);
    const first = Math.max(firstScored, start);
    await context.evaluateParts([
      { sequence: 0, position: start, tokens: batch, firstOutput: Math.max(0, first - start) },
    ]);
    // The chunk's last token may have asked for output too; nothing follows it that could be scored.
    const outputs = Math.min(tokens.length - 1, start + batch.length) - first;
    if (outputs <= 0) continue;
    const rows = context.rows(outputs);
    for (let output = 0; output < outputs; output++) {
      const position = first + output - firstScored;
      const row = rows.subarray(output * vocabularySize, (output + 1) * vocabularySize);
      const { topToken, logSum } = normalize(row);
      base.topToken[position] = topToken;
      base.nextLogProb[position] = (row[tokens[first + output + 1] ?? 0] ?? Number.NaN) - logSum;
      if (want.kind === 'full') {
        const at = position * vocabularySize;
        for (let token = 0; token < row.length; token++)
          full[at + token] = (row[token] ?? Number.NaN) - logSum;
      } else if (want.kind === 'top') kept[position] = mostLikely(row, logSum, want.mass, want.limit);
      else if (want.kind === 'tokens') {
        const asked = want.tokens.subarray(want.offsets[position], want.offsets[position + 1]);
        kept[position] = Array.from(asked, (token) => ({
          token,
          logProb: (row[token] ?? Number.NaN) - logSum,
        }));
      }
    }
  }
  if (want.kind === 'next') return { kind: 'next', ...base };
  if (want.kind === 'full') return { kind: 'full', ...base, vocabularySize, logProbs: full };
  return { kind: 'kept', ...base, ...flattened(kept) };
}

interface KeptToken {
  readonly token: number;
  readonly logProb: number;
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
  throw new EngineError('engine/evaluation-failed', 'the model yields logits that are not finite numbers', {
    hint: 'The file’s weights may be damaged: quantscope validate looks for NaN and infinite values.',
  });
}

/** Most likely first, until their probabilities sum to `mass`, at most `limit`. */
function mostLikely(row: Float32Array, logSum: number, mass: number, limit: number): KeptToken[] {
  // Tokens below this have less than 1 - mass of the probability all together: none is needed.
  const least = mass < 1 ? Math.log((1 - mass) / row.length) : Number.NEGATIVE_INFINITY;
  const candidates: KeptToken[] = [];
  for (let token = 0; token < row.length; token++) {
    const logProb = (row[token] ?? Number.NaN) - logSum;
    if (logProb >= least) candidates.push({ token, logProb });
  }
  candidates.sort((a, b) => b.logProb - a.logProb);
  let covered = 0;
  const needed = candidates.findIndex(({ logProb }) => {
    covered += Math.exp(logProb);
    return covered >= mass;
  });
  return candidates.slice(0, Math.min(limit, needed < 0 ? limit : needed + 1));
}

function flattened(kept: readonly (readonly KeptToken[])[]) {
  const offsets = new Uint32Array(kept.length + 1);
  for (const [i, tokens] of kept.entries()) offsets[i + 1] = (offsets[i] ?? 0) + tokens.length;
  const all = kept.flat();
  return {
    offsets,
    tokens: Uint32Array.from(all, ({ token }) => token),
    logProbs: Float64Array.from(all, ({ logProb }) => logProb),
  };
}
