import type { ArrayView, GgufHeader } from '../gguf/index.ts';

interface Count {
  readonly count: number;
  /** The index of the first; -1 where there is none. */
  readonly first: number;
}

/** What one walk over a vocabulary's tokens finds. */
export interface TokenSurvey {
  readonly duplicates: {
    readonly count: number;
    readonly first: readonly [number, number];
    readonly text: string;
  } | null;
  readonly withNul: Count;
  readonly empty: Count;
  readonly notUtf8: Count;
  /** How many of the 256 byte tokens are there. */
  readonly byteTokens: number;
  /** Whether a token of ASCII characters is there. */
  readonly has: (token: string) => boolean;
}

const LENGTH_BYTES = 8;

/**
 * Walks over a vocabulary once, by bytes: two tokens that are no valid text are different tokens though both
 * would be read as replacement characters.
 */
export function surveyTokens(
  tokens: ArrayView | undefined,
  isUtf8: (bytes: Uint8Array) => boolean,
): TokenSurvey {
  const seen = new Map<string, number>();
  const counts = { withNul: tally(), empty: tally(), notUtf8: tally() };
  const byteTokens = new Set<string>();
  let duplicate: { readonly first: readonly [number, number]; readonly text: string } | undefined;
  let duplicateCount = 0;
  const encoded = tokens?.encoded ?? new Uint8Array();
  // Latin-1 keeps every byte as one character, so the texts are equal where the bytes are.
  const buffer = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  let position = 0;
  for (let index = 0; index < (tokens?.length ?? 0); index++) {
    const start = position + LENGTH_BYTES;
    position = start + buffer.readUInt32LE(position);
    const whole = buffer.toString('latin1', start, position);
    const nul = whole.indexOf('\0');
    if (nul >= 0) counts.withNul.add(index);
    if (whole === '') counts.empty.add(index);
    if (/[\x80-\xff]/.test(whole) && !isUtf8Text(whole, () => isUtf8(buffer.subarray(start, position)))) {
      counts.notUtf8.add(index);
    }
    if (/^<0x[0-9A-F]{2}>$/.test(whole)) byteTokens.add(whole);
    const asC = nul >= 0 ? whole.slice(0, nul) : whole;
    // llama.cpp gives an empty token a name with its index.
    const key = asC === '' ? `[EMPTY_${index}]` : asC;
    const before = seen.get(key);
    if (before === undefined) seen.set(key, index);
    else if (duplicateCount++ === 0) duplicate = { first: [before, index], text: key };
  }
  const duplicates = duplicate === undefined ? null : { ...duplicate, count: duplicateCount };
  return { duplicates, ...counts, byteTokens: byteTokens.size, has: (token) => seen.has(token) };
}

/** Well-formed UTF-8 by the table of RFC 3629, over bytes that are written as characters. */
const WELL_FORMED =
  /^(?:[^\x80-\xff]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})*$/;
/** Longer texts would need a deep stack in the expression. */
const SHORT_TEXT = 256;

/** A decoder takes a microsecond and a half for each of a hundred thousand tokens; the expression a tenth. */
function isUtf8Text(latin1: string, decodes: () => boolean): boolean {
  return latin1.length <= SHORT_TEXT ? WELL_FORMED.test(latin1) : decodes();
}

const SPECIAL_TOKEN = /^tokenizer\.ggml\.[a-z_]+_token_id$/;

/** Keys that name a special token by its id. */
export function specialTokenKeys({ metadata }: Pick<GgufHeader, 'metadata'>): string[] {
  return [...metadata.keys()].filter((key) => SPECIAL_TOKEN.test(key));
}

function tally(): { count: number; first: number; add: (index: number) => void } {
  return {
    count: 0,
    first: -1,
    add(index) {
      if (this.count++ === 0) this.first = index;
    },
  };
}
