import { getArray, getString } from '../gguf/index.ts';
import { isCovered } from './architecture-checks.ts';
import { atKey, quoted, wrongType } from './finding.ts';
import { BPE_MODELS, EMPTY_MODELS, PRE_TOKENIZERS, TOKENIZER_MODELS } from './llama-cpp.ts';
import type { Checks } from './rule.ts';
import { specialTokenKeys } from './token-survey.ts';
import {
  andMore,
  badElements,
  counted,
  isArrayOf,
  mergesWithoutSpace,
  needsVocabulary,
  sameLength,
  stringArray,
  surveyOf,
  tokenizerModel,
} from './vocabulary-checks.ts';
import { MERGES, MODEL, PHI3_TOKENS, PRE, SCORES, TOKEN_TYPES, TOKENS } from './vocabulary-keys.ts';

const NAME = 'general.name';

/** The group vocabulary: what turns text into tokens and back. */
export const VOCABULARY_RULES: Checks = {
  *'vocabulary/model-missing'(file) {
    if (needsVocabulary(file) && file.header?.metadata.has(MODEL) === false) {
      yield { message: `the key ${MODEL} is absent`, key: MODEL };
    }
  },
  *'vocabulary/model-unknown'(file) {
    const model = tokenizerModel(file);
    if (model === undefined || TOKENIZER_MODELS.has(model)) return;
    yield atKey(file, MODEL, `tokenizer ${quoted(model)} is not one of ${[...TOKENIZER_MODELS].join(', ')}`);
  },
  *'vocabulary/pre-missing'(file) {
    const model = tokenizerModel(file);
    // gemma4 has a pre-tokenizer of its own, whatever the file says.
    if (model === undefined || !BPE_MODELS.has(model) || model === 'gemma4') return;
    if (!file.scan.metadata.has(PRE)) yield { message: `the key ${PRE} is absent`, key: PRE };
  },
  *'vocabulary/pre-unknown'(file) {
    const model = tokenizerModel(file);
    const pre = getString(file.scan, PRE);
    if (model === undefined || !BPE_MODELS.has(model) || model === 'gemma4' || pre === undefined) return;
    if (!PRE_TOKENIZERS.has(pre))
      yield atKey(file, PRE, `pre-tokenizer ${quoted(pre)} is not known to llama.cpp v0.5.0`);
  },
  *'vocabulary/tokens-missing'(file) {
    if (!needsVocabulary(file) || EMPTY_MODELS.has(tokenizerModel(file) ?? '')) return;
    const tokens = file.header?.metadata.get(TOKENS);
    if (tokens === undefined) yield { message: `the key ${TOKENS} is absent`, key: TOKENS };
    else if (tokens.type === 'array' && tokens.value.length === 0)
      yield atKey(file, TOKENS, 'a vocabulary of 0 tokens');
  },
  *'vocabulary/array-type'(file) {
    const types: readonly (readonly [key: string, ...types: string[]])[] = [
      [TOKENS, 'string'],
      [MERGES, 'string'],
      [SCORES, 'float32', 'int32'],
      [TOKEN_TYPES, 'int32'],
    ];
    for (const [key, ...allowed] of types) {
      const value = file.header?.metadata.get(key);
      if (value === undefined || isArrayOf(value, allowed)) continue;
      yield wrongType(file, key, value, `array of ${allowed.join(' or ')}`);
    }
  },
  *'vocabulary/token-count'(file) {
    const tokens = stringArray(file, TOKENS);
    const rows = file.tensors.find(({ name }) => name === 'token_embd.weight')?.shape[1];
    if (!isCovered(file) || tokens === undefined || rows === undefined || tokens.length === rows) return;
    yield atKey(file, TOKENS, `${tokens.length} tokens, but token_embd.weight has ${rows} rows`);
  },
  *'vocabulary/token-duplicate'(file) {
    const survey = surveyOf(file);
    const { duplicates } = survey;
    if (duplicates === null) return;
    const more = duplicates.count > 1 ? `; ${duplicates.count - 1} more are double` : '';
    const [first, second] = duplicates.first;
    yield atKey(file, TOKENS, `tokens ${first} and ${second} are both ${quoted(duplicates.text)}${more}`);
  },
  *'vocabulary/token-nul'(file) {
    yield* counted(file, surveyOf(file).withNul, 'holds a NUL byte', 'hold NUL bytes');
  },
  *'vocabulary/token-empty'(file) {
    yield* counted(file, surveyOf(file).empty, 'is empty', 'are empty');
  },
  *'vocabulary/token-utf8'(file) {
    yield* counted(file, surveyOf(file).notUtf8, 'is not valid UTF-8', 'are not valid UTF-8');
  },
  *'vocabulary/scores-length'(file) {
    yield* sameLength(file, SCORES);
  },
  *'vocabulary/score-value'(file) {
    const scores = getArray(file.scan, SCORES);
    if (file.header === null || scores?.elementType !== 'float32') return;
    // All bits of the exponent are set: NaN, or infinite.
    const bad = badElements(scores, (bits) => (bits & 0x7f80_0000) === 0x7f80_0000);
    if (bad === null) return;
    const value = String(scores.at(bad.first));
    yield atKey(file, SCORES, `the score of token ${bad.first} is ${value}${andMore(bad.count)}`);
  },
  *'vocabulary/token-types-length'(file) {
    yield* sameLength(file, TOKEN_TYPES);
  },
  *'vocabulary/token-type-range'(file) {
    const types = getArray(file.scan, TOKEN_TYPES);
    if (file.header === null || types?.elementType !== 'int32') return;
    const bad = badElements(types, (bits) => !(bits >= 1 && bits <= 6));
    if (bad === null) return;
    const type = String(types.at(bad.first));
    yield atKey(file, TOKEN_TYPES, `token ${bad.first} has the type ${type}${andMore(bad.count)}`);
  },
  *'vocabulary/phi3-tokens'(file) {
    const name = file.header === null ? undefined : getString(file.header, NAME);
    if (name === undefined || !/phi-?3/i.test(name) || !needsVocabulary(file)) return;
    if (stringArray(file, TOKENS) === undefined) return;
    const missing = PHI3_TOKENS.filter((token) => !surveyOf(file).has(token));
    if (missing.length > 0) {
      yield atKey(file, NAME, `the name is ${quoted(name)} and the vocabulary lacks ${missing.join(', ')}`);
    }
  },
  *'vocabulary/merges-missing'(file) {
    const model = tokenizerModel(file);
    if (model === undefined || !BPE_MODELS.has(model) || file.header?.metadata.has(MERGES) !== false) return;
    // Kimi-K2 merges without a table (src/llama-vocab.cpp:1999).
    if (getString(file.scan, PRE) !== 'kimi-k2')
      yield { message: `the key ${MERGES} is absent`, key: MERGES };
  },
  *'vocabulary/merge-form'(file) {
    const merges = stringArray(file, MERGES);
    if (merges === undefined) return;
    const bad = mergesWithoutSpace(merges);
    if (bad !== null) yield atKey(file, MERGES, `merge ${bad.first} has no space in it${andMore(bad.count)}`);
  },
  *'vocabulary/special-id'(file) {
    const tokens = stringArray(file, TOKENS);
    if (file.header === null || tokens === undefined) return;
    for (const key of specialTokenKeys(file.header)) {
      const value = file.header.metadata.get(key);
      if (value === undefined) continue;
      if (value.type !== 'uint32') yield wrongType(file, key, value, 'uint32');
      else if (value.value >= tokens.length) {
        yield atKey(file, key, `${key} is ${value.value}, but the vocabulary has ${tokens.length} tokens`);
      }
    }
  },
  *'vocabulary/byte-tokens'(file) {
    const tokens = stringArray(file, TOKENS);
    if (tokens === undefined || tokens.length === 0 || tokenizerModel(file) !== 'llama') return;
    const missing = 256 - surveyOf(file).byteTokens;
    if (missing > 0) yield atKey(file, TOKENS, `${missing} of the 256 byte tokens are absent`);
  },
};
