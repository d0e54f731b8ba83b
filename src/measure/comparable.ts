import type { VocabularyParts } from '../gguf/index.ts';
import { UsageError } from '../util/errors.ts';

/** What two files must share for their predictions to be comparable token by token. */
export interface TokenizerIdentity extends VocabularyParts {
  readonly vocabularySize: number;
  readonly tokenizerModel: string | null;
  readonly preTokenizer: string | null;
  /** As the file says it; null when it does not, and llama.cpp decides by tokenizer. */
  readonly addBosToken: boolean | null;
  readonly bosTokenId: number | null;
}

const ASPECTS: Readonly<Record<keyof TokenizerIdentity, string>> = {
  vocabularySize: 'vocabulary size',
  tokenizerModel: 'tokenizer',
  preTokenizer: 'pre-tokenizer',
  addBosToken: 'BOS rule (add_bos_token)',
  bosTokenId: 'BOS token',
  tokens: 'tokens of the vocabulary',
  scores: 'scores of the vocabulary',
  tokenTypes: 'token types of the vocabulary',
  merges: 'merges of the vocabulary',
};

/** Parts that are known by their hashes, which would tell a reader nothing. */
const HASHED = new Set<keyof TokenizerIdentity>(['tokens', 'scores', 'tokenTypes', 'merges']);

/**
 * Refuses variants that do not tokenize alike: perplexity and divergence between them would mean nothing.
 * @throws UsageError `compare/different-models` naming what differs and between which files
 */
export function requireComparable(
  variants: readonly { readonly name: string; readonly tokenizer: TokenizerIdentity }[],
): void {
  const [first, ...others] = variants;
  if (first === undefined) return;
  const differing = others.flatMap(({ name, tokenizer }) => {
    // The record names every aspect, and nothing else.
    const aspects = (Object.keys(ASPECTS) as (keyof TokenizerIdentity)[]).filter(
      (aspect) => tokenizer[aspect] !== first.tokenizer[aspect],
    );
    const said = aspects.map((aspect) => describe(aspect, tokenizer[aspect], first.tokenizer[aspect]));
    return aspects.length === 0 ? [] : [`${name} differs from ${first.name} in ${said.join(', ')}`];
  });
  if (differing.length === 0) return;
  throw new UsageError(
    'compare/different-models',
    `these files are not of one model: ${differing.join('; ')}`,
    {
      hint: 'Name the files of one model, and compare another model in a run of its own.',
    },
  );
}

function describe(aspect: keyof TokenizerIdentity, got: unknown, expected: unknown): string {
  return HASHED.has(aspect) ? ASPECTS[aspect] : `${ASPECTS[aspect]} (${shown(got)}, not ${shown(expected)})`;
}

function shown(value: unknown): string {
  return value === null ? 'not given' : String(value);
}
