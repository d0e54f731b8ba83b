import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { EngineSession, LoadedModel } from '../../engine/index.ts';
import { rowBytes } from '../../engine/logit-rows.ts';
import type { EvaluationSet } from '../../measure/evaluation-data.ts';
import { chunksOf, type TextChunks, type TextPlan } from '../../measure/text-evaluation.ts';
import { boundedText } from '../../util/bounded-text.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import { packagePath } from '../../util/package-files.ts';

/** A text that models are compared on, and where the source's distributions over it are kept. */
export interface ComparedText {
  readonly path: string;
  readonly plan: TextPlan;
  readonly planned: TextChunks;
  readonly storeBytes: number;
  readonly store: { rowsOf(chunk: number): { path: string; form: 'float32'; offsetBytes: number } };
}

export interface TextRequest {
  /** null for the one that comes with the package. */
  readonly path: string | null;
  readonly shipped: 'choice' | 'test';
  readonly set: EvaluationSet;
  readonly chunks: number;
  readonly contextSize: number;
}

/** What tells the chunks of a text from others: of its tokens, and how many there are. */
export function digestOf({ planned: { chunks } }: ComparedText): string {
  const hash = createHash('sha256');
  for (const tokens of chunks) hash.update(tokens);
  return `${hash.digest('hex').slice(0, 16)}, ${chunks.length} chunks of ${chunks[0]?.length ?? 0}`;
}

/**
 * A result that is measured on what it was chosen by proves nothing.
 * @throws UsageError `mix/same-text`
 */
export function requireOtherText(choice: ComparedText, test: ComparedText): void {
  const seen = new Set(choice.planned.chunks.map((tokens) => tokens.slice(1).join(' ')));
  if (!test.planned.chunks.some((tokens) => seen.has(tokens.slice(1).join(' ')))) return;
  throw new UsageError('mix/same-text', `${test.path} has chunks that types are chosen on`, {
    hint: 'Give another text with --test-text, or another for the choice with --text.',
  });
}

/** @throws UsageError `input/unreadable`, `input/empty`, `measure/text-too-short` */
export async function compareOn(
  { path, shipped, set, chunks, contextSize }: TextRequest,
  session: EngineSession,
  model: LoadedModel,
  scratch: string,
): Promise<ComparedText> {
  const ours = shipped === 'choice' ? `fixtures/calibration/${set}.txt` : `fixtures/${set}/text.txt`;
  const text = await boundedText(path ?? packagePath(ours)).catch((cause: unknown) => {
    throw new UsageError('input/unreadable', `${path ?? ours} cannot be read: ${messageOf(cause)}`, {
      cause,
      hint: 'A text is a file of plain text.',
    });
  });
  if (text.trim() === '') {
    throw new UsageError('input/empty', `${path ?? ours} has no text in it`, {
      hint: 'A text is a file of plain text, of two chunks or more.',
    });
  }
  const plan: TextPlan = { text, contextSize, chunks };
  const planned = await chunksOf(session, model, plan);
  const chunkBytes = (contextSize - 1 - planned.firstScored) * rowBytes('float32', model.vocabularySize);
  const rowsPath = join(scratch, `${shipped}.rows`);
  return {
    path: path ?? ours,
    plan,
    planned,
    storeBytes: planned.chunks.length * chunkBytes,
    store: { rowsOf: (chunk) => ({ path: rowsPath, form: 'float32', offsetBytes: chunk * chunkBytes }) },
  };
}
