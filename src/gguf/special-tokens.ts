import type { ArrayView, GgufHeader } from './header.ts';
import {
  ALWAYS_PRINTED,
  END_OF_GENERATION,
  END_OF_MESSAGE,
  END_OF_TURN,
  FILL_IN_MIDDLE,
} from './known-tokens.ts';
import { getArray, getBoolean, getNumber, getString } from './metadata.ts';
import { perHeader } from './per-header.ts';
import { LENGTH_BYTES } from './string-lengths.ts';

/** A token by its place in the vocabulary. */
export interface SpecialToken {
  readonly id: number;
  readonly text: string;
  /** `enum llama_token_type` of llama.h as the file has it: 1 normal, 3 control, 4 user defined. */
  readonly type: number;
}

/** Where a special token's id comes from. */
export interface SpecialId {
  readonly id: number;
  /** `stated` by the file, `text`: recognised, `default` of the tokenizer's kind, whatever that token is. */
  readonly from: 'stated' | 'text' | 'default';
}

/** The tokens of a vocabulary that begin and end texts, as llama.cpp v0.5.0 takes them while it loads a file. */
export interface SpecialTokens {
  readonly bos: SpecialId | null;
  readonly eos: SpecialId | null;
  /** Of several that could be recognised llama.cpp takes any: the first here. */
  readonly eot: SpecialId | null;
  readonly eom: SpecialId | null;
  /** Whether the tokenizer puts them around a text, by the file or by its kind's default. */
  readonly addsBos: boolean;
  readonly addsEos: boolean;
  /** Whether BOS is added though the file says no. */
  readonly bosIsForced: boolean;
  /** Tokens at which llama.cpp ends a reply, by id. */
  readonly endOfGeneration: readonly SpecialToken[];
  /** Tokens that llama.cpp recognises by their text and that the file does not call control. */
  readonly notControl: readonly SpecialToken[];
  /** Recognised tokens that are taken out of the end-of-generation set again. */
  readonly notEnding: readonly SpecialToken[];
  readonly alwaysPrinted: readonly SpecialToken[];
  /** Default ids that lie beyond the vocabulary, by key. */
  readonly defaultsOutOfRange: readonly { readonly key: string; readonly id: number }[];
}

type Kind = 'spm' | 'bpe' | 'wpm' | 'ugm' | 'rwkv' | 'plamo2';

const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['llama', 'spm'],
  ['gpt2', 'bpe'],
  ['hybriddna', 'bpe'],
  ['whitespace', 'bpe'],
  ['gemma4', 'bpe'],
  ['bert', 'wpm'],
  ['t5', 'ugm'],
  ['rwkv', 'rwkv'],
  ['plamo2', 'plamo2'],
]);

/** Default ids by kind (src/llama-vocab.cpp:1972-2146). */
const DEFAULT_IDS: Readonly<Record<Kind, Readonly<Record<string, number>>>> = {
  spm: { bos: 1, eos: 2, unknown: 0 },
  bpe: { bos: 11, eos: 11 },
  wpm: { bos: 101, unknown: 100, seperator: 102, padding: 0, mask: 103 },
  ugm: { eos: 1, unknown: 2, padding: 0 },
  rwkv: {},
  plamo2: { bos: 1, eos: 2, unknown: 0, padding: 3 },
};

/** Pre-tokenizers of BPE that add BOS where the file does not say (src/llama-vocab.cpp:2171-2330). */
const PRE_WITH_BOS: ReadonlySet<string> = new Set([
  ...['llama3', 'llama-v3', 'llama-bpe', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0', 'lfm2'],
  ...['jina-v5-nano', 'tekken', 'chameleon'],
]);

const CONTROL = 3;
const NORMAL = 1;
const keyOf = (name: string): string => `tokenizer.ggml.${name}_token_id`;

/** What llama.cpp makes of a file's special tokens; null for a file without a tokenizer that has them. */
export const specialTokens: (header: GgufHeader) => SpecialTokens | null = perHeader(readSpecialTokens);

function readSpecialTokens(header: GgufHeader): SpecialTokens | null {
  const model = getString(header, 'tokenizer.ggml.model');
  const kind = model === undefined ? undefined : KINDS.get(model);
  const tokens = getArray(header, 'tokenizer.ggml.tokens');
  if (kind === undefined || tokens?.elementType !== 'string') return null;
  const vocabulary = new Vocabulary(tokens, getArray(header, 'tokenizer.ggml.token_type'));
  const found = vocabulary.find(RECOGNISED);
  const pick = (texts: readonly string[]): SpecialToken[] => texts.flatMap((text) => found.get(text) ?? []);

  // gemma4 has a tokenizer of its own without defaults.
  const defaults = model === 'gemma4' ? {} : DEFAULT_IDS[kind];
  const idOf = (name: string, texts: readonly string[] = []): SpecialId | null => {
    const stated = getNumber(header, keyOf(name));
    if (stated !== undefined && vocabulary.has(stated)) return { id: stated, from: 'stated' };
    const [recognised] = pick(texts);
    if (recognised !== undefined) return { id: recognised.id, from: 'text' };
    const id = defaults[name];
    return id !== undefined && vocabulary.has(id) ? { id, from: 'default' } : null;
  };
  const [bos, eos] = [idOf('bos'), idOf('eos')];
  const [eot, eom] = [idOf('eot', END_OF_TURN), idOf('eom', END_OF_MESSAGE)];

  const ending = new Map<number, SpecialToken>();
  for (const token of pick(END_OF_GENERATION)) ending.set(token.id, token);
  const { fim_pad, fim_rep, fim_sep } = FILL_IN_MIDDLE;
  const others = [
    eos,
    eot,
    eom,
    idOf('fim_pad', fim_pad),
    idOf('fim_rep', fim_rep),
    idOf('fim_sep', fim_sep),
  ];
  for (const each of others) if (each !== null) ending.set(each.id, vocabulary.at(each.id));
  const notEnding = takenOut([...ending.values()]);
  for (const { id } of notEnding) ending.delete(id);

  const pre = model === 'gemma4' ? 'gemma4' : (getString(header, 'tokenizer.ggml.pre') ?? '');
  const byKind = kind === 'bpe' ? PRE_WITH_BOS.has(pre) : kind === 'spm' || kind === 'wpm';
  const addsBos = getBoolean(header, 'tokenizer.ggml.add_bos_token') ?? byKind;
  const bosIsForced = kind === 'bpe' && pre === 'gemma4' && !addsBos;
  return {
    ...{ bos, eos, eot, eom, notEnding, bosIsForced },
    addsBos: addsBos || bosIsForced,
    addsEos: getBoolean(header, 'tokenizer.ggml.add_eos_token') ?? kind === 'ugm',
    endOfGeneration: [...ending.values()].sort((a, b) => a.id - b.id),
    notControl: recognisedByText(header, pick).filter(({ type }) => type !== CONTROL),
    alwaysPrinted: pick(ALWAYS_PRINTED),
    defaultsOutOfRange: Object.entries(defaults)
      .filter(([, id]) => !vocabulary.has(id))
      .map(([name, id]) => ({ key: keyOf(name), id })),
  };
}

const RECOGNISED: ReadonlySet<string> = new Set([
  ...END_OF_GENERATION,
  ...Object.values(FILL_IN_MIDDLE).flat(),
  ...ALWAYS_PRINTED,
]);

/** `<|end|>` of models that return and call, `</s>` of those with tool responses (src/llama-vocab.cpp:2955-3028). */
function takenOut(ending: readonly SpecialToken[]): SpecialToken[] {
  const has = (...texts: readonly string[]): boolean => ending.some(({ text }) => texts.includes(text));
  const calls = has('<|call|>', '<|calls|>') && has('<|return|>', '<|flush|>');
  const isOut = (text: string): boolean =>
    (text === '<|end|>' && calls) || (text === '</s>' && has('<|tool_response>'));
  return ending.filter(({ text }) => isOut(text));
}

/** A row of fill-in-the-middle texts is looked for only where the file names no such token. */
function recognisedByText(
  header: GgufHeader,
  pick: (texts: readonly string[]) => SpecialToken[],
): SpecialToken[] {
  const rows = Object.entries(FILL_IN_MIDDLE).flatMap(([name, texts]) =>
    getNumber(header, keyOf(name)) === undefined ? pick(texts).slice(0, 1) : [],
  );
  return [...new Map([...pick(END_OF_GENERATION), ...rows].map((token) => [token.id, token])).values()];
}

/** Those of some texts that are tokens of a vocabulary, by text. */
export function tokensByText(header: GgufHeader, texts: ReadonlySet<string>): Map<string, SpecialToken> {
  const tokens = getArray(header, 'tokenizer.ggml.tokens');
  if (tokens?.elementType !== 'string' || texts.size === 0) return new Map();
  return new Vocabulary(tokens, getArray(header, 'tokenizer.ggml.token_type')).find(texts);
}

/** Texts are looked up by walking over the bytes once: a decoded vocabulary of 260,000 tokens takes 60 ms. */
class Vocabulary {
  readonly #tokens: ArrayView;
  readonly #types: ArrayView | undefined;

  constructor(tokens: ArrayView, types: ArrayView | undefined) {
    this.#tokens = tokens;
    this.#types = types?.elementType === 'int32' ? types : undefined;
  }

  has(id: number): boolean {
    return Number.isInteger(id) && id >= 0 && id < this.#tokens.length;
  }

  at(id: number): SpecialToken {
    return { id, text: String(this.#tokens.at(id)), type: this.#typeOf(id) };
  }

  find(texts: ReadonlySet<string>): Map<string, SpecialToken> {
    const wanted = new Map([...texts].map((text) => [Buffer.from(text).toString('latin1'), text]));
    // Most tokens differ from all of them in their length, their first byte or their last.
    const lengths = new Uint8Array(256);
    const [first, last] = [new Uint8Array(256), new Uint8Array(256)];
    for (const text of wanted.keys()) {
      lengths[text.length] = 1;
      first[text.charCodeAt(0)] = 1;
      last[text.charCodeAt(text.length - 1)] = 1;
    }
    const found = new Map<string, SpecialToken>();
    const { encoded } = this.#tokens;
    const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
    const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength);
    let position = 0;
    for (let id = 0; id < this.#tokens.length; id++) {
      // As lengthAt has it; a loop that is not compiled yet is three times as fast by a view.
      const length = view.getUint32(position, true);
      const start = position + LENGTH_BYTES;
      position = start + length;
      if (lengths[length] !== 1 || first[bytes[start] ?? 0] !== 1 || last[bytes[position - 1] ?? 0] !== 1)
        continue;
      const text = wanted.get(bytes.toString('latin1', start, position));
      if (text !== undefined) found.set(text, { id, text, type: this.#typeOf(id) });
    }
    return found;
  }

  #typeOf(id: number): number {
    return this.#types !== undefined && id < this.#types.length ? Number(this.#types.at(id)) : NORMAL;
  }
}
