import { z } from 'zod';
import { bytes, count, type Document, finite, fraction } from './parts.ts';
import { SCHEMA_IDS } from './terms.ts';

const use = z.strictObject({ name: z.string(), meanSquare: finite, share: fraction });

/** What an importance matrix says of a model's weights. */
export const importanceSchema = z.strictObject({
  datasets: z.array(z.string()).describe('Paths of the texts.'),
  chunks: count,
  chunkSize: count.describe('In tokens; 0 where the file does not say.'),
  weights: count.describe('Matrices with an entry.'),
  coverage: fraction.describe('Matrices that some token reached; each expert counts.'),
  empty: z.array(z.string()).describe('Matrices that no token reached.'),
  partial: z
    .array(z.strictObject({ name: z.string(), reached: count, experts: count }))
    .describe('Matrices of which some experts were never reached: they are quantized without importance.'),
  strongest: z
    .array(use)
    .describe('Matrices with the largest mean squared input, and their share of the sum over all.'),
  weakest: z.array(use),
});

/** What `imatrix --json` prints. */
export const imatrixSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.imatrix),
  tool: z.strictObject({ version: z.string() }),
  engine: z.strictObject({ version: z.string(), llamaCpp: z.string(), build: z.string() }),
  model: z.string().describe('As it was named.'),
  path: z.string(),
  bytes,
  ...importanceSchema.shape,
  missing: z.array(z.string()).describe('Matrices of the layers that the file has no entry of.'),
  durationMs: finite,
});

export type Importance = Document<typeof importanceSchema>;
export type ImatrixResults = Document<typeof imatrixSchema>;
