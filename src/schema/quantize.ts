import { z } from 'zod';
import { bytes, count, type Document, finite } from './parts.ts';
import { SCHEMA_IDS } from './terms.ts';

const tensorsOfType = z.strictObject({ type: z.string(), tensors: count, bytes });

const variant = z.strictObject({
  recipe: z.string().describe('As llama-quantize calls it.'),
  paths: z.array(z.string()).describe('The file, or its shards; where they would be written by a dry run.'),
  bytes: bytes.describe('Of the file, or of all shards.'),
  bitsPerWeight: finite.describe('Of the tensors alone.'),
  byType: z.array(tensorsOfType).describe('Most bytes first.'),
  fallbacks: z
    .array(
      z.strictObject({
        wanted: z.string(),
        taken: z.string(),
        tensors: count,
        columns: count.describe('Elements of a row, which is no whole number of blocks.'),
        blockElements: count.describe('Elements of a block of the wanted type.'),
      }),
    )
    .describe('Tensors that the recipe could not give the type it wanted.'),
  requantized: count.describe('Tensors that were quantized before: they lose twice.'),
  durationMs: finite.nullable().describe('null of a dry run.'),
});

/** What `quantize --json` prints. */
export const quantizeSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.quantize),
  tool: z.strictObject({ version: z.string() }),
  engine: z.strictObject({ version: z.string(), llamaCpp: z.string(), build: z.string() }),
  source: z.strictObject({
    ref: z.string(),
    bytes,
    bitsPerWeight: finite,
    byType: z.array(tensorsOfType),
  }),
  imatrix: z
    .strictObject({
      path: z.string(),
      datasets: z.array(z.string()),
      chunks: count,
      entries: count,
      missing: z.array(z.string()).describe('Matrices of the model that it says nothing of.'),
    })
    .nullable(),
  dryRun: z.boolean(),
  variants: z.array(variant),
});

export type QuantizeResults = Document<typeof quantizeSchema>;
export type QuantizedVariant = QuantizeResults['variants'][number];
