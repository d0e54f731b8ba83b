import type { ShareFigures } from '../schema/results.ts';
import type { EvaluatedChunk } from './text-evaluation.ts';

/** The share of the work that one of several machines does. */
export interface Share {
  /** From 1 to `count`. */
  readonly index: number;
  readonly count: number;
}

/**
 * Whether a unit of work is a share's own. Units are what the engine evaluates on its own: a chunk of the text, a
 * group of tasks whose replies grow side by side, a question of multiple choice. A machine then computes of each unit
 * just what one machine alone would.
 */
export function isOwn(share: Share | null, unit: number): boolean {
  return share === null || unit % share.count === share.index - 1;
}

type StoredChunk = NonNullable<ShareFigures['text']>['chunks'][number];

/** A chunk's figures for a results file, to the last bit. */
export function storeChunk({ index, nextLogProb, divergence }: EvaluatedChunk): StoredChunk {
  if (divergence === null) return { index, nextLogProb: toBase64(nextLogProb), divergence: null };
  const { kld, referenceLogProb, sameTop } = divergence;
  return {
    index,
    nextLogProb: toBase64(nextLogProb),
    divergence: {
      kld: toBase64(kld),
      referenceLogProb: toBase64(referenceLogProb),
      sameTop: toBase64(sameTop),
    },
  };
}

export function restoreChunk({ index, nextLogProb, divergence }: StoredChunk): EvaluatedChunk {
  const candidateLogProb = toFloats(nextLogProb);
  if (divergence === null) return { index, nextLogProb: candidateLogProb, divergence: null };
  const { kld, referenceLogProb, sameTop } = divergence;
  return {
    index,
    nextLogProb: candidateLogProb,
    divergence: {
      kld: toFloats(kld),
      referenceLogProb: toFloats(referenceLogProb),
      candidateLogProb,
      sameTop: new Uint8Array(Buffer.from(sameTop, 'base64')),
    },
  };
}

/** Little-endian, as on every machine that llama.cpp runs on. */
function toBase64(array: Float64Array | Uint8Array): string {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('base64');
}

function toFloats(text: string): Float64Array {
  const bytes = Buffer.from(text, 'base64');
  const floats = new Float64Array(Math.floor(bytes.length / Float64Array.BYTES_PER_ELEMENT));
  new Uint8Array(floats.buffer).set(bytes.subarray(0, floats.byteLength));
  return floats;
}
