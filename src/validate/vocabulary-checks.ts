import {
  type ArrayView,
  getArray,
  getString,
  LENGTH_BYTES,
  lengthAt,
  type MetadataValue,
  type SpecialToken,
  type SpecialTokens,
  specialTokens,
  tokensByText,
} from '../gguf/index.ts';
import type { FileUnderTest } from './file-under-test.ts';
import { atKey, type Finding } from './finding.ts';
import { surveyTokens, type TokenSurvey } from './token-survey.ts';
import { MODEL, TOKENS } from './vocabulary-keys.ts';

export function needsVocabulary({ header, kind, architecture }: FileUnderTest): boolean {
  // Without an architecture that rule speaks; a diffusion or speech model may have no text vocabulary.
  return header !== null && architecture !== undefined && (kind === 'model' || kind === 'vocabulary');
}

/** `tokenizer.ggml.model`; undefined where it is absent or no string. */
export function tokenizerModel(file: FileUnderTest): string | undefined {
  return file.header === null ? undefined : getString(file.header, MODEL);
}

/** An array of strings; undefined for anything else. */
export function stringArray(file: FileUnderTest, key: string): ArrayView | undefined {
  const array = file.header === null ? undefined : getArray(file.header, key);
  return array?.elementType === 'string' ? array : undefined;
}

/** Whether a value is an array of one of some element types. */
export function isArrayOf(value: MetadataValue, allowed: readonly string[]): boolean {
  return value.type === 'array' && allowed.includes(value.value.elementType);
}

const surveys = new WeakMap<FileUnderTest, TokenSurvey>();

/** One walk over the tokens serves all the rules about them. */
export function surveyOf(file: FileUnderTest): TokenSurvey {
  let survey = surveys.get(file);
  if (survey === undefined) {
    survey = surveyTokens(stringArray(file, TOKENS));
    surveys.set(file, survey);
  }
  return survey;
}

/** What llama.cpp makes of the special tokens; null for a file without a vocabulary that has them. */
export function specialTokensOf(file: FileUnderTest): SpecialTokens | null {
  return needsVocabulary(file) && file.header !== null ? specialTokens(file.header) : null;
}

/** Those of some texts that are tokens, with their types, in the order of the texts. */
export function tokenTypesOf(file: FileUnderTest, texts: readonly string[]): SpecialToken[] {
  const found = file.header === null ? new Map() : tokensByText(file.header, new Set(texts));
  return texts.flatMap((text) => found.get(text) ?? []);
}

/** An array that must have an element for each token. */
export function* sameLength(file: FileUnderTest, key: string): Iterable<Finding> {
  const tokens = stringArray(file, TOKENS);
  const values = file.header === null ? undefined : getArray(file.header, key);
  if (tokens === undefined || values === undefined || values.length === tokens.length) return;
  yield atKey(file, key, `${values.length} values for ${tokens.length} tokens`);
}

/** How many tokens have a fault, and which is the first. */
export function* counted(
  file: FileUnderTest,
  { count, first }: { readonly count: number; readonly first: number },
  one: string,
  several: string,
): Iterable<Finding> {
  if (count === 1) yield atKey(file, TOKENS, `token ${first} ${one}`);
  else if (count > 1) yield atKey(file, TOKENS, `${count} tokens ${several}; the first is token ${first}`);
}

/** Elements of four bytes that are bad by their bits; null where none is. */
export function badElements(
  array: ArrayView,
  isBad: (bits: number) => boolean,
): { count: number; first: number } | null {
  let count = 0;
  let first = -1;
  let index = 0;
  for (const piece of array.pieces()) {
    const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
    for (let at = 0; at < piece.length; at += 4, index++) {
      if (isBad(view.getUint32(at, true)) && count++ === 0) first = index;
    }
  }
  return count === 0 ? null : { count, first };
}

const SPACE = 0x20;

/** Merges that are not two texts. By bytes: a text made of each of 300,000 would take longest of all rules. */
export function mergesWithoutSpace(merges: ArrayView): { count: number; first: number } | null {
  const { encoded } = merges;
  let count = 0;
  let first = -1;
  let end = 0;
  for (let index = 0; index < merges.length; index++) {
    const start = end + LENGTH_BYTES;
    end = start + lengthAt(encoded, end);
    // From the second character on: the first text may itself begin with a space.
    let at = start + 1;
    while (at < end && encoded[at] !== SPACE) at++;
    if (at >= end && count++ === 0) first = index;
  }
  return count === 0 ? null : { count, first };
}

/** The end of a message about the first of several. */
export function andMore(count: number): string {
  return count > 1 ? `; ${count - 1} more like it` : '';
}
