/**
 * Rows of logits as files keep them, a row for each scored position:
 *
 *     float32            float64 ln of the sum of exp(logit) | float32 logit[n_vocab], padded to a multiple of 4
 *     llama-perplexity   float32 scale | float32 lowest | uint16 q[n_vocab], padded to an even count
 *
 * The first is what the model said, to the last bit. The second is llama-perplexity's own (llama.cpp,
 * tools/perplexity/perplexity.cpp): ln p of a token is scale × q + lowest, clipped at 16 nats below the largest.
 */
export type RowForm = 'float32' | 'llama-perplexity';

/** Rows in a file, one after another. */
export interface RowFile {
  readonly path: string;
  readonly form: RowForm;
  /** Of the first row. */
  readonly offsetBytes: number;
}

/** Logits that kernels take at once. */
export const ROW_STEP = 4;

export function paddedRow(vocabularySize: number): number {
  return Math.ceil(vocabularySize / ROW_STEP) * ROW_STEP;
}

export function rowBytes(form: RowForm, vocabularySize: number): number {
  switch (form) {
    case 'float32':
      return 8 + 4 * paddedRow(vocabularySize);
    case 'llama-perplexity':
      return 8 + 4 * Math.ceil(vocabularySize / 2);
  }
}
