import { createHash } from 'node:crypto';
import { getArray, getString, type HasMetadata } from './metadata.ts';

/** SHA-256 of each part of a vocabulary, over the bytes in the file; null where the file lacks the part. */
export interface VocabularyParts {
  readonly tokens: string | null;
  readonly scores: string | null;
  readonly tokenTypes: string | null;
  readonly merges: string | null;
}

/** What makes two files tokenize a text differently. */
export type VocabularyDifference = keyof VocabularyParts | 'tokenizerModel' | 'preTokenizer' | 'name';

/**
 * SHA-256 over the raw bytes of the token array (its lengths and texts), in hexadecimal; of nothing where the
 * file has no tokens. Equal fingerprints mean the same tokens with the same ids.
 */
export function vocabularyFingerprint(header: HasMetadata): string {
  return hashOf(header, 'tokenizer.ggml.tokens') ?? createHash('sha256').digest('hex');
}

/** Fingerprints of the parts of a vocabulary. */
export function vocabularyParts(header: HasMetadata): VocabularyParts {
  return {
    tokens: hashOf(header, 'tokenizer.ggml.tokens'),
    scores: hashOf(header, 'tokenizer.ggml.scores'),
    tokenTypes: hashOf(header, 'tokenizer.ggml.token_type'),
    merges: hashOf(header, 'tokenizer.ggml.merges'),
  };
}

/** Which parts of two files' vocabularies differ; empty where they tokenize alike. */
export function vocabularyDifferences(one: HasMetadata, other: HasMetadata): VocabularyDifference[] {
  const [left, right] = [vocabularyParts(one), vocabularyParts(other)];
  const parts = ['tokens', 'scores', 'tokenTypes', 'merges'] as const;
  const differences: VocabularyDifference[] = parts.filter((part) => left[part] !== right[part]);
  const texts = { tokenizerModel: 'tokenizer.ggml.model', preTokenizer: 'tokenizer.ggml.pre' } as const;
  for (const name of ['tokenizerModel', 'preTokenizer'] as const) {
    if (getString(one, texts[name]) !== getString(other, texts[name])) differences.push(name);
  }
  if (isNamedPhi3(one) !== isNamedPhi3(other)) differences.push('name');
  return differences;
}

/** Whether llama.cpp has special tokens swallow the whitespace behind them, by the name alone (llama-vocab.cpp:3115). */
export function isNamedPhi3(header: HasMetadata): boolean {
  return /phi-3|phi3/i.test(getString(header, 'general.name') ?? '');
}

function hashOf(header: HasMetadata, key: string): string | null {
  const array = getArray(header, key);
  if (array === undefined) return null;
  const hash = createHash('sha256');
  for (const piece of array.pieces()) hash.update(piece);
  return hash.digest('hex');
}
