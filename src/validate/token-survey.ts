import { type ArrayView, type GgufHeader, isUtf8, LENGTH_BYTES, lengthAt } from '../gguf/index.ts';

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
  readonly has: (token: string) => boolean;
}

/**
 * Walks over a vocabulary once, by bytes: two tokens that are no valid text are different tokens though both
 * would be read as replacement characters. Of a million tokens no text is made but of those that are no ASCII.
 */
export function surveyTokens(tokens: ArrayView | undefined): TokenSurvey {
  const encoded = tokens?.encoded ?? new Uint8Array();
  const texts = new TokenTexts(encoded, tokens?.length ?? 0);
  const counts = { withNul: tally(), empty: tally(), notUtf8: tally() };
  const byteTokens = new Set<string>();
  let duplicate: { readonly first: readonly [number, number]; readonly text: string } | undefined;
  let duplicateCount = 0;
  let position = 0;
  for (let index = 0; index < texts.length; index++) {
    const start = position + LENGTH_BYTES;
    position = start + lengthAt(encoded, position);
    const { end, isAscii } = texts.extent(start, position);
    if (end < position) counts.withNul.add(index);
    if (position === start) counts.empty.add(index);
    if (!isAscii && !isUtf8(encoded, start, position)) counts.notUtf8.add(index);
    if (position - start === BYTE_TOKEN_BYTES && texts.byteAt(start) === LESS_THAN) {
      const text = texts.latin1(start, position);
      if (/^<0x[0-9A-F]{2}>$/.test(text)) byteTokens.add(text);
    }
    // llama.cpp reads a token up to its first NUL, and gives an empty one a name of its own.
    const before = start === end ? -1 : texts.add(index, start, end);
    if (before >= 0 && duplicateCount++ === 0) {
      duplicate = { first: [before, index], text: texts.latin1(start, end) };
    }
  }
  const duplicates = duplicate === undefined ? null : { ...duplicate, count: duplicateCount };
  return { duplicates, ...counts, byteTokens: byteTokens.size, has: (token) => texts.has(token) };
}

/** `<0x0A>` */
const BYTE_TOKEN_BYTES = 6;
const LESS_THAN = 0x3c;

/** The texts of a vocabulary as byte ranges, in a hash table that finds equal ones. */
class TokenTexts {
  readonly length: number;
  readonly #bytes: Buffer;
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  /** Open addressing: 1 + the index of a token, 0 where there is none; at most half full. */
  readonly #table: Int32Array;

  constructor(encoded: Uint8Array, length: number) {
    this.length = length;
    this.#bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
    this.#starts = new Uint32Array(length);
    this.#ends = new Uint32Array(length);
    this.#table = new Int32Array(2 ** Math.ceil(Math.log2(2 * length + 1)));
  }

  byteAt(position: number): number {
    return this.#bytes[position] ?? 0;
  }

  latin1(start: number, end: number): string {
    return this.#bytes.toString('latin1', start, end);
  }

  /** Where a text ends as C sees it, and whether all of it is ASCII. */
  extent(start: number, end: number): { readonly end: number; readonly isAscii: boolean } {
    let seen = 0;
    let firstNul = end;
    for (let at = start; at < end; at++) {
      const byte = this.#bytes[at] ?? 0;
      seen |= byte;
      if (byte === 0 && firstNul === end) firstNul = at;
    }
    return { end: firstNul, isAscii: seen < 0x80 };
  }

  /** Takes a token in. @returns the index of an earlier one of the same bytes, or -1 */
  add(index: number, start: number, end: number): number {
    const slot = this.#slotOf(this.#bytes, start, end);
    const found = this.#table[slot] ?? 0;
    if (found !== 0) return found - 1;
    this.#table[slot] = index + 1;
    this.#starts[index] = start;
    this.#ends[index] = end;
    return -1;
  }

  has(token: string): boolean {
    const bytes = Buffer.from(token, 'utf8');
    return this.#table[this.#slotOf(bytes, 0, bytes.length)] !== 0;
  }

  /** The slot of the same bytes, or the empty one where they belong. */
  #slotOf(bytes: Buffer, start: number, end: number): number {
    const mask = this.#table.length - 1;
    let slot = hashOf(bytes, start, end) & mask;
    for (let entry = this.#table[slot] ?? 0; entry !== 0; entry = this.#table[slot] ?? 0) {
      if (this.#isAt(entry - 1, bytes, start, end)) return slot;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #isAt(index: number, bytes: Buffer, start: number, end: number): boolean {
    const own = this.#starts[index] ?? 0;
    if ((this.#ends[index] ?? 0) - own !== end - start) return false;
    for (let i = 0; i < end - start; i++) if (this.#bytes[own + i] !== bytes[start + i]) return false;
    return true;
  }
}

/** Other ones in every process: no file can be made whose tokens all fall into one slot. */
const BASIS = Math.floor(Math.random() * 2 ** 32);
const MULTIPLIER = Math.floor(Math.random() * 2 ** 32) | 1;

/** FNV-1a's steps (http://www.isthe.com/chongo/tech/comp/fnv/) with a multiplier that is not known outside. */
function hashOf(bytes: Buffer, start: number, end: number): number {
  let hash = BASIS;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), MULTIPLIER);
  // The low bits, of which the slot is made, have seen the low bits of the bytes alone.
  return Math.imul(hash ^ (hash >>> 15), MULTIPLIER) >>> 7;
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
