import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import type { VariantResult } from '../schema/results.ts';
import { messageOf, QuantscopeError, UsageError } from '../util/errors.ts';
import type { TokenizerIdentity } from './comparable.ts';
import { LLAMA_BASE_MAGIC, LlamaBaseReader } from './llama-base.ts';
import { type ReferenceHead, ReferenceReader, type ScoresSource } from './reference-store.ts';

/** A reference that was scored before, whose model need not be there any more. */
export interface SavedReference {
  readonly path: string;
  readonly name: string;
  /** Its row, as it was measured then; null where the file holds scores alone. */
  readonly row: VariantResult | null;
  readonly method: 'exact' | 'bounded';
  readonly contextSize: number;
  /** The text that was scored: candidates are scored on the very same tokens. */
  readonly chunks: readonly Uint32Array[];
  readonly vocabularySize: number;
  /** What a candidate must share; null where the file knows the size of the vocabulary alone. */
  readonly tokenizer: TokenizerIdentity | null;
  /** null where the file does not say. */
  readonly head: ReferenceHead | null;
  openScores(): Promise<ScoresSource>;
}

/** Whether a file is one of the two forms; false for a model, or where there is no file. */
export async function isSavedReference(path: string): Promise<boolean> {
  const file = await open(path, 'r').catch(() => null);
  if (file === null) return false;
  try {
    const begin = Buffer.alloc(LLAMA_BASE_MAGIC.length);
    await file.read(begin, 0, begin.length, 0);
    return begin.equals(LLAMA_BASE_MAGIC) || begin.toString('latin1').startsWith('QSREF\n');
  } catch {
    return false;
  } finally {
    await file.close();
  }
}

/**
 * Opens a file of `eval --save-reference` or of `llama-perplexity --kl-divergence-base`.
 * @throws QuantscopeError `reference/invalid`; UsageError `input/unreadable`
 */
export async function openSavedReference(path: string): Promise<SavedReference> {
  try {
    const file = await open(path, 'r');
    const begin = Buffer.alloc(LLAMA_BASE_MAGIC.length);
    await file.read(begin, 0, begin.length, 0).finally(() => file.close());
    return begin.equals(LLAMA_BASE_MAGIC) ? await ofLlama(path) : await ofOurs(path);
  } catch (cause) {
    if (cause instanceof QuantscopeError) throw cause;
    throw new UsageError('input/unreadable', `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

async function ofOurs(path: string): Promise<SavedReference> {
  await using reader = await ReferenceReader.open(path);
  const { head, tokens } = reader;
  const row = await reader.row();
  return {
    path,
    name: row.name,
    row,
    method: head.kind === 'full' ? 'exact' : 'bounded',
    contextSize: head.contextSize,
    chunks: tokens,
    vocabularySize: head.tokenizer.vocabularySize,
    tokenizer: head.tokenizer,
    head,
    openScores: () => ReferenceReader.open(path),
  };
}

async function ofLlama(path: string): Promise<SavedReference> {
  await using reader = await LlamaBaseReader.open(path);
  return {
    path,
    name: basename(path),
    row: null,
    method: 'exact',
    contextSize: reader.contextSize,
    chunks: reader.tokens,
    vocabularySize: reader.vocabularySize,
    tokenizer: null,
    head: null,
    openScores: () => LlamaBaseReader.open(path),
  };
}
