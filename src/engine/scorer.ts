import type {
  AddonContext,
  AddonModel,
  AddonSampler,
  BatchIndex,
  Bindings,
  TokenValues,
} from './bindings.ts';
import type { ScoreRequest, Scores } from './engine.ts';
import { EngineError } from './errors.ts';

const SEQUENCE = 0;

/**
 * Added to the logits of the tokens asked for, so that they alone are the top k. Larger than any spread of logits
 * seen in practice and small enough to cost less than 1e-5 nats of float32 precision.
 */
const BIAS = 128;

/** Lanes for each thread of the pool: while JavaScript reads one lane's answer, another's call runs. */
const LANES_A_WORKER = 2;

/** Samplers of one lane. A sampler holds its candidates, so it must never run twice at once: a lane awaits each call. */
interface Lane {
  readonly greedy: AddonSampler;
  readonly top: AddonSampler;
}

/** The position's scalars: its next token's ln p, its top token, and what normalizes any other logit. */
interface Normalized {
  readonly topToken: number;
  readonly nextLogProb: number;
  /** ln of the sum of exp(logit) over the vocabulary. */
  readonly logSum: number;
}

/**
 * Reads log-probabilities out of evaluated batches through samplers, the binding's only way to its logits. Positions
 * are shared out to lanes, so that the threads of libuv's pool sample side by side.
 *
 * - The next token and the maximum come from a greedy sampler with a filter of one token; ln p = logit - max -
 *   ln(total weight) needs no whole distribution.
 * - The most likely k tokens come from a top-k sampler: its candidates are cut before they reach JavaScript.
 * - The logits of given tokens come from the same, after a bias lifted just those above all others. The binding's
 *   own filter would compare each vocabulary entry with each token asked for.
 */
export class Scorer {
  readonly #vocabularySize: number;
  readonly #lanes: readonly Lane[];

  /** @param workers threads of libuv's pool */
  constructor(bindings: Bindings, model: AddonModel, vocabularySize: number, workers: number) {
    this.#vocabularySize = vocabularySize;
    this.#lanes = Array.from({ length: workers * LANES_A_WORKER }, () => {
      const greedy = new bindings.AddonSampler(model);
      greedy.applyConfig({ temperature: 0 });
      return { greedy, top: new bindings.AddonSampler(model) };
    });
  }

  dispose(): void {
    for (const { greedy, top } of this.#lanes) {
      greedy.dispose();
      top.dispose();
    }
  }

  /** Evaluates one chunk from an empty sequence, batch by batch, and scores each batch while its logits are held. */
  async score(
    context: AddonContext,
    batchSize: number,
    { tokens, firstScored, want }: ScoreRequest,
  ): Promise<Scores> {
    const positions = tokens.length - 1 - firstScored;
    const nextLogProb = new Float64Array(positions);
    const topToken = new Uint32Array(positions);
    const collected = new Collected(want, positions, this.#vocabularySize);
    for (let start = 0; start < tokens.length; start += batchSize) {
      const batch = tokens.subarray(start, Math.min(start + batchSize, tokens.length));
      const first = Math.max(firstScored, start);
      const last = Math.min(tokens.length - 1, start + batch.length);
      const outputs = Uint32Array.from({ length: Math.max(0, last - first) }, (_, i) => first - start + i);
      context.initBatch(batch.length);
      const indexes = context.addToBatch(SEQUENCE, start, batch, outputs);
      await context.decodeBatch();
      await this.#shareOut(indexes, async (lane, index, i) => {
        const position = first + i - firstScored;
        const next = tokens[first + i + 1];
        if (next === undefined)
          throw new EngineError('engine/changed', 'a scored position has no next token');
        const scalars =
          want.kind === 'full'
            ? await collected.takeAll(context, lane, index, position, next)
            : await normalize(context, lane, index, next);
        nextLogProb[position] = scalars.nextLogProb;
        topToken[position] = scalars.topToken;
        await collected.take(context, lane, index, position, scalars.logSum);
      });
    }
    return collected.finish({ positions, nextLogProb, topToken });
  }

  /** Each lane takes the next position when it is done with its last. */
  async #shareOut(
    indexes: Uint32Array,
    work: (lane: Lane, index: BatchIndex, i: number) => Promise<void>,
  ): Promise<void> {
    let next = 0;
    const run = async (lane: Lane) => {
      for (let i = next++; i < indexes.length; i = next++) {
        // The binding types its batch indexes as a branded number, which a typed array cannot hold.
        await work(lane, indexes[i] as BatchIndex, i);
      }
    };
    await Promise.all(this.#lanes.map(run));
  }
}

async function normalize(
  context: AddonContext,
  { greedy }: Lane,
  index: BatchIndex,
  next: number,
): Promise<Normalized> {
  const [topToken, , , logits, weight] = await context.sampleToken(
    index,
    greedy,
    false,
    false,
    [[next], false, false, true, 0],
    true,
  );
  return normalized(topToken, logitOf(logits, topToken), logitOf(logits, next), weight);
}

/** @param weight the sum of exp(logit - max) over the vocabulary */
function normalized(
  topToken: number,
  max: number,
  nextLogit: number,
  weight: number | undefined,
): Normalized {
  const logSum = max + Math.log(weight ?? Number.NaN);
  const nextLogProb = nextLogit - logSum;
  if (!Number.isFinite(nextLogProb)) {
    throw new EngineError('engine/evaluation-failed', 'the model yields logits that are not finite numbers', {
      hint: 'The file’s weights may be damaged: quantscope validate looks for NaN and infinite values.',
    });
  }
  return { topToken, nextLogProb, logSum };
}

function logitOf(logits: TokenValues, token: number): number {
  for (let i = 0; i < logits.length; i += 2) if (logits[i] === token) return logits[i + 1] ?? Number.NaN;
  return Number.NaN;
}

/** The part of the distributions that was asked for, gathered over the batches of a chunk. */
class Collected {
  readonly #want: ScoreRequest['want'];
  readonly #vocabularySize: number;
  readonly #full: Float32Array;
  readonly #kept: { token: number; logProb: number }[][] = [];

  constructor(want: ScoreRequest['want'], positions: number, vocabularySize: number) {
    this.#want = want;
    this.#vocabularySize = vocabularySize;
    this.#full = new Float32Array(want.kind === 'full' ? positions * vocabularySize : 0);
  }

  /** Reads a whole distribution, and with it the position's scalars: one call for both. */
  async takeAll(
    context: AddonContext,
    { greedy }: Lane,
    index: BatchIndex,
    position: number,
    next: number,
  ): Promise<Normalized> {
    const [topToken, , , logits, weight] = await context.sampleToken(index, greedy, false, false, true, true);
    const row = this.#full.subarray(position * this.#vocabularySize, (position + 1) * this.#vocabularySize);
    for (let i = 0; i < logits.length; i += 2) row[logits[i] ?? 0] = logits[i + 1] ?? Number.NaN;
    const scalars = normalized(topToken, row[topToken] ?? Number.NaN, row[next] ?? Number.NaN, weight);
    for (let token = 0; token < row.length; token++) row[token] = (row[token] ?? Number.NaN) - scalars.logSum;
    return scalars;
  }

  /** Reads what was asked for of one position whose normalization is known. */
  async take(
    context: AddonContext,
    { greedy, top }: Lane,
    index: BatchIndex,
    position: number,
    logSum: number,
  ): Promise<void> {
    const want = this.#want;
    switch (want.kind) {
      case 'next':
      case 'full':
        return;
      case 'top': {
        top.applyConfig({ temperature: 1, topK: Math.min(want.limit, this.#vocabularySize), seed: 1 });
        const [, , , logits] = await context.sampleToken(index, top, false, false, true, false);
        this.#kept[position] = untilMass(logits, logSum, want.mass);
        return;
      }
      case 'tokens': {
        const asked = want.tokens.subarray(want.offsets[position], want.offsets[position + 1]);
        const logits = await logitsOf(context, { greedy, top }, index, asked);
        this.#kept[position] = Array.from(asked, (token) => ({
          token,
          logProb: (logits.get(token) ?? Number.NaN) - logSum,
        }));
      }
    }
  }

  finish(base: { positions: number; nextLogProb: Float64Array; topToken: Uint32Array }): Scores {
    if (this.#want.kind === 'next') return { kind: 'next', ...base };
    if (this.#want.kind === 'full') {
      return { kind: 'full', ...base, vocabularySize: this.#vocabularySize, logProbs: this.#full };
    }
    const offsets = new Uint32Array(base.positions + 1);
    for (let i = 0; i < base.positions; i++)
      offsets[i + 1] = (offsets[i] ?? 0) + (this.#kept[i]?.length ?? 0);
    const tokens = new Uint32Array(offsets[base.positions] ?? 0);
    const logProbs = new Float64Array(tokens.length);
    let at = 0;
    for (let i = 0; i < base.positions; i++) {
      for (const { token, logProb } of this.#kept[i] ?? []) {
        tokens[at] = token;
        logProbs[at] = logProb;
        at += 1;
      }
    }
    return { kind: 'kept', ...base, offsets, tokens, logProbs };
  }
}

/** Most likely first, as the top-k sampler leaves them, until their probabilities sum to `mass`. */
function untilMass(logits: TokenValues, logSum: number, mass: number) {
  const kept: { token: number; logProb: number }[] = [];
  let covered = 0;
  for (let i = 0; i < logits.length && covered < mass; i += 2) {
    const logProb = (logits[i + 1] ?? Number.NaN) - logSum;
    kept.push({ token: logits[i] ?? 0, logProb });
    covered += Math.exp(logProb);
  }
  return kept;
}

async function logitsOf(
  context: AddonContext,
  { greedy, top }: Lane,
  index: BatchIndex,
  asked: Uint32Array,
): Promise<Map<number, number>> {
  top.applyConfig({
    temperature: 1,
    topK: asked.length,
    seed: 1,
    tokenBiasKeys: asked,
    tokenBiasValues: new Float32Array(asked.length).fill(BIAS),
  });
  const [, , , biased] = await context.sampleToken(index, top, false, false, true, false);
  const lifted = new Map<number, number>();
  for (let i = 0; i < biased.length; i += 2) lifted.set(biased[i] ?? 0, (biased[i + 1] ?? Number.NaN) - BIAS);
  if (asked.every((token) => lifted.has(token))) return lifted;
  // A spread of logits beyond the bias: the slow filter is always right.
  const [, , , exact] = await context.sampleToken(
    index,
    greedy,
    false,
    false,
    [Array.from(asked), false, false, false, 0],
    false,
  );
  const logits = new Map<number, number>();
  for (let i = 0; i < exact.length; i += 2) logits.set(exact[i] ?? 0, exact[i + 1] ?? Number.NaN);
  return logits;
}
