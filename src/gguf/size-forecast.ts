/** What is known when the parser runs out of bytes inside a string array. */
export interface ArraySeen {
  readonly key: string;
  /** Where the first element begins in the file. */
  readonly start: number;
  readonly count: number;
  /** Elements stepped over, and the bytes they took. */
  readonly seen: number;
  readonly seenBytes: number;
  /** Bytes of the first half of them. */
  readonly firstHalfBytes: number;
}

/** Bytes of one score or token type. */
const PER_TOKEN_NUMBER_BYTES = 4;
/** Of what is forecast with confidence, the share that may be fetched on a hunch. */
const HUNCH_SHARE = 0.25;

/**
 * Bytes that a whole string array probably takes. Vocabularies are sorted by frequency, so strings become
 * longer with their index, about as its logarithm: the growth from the first half of what was seen to all of
 * it is taken to go on with each doubling.
 */
export function forecastArray({ count, seen, seenBytes, firstHalfBytes }: ArraySeen): number {
  const half = Math.floor(seen / 2);
  if (half === 0) return seenBytes;
  const average = seenBytes / seen;
  const growthPerDoubling = Math.max(0, average - firstHalfBytes / half);
  return Math.ceil(count * (average + growthPerDoubling * Math.log2(count / seen)));
}

/**
 * Bytes that the arrays beside the token list probably take: a vocabulary of a known kind has token types, a
 * SentencePiece one has scores, a BPE one has merges, at least one for each token. 0 for any other array.
 * @param tokenizerModel empty where the file has not said it yet
 * @param isPresent whether a key has been read already
 */
export function forecastSiblings(
  array: ArraySeen,
  tokenizerModel: string,
  isPresent: (key: string) => boolean,
): number {
  if (array.key !== 'tokenizer.ggml.tokens' || tokenizerModel === '') return 0;
  const isBpe = tokenizerModel === 'gpt2';
  const numbers = array.count * PER_TOKEN_NUMBER_BYTES;
  let bytes = 0;
  if (!isPresent('tokenizer.ggml.token_type')) bytes += numbers;
  if (!isBpe && !isPresent('tokenizer.ggml.scores')) bytes += numbers;
  const tokens = forecastArray(array);
  // A merge is two tokens and a space, so as long as the token it makes; how many there are is not known yet.
  if (isBpe && !isPresent('tokenizer.ggml.merges')) {
    bytes += Math.min(tokens, Math.ceil((array.start + tokens + bytes) * HUNCH_SHARE));
  }
  return bytes;
}
