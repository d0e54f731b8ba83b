import { getArray, getString } from '../gguf/index.ts';
import { isCovered } from './architecture-checks.ts';
import { describeType } from './architecture-keys.ts';
import { atKey } from './at-key.ts';
import { BPE_MODELS, EMPTY_MODELS, PRE_TOKENIZERS, TOKENIZER_MODELS } from './llama-cpp.ts';
import { quoted } from './quoted.ts';
import type { Rule, RuleTable } from './rule.ts';
import { specialTokenKeys } from './token-survey.ts';
import {
  andMore,
  counted,
  isArrayOf,
  mergesWithoutSpace,
  needsVocabulary,
  notFinite,
  sameLength,
  stringArray,
  surveyOf,
  tokenizerModel,
} from './vocabulary-checks.ts';
import { MERGES, MODEL, PRE, SCORES, TOKEN_TYPES, TOKENS } from './vocabulary-keys.ts';

const V = (lines: string): string => `llama.cpp v0.5.0, src/llama-vocab.cpp:${lines}.`;
const NAME = 'general.name';
const PHI3_TOKENS = ['<unk>', '<s>', '</s>', '<|endoftext|>'];
const CONVERT =
  'Convert the model again with a current convert_hf_to_gguf.py from its complete tokenizer files.';
/** The group vocabulary: what turns text into tokens and back. */
export const VOCABULARY_RULES: RuleTable = {
  'vocabulary/model-missing': {
    severity: 'error',
    reason: 'A model names its tokenizer in tokenizer.ggml.model.',
    why: 'llama.cpp does not load a model without one.',
    checkedBy: V('1944'),
    fix: CONVERT,
    *check(file) {
      if (needsVocabulary(file) && file.header?.metadata.has(MODEL) === false) {
        yield { message: `the key ${MODEL} is absent`, key: MODEL };
      }
    },
  },
  'vocabulary/model-unknown': {
    severity: 'error',
    reason: 'The tokenizer is one that llama.cpp v0.5.0 knows.',
    why: 'llama.cpp does not load a model with another one.',
    checkedBy: V('2151'),
    fix: CONVERT,
    *check(file) {
      const model = tokenizerModel(file);
      if (model === undefined || TOKENIZER_MODELS.has(model)) return;
      yield atKey(
        file,
        MODEL,
        `tokenizer ${quoted(model)} is not one of ${[...TOKENIZER_MODELS].join(', ')}`,
      );
    },
  },
  'vocabulary/pre-missing': {
    severity: 'warning',
    reason: 'A BPE vocabulary names its pre-tokenizer in tokenizer.ggml.pre.',
    why: 'llama.cpp falls back to a default that splits text at other places than the model was trained with.',
    checkedBy: V('2165, with a warning in its log'),
    fix: CONVERT,
    *check(file) {
      const model = tokenizerModel(file);
      // gemma4 has a pre-tokenizer of its own, whatever the file says.
      if (model === undefined || !BPE_MODELS.has(model) || model === 'gemma4') return;
      if (!file.scan.metadata.has(PRE)) yield { message: `the key ${PRE} is absent`, key: PRE };
    },
  },
  'vocabulary/pre-unknown': {
    severity: 'error',
    reason: 'The pre-tokenizer is one that llama.cpp v0.5.0 knows.',
    why: 'llama.cpp does not load a BPE vocabulary with another one.',
    checkedBy: V('2423'),
    fix: CONVERT,
    *check(file) {
      const model = tokenizerModel(file);
      const pre = getString(file.scan, PRE);
      if (model === undefined || !BPE_MODELS.has(model) || model === 'gemma4' || pre === undefined) return;
      if (!PRE_TOKENIZERS.has(pre))
        yield atKey(file, PRE, `pre-tokenizer ${quoted(pre)} is not known to llama.cpp v0.5.0`);
    },
  },
  'vocabulary/tokens-missing': {
    severity: 'error',
    reason: 'A model has its tokens in tokenizer.ggml.tokens, at least one.',
    why: 'llama.cpp does not load a model without them.',
    checkedBy: V('2458'),
    fix: CONVERT,
    *check(file) {
      if (!needsVocabulary(file) || EMPTY_MODELS.has(tokenizerModel(file) ?? '')) return;
      const tokens = file.header?.metadata.get(TOKENS);
      if (tokens === undefined) yield { message: `the key ${TOKENS} is absent`, key: TOKENS };
      else if (tokens.type === 'array' && tokens.value.length === 0)
        yield atKey(file, TOKENS, 'a vocabulary of 0 tokens');
    },
  },
  'vocabulary/array-type': {
    severity: 'error',
    reason: 'Tokens and merges are arrays of strings, scores of float32 or int32, token types of int32.',
    why: 'llama.cpp ends the load at any other type.',
    checkedBy: V('2010, 2463, 2476, 2494'),
    fix: CONVERT,
    *check(file) {
      const types: readonly (readonly [key: string, ...types: string[]])[] = [
        [TOKENS, 'string'],
        [MERGES, 'string'],
        [SCORES, 'float32', 'int32'],
        [TOKEN_TYPES, 'int32'],
      ];
      for (const [key, ...allowed] of types) {
        const value = file.header?.metadata.get(key);
        if (value === undefined || isArrayOf(value, allowed)) continue;
        yield atKey(
          file,
          key,
          `${key} is of type ${describeType(value)}, expected array of ${allowed.join(' or ')}`,
        );
      }
    },
  },
  'vocabulary/token-count': {
    severity: 'error',
    reason: 'The vocabulary has as many tokens as the embedding has rows.',
    why: 'A token without a row is read from beyond the weights; llama.cpp refuses the shape.',
    checkedBy: 'llama.cpp v0.5.0, src/llama-model-loader.cpp:894-925 (check_tensor_dims).',
    fix: CONVERT,
    *check(file) {
      const tokens = stringArray(file, TOKENS);
      const rows = file.tensors.find(({ name }) => name === 'token_embd.weight')?.shape[1];
      if (!isCovered(file) || tokens === undefined || rows === undefined || tokens.length === rows) return;
      yield atKey(file, TOKENS, `${tokens.length} tokens, but token_embd.weight has ${rows} rows`);
    },
  },
  'vocabulary/token-duplicate': {
    severity: 'error',
    reason: 'No two tokens are the same text.',
    why: 'llama.cpp counts them in a map and aborts at a difference: GGML_ASSERT kills the process. It sees texts up to their first NUL.',
    checkedBy: V('2539, an assertion that kills the process'),
    fix: CONVERT,
    *check(file) {
      const survey = surveyOf(file);
      const { duplicates } = survey;
      if (duplicates === null) return;
      const more = duplicates.count > 1 ? `; ${duplicates.count - 1} more are double` : '';
      const [first, second] = duplicates.first;
      yield atKey(file, TOKENS, `tokens ${first} and ${second} are both ${quoted(duplicates.text)}${more}`);
    },
  },
  'vocabulary/token-nul': {
    severity: 'warning',
    reason: 'No token holds a NUL byte.',
    why: 'llama.cpp reads tokens as C strings and sees only what stands before it.',
    checkedBy: 'Nobody.',
    fix: CONVERT,
    *check(file) {
      yield* counted(file, surveyOf(file).withNul, 'holds a NUL byte', 'hold NUL bytes');
    },
  },
  'vocabulary/token-empty': {
    severity: 'warning',
    reason: 'No token is empty.',
    why: 'llama.cpp names it [EMPTY_n]; the model cannot be made to read or write it.',
    checkedBy: V('2510, with a warning in its log'),
    fix: CONVERT,
    *check(file) {
      yield* counted(file, surveyOf(file).empty, 'is empty', 'are empty');
    },
  },
  'vocabulary/token-utf8': {
    severity: 'warning',
    reason: 'Tokens are valid UTF-8.',
    why: 'Output with such a token is broken text; JSON with it is refused.',
    checkedBy: 'Nobody.',
    fix: CONVERT,
    *check(file) {
      yield* counted(file, surveyOf(file).notUtf8, 'is not valid UTF-8', 'are not valid UTF-8');
    },
  },
  'vocabulary/scores-length': {
    severity: 'error',
    reason: 'There are as many scores as tokens.',
    why: 'llama.cpp refuses fewer; more mean that scores and tokens are from different vocabularies.',
    checkedBy: V('2480, where there are fewer'),
    fix: CONVERT,
    *check(file) {
      yield* sameLength(file, SCORES);
    },
  },
  'vocabulary/score-value': {
    severity: 'error',
    reason: 'Scores are finite numbers.',
    why: 'They order the merges: with NaN the order, and so the tokenization, is undefined.',
    checkedBy: 'Nobody: llama.cpp loads it.',
    fix: CONVERT,
    *check(file) {
      const scores = getArray(file.scan, SCORES);
      if (file.header === null || scores?.elementType !== 'float32') return;
      const bad = notFinite(scores);
      if (bad === null) return;
      const value = String(scores.at(bad.first));
      yield atKey(file, SCORES, `the score of token ${bad.first} is ${value}${andMore(bad.count)}`);
    },
  },
  'vocabulary/token-types-length': {
    severity: 'error',
    reason: 'There are as many token types as tokens.',
    why: 'llama.cpp refuses fewer; more mean that types and tokens are from different vocabularies.',
    checkedBy: V('2498, where there are fewer'),
    fix: CONVERT,
    *check(file) {
      yield* sameLength(file, TOKEN_TYPES);
    },
  },
  'vocabulary/token-type-range': {
    severity: 'warning',
    reason: 'A token type is one of 1 (normal) to 6 (byte).',
    why: 'Any other counts as undefined: a control token of such a type is printed as text.',
    checkedBy: V('2530, silently'),
    fix: CONVERT,
    *check(file) {
      const types = getArray(file.scan, TOKEN_TYPES);
      if (file.header === null || types?.elementType !== 'int32') return;
      let count = 0;
      let first = -1;
      for (const [index, type] of types.slice(0, types.length).entries()) {
        if (typeof type === 'number' && type >= 1 && type <= 6) continue;
        if (count++ === 0) first = index;
      }
      if (count > 0)
        yield atKey(
          file,
          TOKEN_TYPES,
          `token ${first} has the type ${String(types.at(first))}${andMore(count)}`,
        );
    },
  },
  'vocabulary/phi3-tokens': {
    severity: 'error',
    reason: 'A model whose name says Phi-3 has the tokens <unk>, <s>, </s> and <|endoftext|>.',
    why:
      'llama.cpp goes by general.name, whatever the architecture: it looks these tokens up to change how text around ' +
      'them is trimmed, and does not load a model that lacks one.',
    checkedBy: V('3106-3115'),
    fix: 'Convert the model again from its complete tokenizer files, or give a model that is no Phi-3 another name.',
    *check(file) {
      const name = file.header === null ? undefined : getString(file.header, NAME);
      if (name === undefined || !/phi-?3/i.test(name) || !needsVocabulary(file)) return;
      if (stringArray(file, TOKENS) === undefined) return;
      const missing = PHI3_TOKENS.filter((token) => !surveyOf(file).has(token));
      if (missing.length > 0) {
        yield atKey(file, NAME, `the name is ${quoted(name)} and the vocabulary lacks ${missing.join(', ')}`);
      }
    },
  },
  'vocabulary/merges-missing': {
    severity: 'error',
    reason: 'A BPE vocabulary has its merges in tokenizer.ggml.merges.',
    why: 'llama.cpp does not load one without.',
    checkedBy: V('2003'),
    fix: CONVERT,
    *check(file) {
      const model = tokenizerModel(file);
      if (model === undefined || !BPE_MODELS.has(model) || file.header?.metadata.has(MERGES) !== false)
        return;
      // Kimi-K2 merges without a table (src/llama-vocab.cpp:1999).
      if (getString(file.scan, PRE) !== 'kimi-k2')
        yield { message: `the key ${MERGES} is absent`, key: MERGES };
    },
  },
  'vocabulary/merge-form': {
    severity: 'warning',
    reason: 'A merge is two texts with a space between them.',
    why: 'llama.cpp reads any other as a merge of nothing with nothing: text is split differently than in training.',
    checkedBy: 'Nobody.',
    fix: CONVERT,
    *check(file) {
      const merges = stringArray(file, MERGES);
      if (merges === undefined) return;
      const bad = mergesWithoutSpace(merges);
      if (bad !== null)
        yield atKey(file, MERGES, `merge ${bad.first} has no space in it${andMore(bad.count)}`);
    },
  },
  'vocabulary/special-id': {
    severity: 'error',
    reason: 'The ids of special tokens are 32-bit and lie in the vocabulary.',
    why: 'llama.cpp takes a default instead, so that generation ends at the wrong token or never.',
    checkedBy: V('2613, with a warning in its log'),
    fix: CONVERT,
    *check(file) {
      const tokens = stringArray(file, TOKENS);
      if (file.header === null || tokens === undefined) return;
      for (const key of specialTokenKeys(file.header)) {
        const value = file.header.metadata.get(key);
        if (value === undefined) continue;
        if (value.type !== 'uint32')
          yield atKey(file, key, `${key} is of type ${describeType(value)}, expected uint32`);
        else if (value.value >= tokens.length) {
          yield atKey(file, key, `${key} is ${value.value}, but the vocabulary has ${tokens.length} tokens`);
        }
      }
    },
  },
  'vocabulary/byte-tokens': {
    severity: 'warning',
    reason: 'A SentencePiece vocabulary has the 256 byte tokens <0x00> to <0xFF>.',
    why: 'Text with any other character than its pieces cannot be read: llama.cpp throws when it meets one, or at loading.',
    checkedBy: V('3190-3200, when the byte is asked for'),
    fix: CONVERT,
    *check(file) {
      const tokens = stringArray(file, TOKENS);
      if (tokens === undefined || tokens.length === 0 || tokenizerModel(file) !== 'llama') return;
      const missing = 256 - surveyOf(file).byteTokens;
      if (missing > 0) yield atKey(file, TOKENS, `${missing} of the 256 byte tokens are absent`);
    },
  },
} satisfies Record<string, Rule>;
