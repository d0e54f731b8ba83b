import { QuantscopeError } from '../util/errors.ts';

/**
 * What divergence needs to know of one chunk's scored positions. The engine's scores have these shapes; they are
 * written down again here so that the arithmetic depends on no engine. All probabilities are natural logarithms.
 */
interface PositionBase {
  /** Scored positions of the chunk. */
  readonly positions: number;
  /** ln p of the token that really follows, one a position. */
  readonly nextLogProb: Float64Array;
  /** The most likely token, one a position. */
  readonly topToken: Uint32Array;
}

/** Whole distributions: divergence is exact. */
export interface FullPositions extends PositionBase {
  readonly kind: 'full';
  readonly vocabularySize: number;
  /** positions × vocabularySize, by token id. */
  readonly logProbs: Float32Array;
}

/**
 * Some tokens of each position: those the reference finds most likely, and the candidate's values for just the
 * same ones. The rest of each distribution is one bucket, so divergence is a lower bound.
 */
export interface KeptPositions extends PositionBase {
  readonly kind: 'kept';
  /** positions + 1 entries from 0; position i owns `tokens[offsets[i] .. offsets[i+1]-1]`. */
  readonly offsets: Uint32Array;
  readonly tokens: Uint32Array;
  /** ln p of each entry of `tokens`. */
  readonly logProbs: Float64Array;
}

export type PositionData = FullPositions | KeptPositions;

/** The reference's and the candidate's data of the same chunk, known to be of one form and shape. */
export type PositionPair =
  | { readonly kind: 'full'; readonly reference: FullPositions; readonly candidate: FullPositions }
  | { readonly kind: 'kept'; readonly reference: KeptPositions; readonly candidate: KeptPositions };

/**
 * Pairs two models' data of one chunk after checking that they speak of the same positions and tokens: arrays that
 * do not line up would give figures that look sound.
 * @throws QuantscopeError `measure/mismatched-positions` naming what differs
 */
export function pairPositions(reference: PositionData, candidate: PositionData): PositionPair {
  checkShape('reference', reference);
  checkShape('candidate', candidate);
  expectEqual('positions', reference.positions, candidate.positions);
  if (reference.kind === 'full' && candidate.kind === 'full') {
    expectEqual('vocabulary sizes', reference.vocabularySize, candidate.vocabularySize);
    return { kind: 'full', reference, candidate };
  }
  if (reference.kind === 'kept' && candidate.kind === 'kept') {
    expectSame('offsets', reference.offsets, candidate.offsets);
    expectSame('tokens', reference.tokens, candidate.tokens);
    return { kind: 'kept', reference, candidate };
  }
  throw mismatch(`the reference has ${reference.kind} distributions, the candidate ${candidate.kind} ones`);
}

function checkShape(whose: string, data: PositionData): void {
  const { positions } = data;
  expectLength(whose, 'nextLogProb', data.nextLogProb.length, positions);
  expectLength(whose, 'topToken', data.topToken.length, positions);
  if (data.kind === 'full') {
    expectLength(whose, 'logProbs', data.logProbs.length, positions * data.vocabularySize);
    return;
  }
  expectLength(whose, 'offsets', data.offsets.length, positions + 1);
  const last = data.offsets[positions] ?? 0;
  expectLength(whose, 'tokens', data.tokens.length, last);
  expectLength(whose, 'logProbs', data.logProbs.length, last);
  if (data.offsets.some((offset, i) => offset < (data.offsets[i - 1] ?? 0)) || data.offsets[0] !== 0) {
    throw mismatch(`the ${whose}'s offsets do not rise from 0`);
  }
}

function expectLength(whose: string, field: string, got: number, expected: number): void {
  if (got !== expected) throw mismatch(`the ${whose}'s ${field} has ${got} entries, expected ${expected}`);
}

function expectEqual(what: string, reference: number, candidate: number): void {
  if (reference !== candidate)
    throw mismatch(`${what} differ: ${reference} in the reference, ${candidate} in the candidate`);
}

function expectSame(what: string, reference: Uint32Array, candidate: Uint32Array): void {
  expectEqual(`numbers of ${what}`, reference.length, candidate.length);
  const at = reference.findIndex((value, i) => value !== candidate[i]);
  if (at !== -1) expectEqual(`${what} at ${at}`, reference[at] ?? 0, candidate[at] ?? 0);
}

function mismatch(message: string): QuantscopeError {
  return new QuantscopeError('measure/mismatched-positions', message);
}
