import { END_OF_GENERATION, getNumber, getString, type SpecialId, type SpecialToken } from '../gguf/index.ts';
import type { FileUnderTest } from './file-under-test.ts';
import { atKey, type Finding, quoted } from './finding.ts';
import { BPE_MODELS, EMPTY_MODELS } from './llama-cpp.ts';
import type { Checks } from './rule.ts';
import {
  needsVocabulary,
  specialTokensOf,
  stringArray,
  surveyOf,
  tokenizerModel,
} from './vocabulary-checks.ts';
import { MODEL, PRE, TOKEN_TYPES, TOKENS } from './vocabulary-keys.ts';

const ADD_EOS = 'tokenizer.ggml.add_eos_token';
const EOS = 'tokenizer.ggml.eos_token_id';
const BOS = 'tokenizer.ggml.bos_token_id';
const SHOWN = 6;
const KNOWN_ENDS: ReadonlySet<string> = new Set(END_OF_GENERATION);

/** Of the group vocabulary: what llama.cpp does of itself to a vocabulary while it loads one. */
export const ENGINE_VOCABULARY_RULES: Checks = {
  *'vocabulary/none'(file) {
    if (file.header === null || file.kind !== 'model' || !EMPTY_MODELS.has(tokenizerModel(file) ?? ''))
      return;
    const count = getNumber(file.header, `${file.architecture}.vocab_size`) ?? 0;
    yield atKey(file, MODEL, `no vocabulary: llama.cpp makes up ${count} tokens without texts`);
  },
  *'vocabulary/newline'(file) {
    if (!needsVocabulary(file) || !BPE_MODELS.has(tokenizerModel(file) ?? '')) return;
    if (stringArray(file, TOKENS) === undefined) return;
    // A byte is written as a printable character, 0x0A as U+010A; gemma4 keeps it.
    const isThere = ['Ċ', '\n', '<0x0A>'].some((text) => surveyOf(file).has(text));
    if (!isThere) yield atKey(file, TOKENS, 'no token stands for a newline');
  },
  *'vocabulary/default-range'(file) {
    for (const { key, id } of specialTokensOf(file)?.defaultsOutOfRange ?? []) {
      yield { message: `the default of ${key} is ${id}, beyond the vocabulary`, key };
    }
  },
  *'vocabulary/default-special'(file) {
    const tokens = specialTokensOf(file);
    if (tokens === null || file.kind !== 'model') return;
    const { eos, bos, addsBos } = tokens;
    if (eos !== null) yield* takenByDefault(file, 'EOS', EOS, eos);
    if (bos !== null && addsBos) yield* takenByDefault(file, 'BOS', BOS, bos);
  },
  *'vocabulary/control-type'(file) {
    for (const { id, text, type } of (specialTokensOf(file)?.notControl ?? []).slice(0, SHOWN)) {
      yield atKey(
        file,
        TOKEN_TYPES,
        `token ${id} ${quoted(text)} is of type ${type}, and is made control (3)`,
      );
    }
  },
  *'vocabulary/always-printed'(file) {
    const printed = specialTokensOf(file)?.alwaysPrinted ?? [];
    if (printed.length > 0) yield atKey(file, TOKENS, `${named(printed)} ${are(printed)} made user-defined`);
  },
  *'vocabulary/end-unlisted'(file) {
    const tokens = specialTokensOf(file);
    if (tokens === null) return;
    for (const name of ['eos', 'eot', 'eom'] as const) {
      const id = tokens[name];
      const token = tokens.endOfGeneration.find((each) => each.id === id?.id);
      if (id === null || token === undefined || KNOWN_ENDS.has(token.text)) continue;
      yield atKey(
        file,
        `tokenizer.ggml.${name}_token_id`,
        `${name.toUpperCase()} is token ${token.id} ${quoted(token.text)}, which llama.cpp does not know as an end`,
      );
    }
  },
  *'vocabulary/not-ending'(file) {
    const out = specialTokensOf(file)?.notEnding ?? [];
    if (out.length > 0)
      yield atKey(file, TOKENS, `${named(out)} ${are(out)} taken out of the tokens that end a reply`);
  },
  *'vocabulary/bos-forced'(file) {
    if (specialTokensOf(file)?.bosIsForced === true)
      yield atKey(file, PRE, 'BOS is added, whatever tokenizer.ggml.add_bos_token says');
  },
  *'vocabulary/adds-eos'(file) {
    if (file.header === null || specialTokensOf(file)?.addsEos !== true) return;
    if (getString(file.header, 'tokenizer.chat_template') === undefined) return;
    yield atKey(file, ADD_EOS, 'EOS is added behind every prompt, and the file has a chat template');
  },
  *'vocabulary/mask'(file) {
    if (file.header === null || stringArray(file, TOKENS) === undefined) return;
    const pre = getString(file.header, PRE) ?? '';
    const isJina =
      /jina-v2-(?:de|es|code)/.test(pre) || /nomic-bert-moe|jina-bert-v3/.test(file.architecture ?? '');
    const isModernBert = /modern-bert/i.test(getString(file.header, 'general.name') ?? '');
    const mask = isJina ? '<mask>' : isModernBert ? '[MASK]' : null;
    if (mask !== null && !surveyOf(file).has(mask)) yield atKey(file, TOKENS, `no token is ${mask}`);
  },
};

function* takenByDefault(
  file: FileUnderTest,
  name: string,
  key: string,
  { id, from }: SpecialId,
): Iterable<Finding> {
  if (from !== 'default') return;
  const text = String(stringArray(file, TOKENS)?.at(id) ?? '');
  const message = `${key} is absent: llama.cpp takes token ${id} ${quoted(text)} for ${name}`;
  // SentencePiece and T5 have theirs where the defaults say.
  const isUsual = /^<\/?[|a-z:_]+>$|^\[[A-Z]+\]$/i.test(text);
  yield { message, key, ...(isUsual ? { severity: 'note' } : {}) };
}

function named(tokens: readonly SpecialToken[]): string {
  return tokens.map(({ id, text }) => `token ${id} ${quoted(text)}`).join(', ');
}

function are(tokens: readonly unknown[]): string {
  return tokens.length === 1 ? 'is' : 'are';
}
