import { z } from 'zod';
import { bytes, count, type Document, finite, fraction } from './parts.ts';
import { SCHEMA_IDS } from './terms.ts';

/** What `imatrix --json` prints. */
export const imatrixSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.imatrix),
  tool: z.strictObject({ version: z.string() }),
  engine: z.strictObject({ version: z.string(), llamaCpp: z.string(), build: z.string() }),
  model: z.string().describe('As it was named.'),
  path: z.string(),
  bytes,
  datasets: z.array(z.string()).describe('Paths of the texts.'),
  chunks: count,
  chunkSize: count.describe('In tokens.'),
  weights: count.describe('Matrices with an entry.'),
  missing: z.array(z.string()).describe('Matrices of the layers that no chunk used.'),
  partial: z
    .array(z.strictObject({ name: z.string(), reached: count, experts: count }))
    .describe('Matrices of which some experts were never reached: they are quantized without importance.'),
  strongest: z
    .array(z.strictObject({ name: z.string(), meanSquare: finite, share: fraction }))
    .describe('Matrices with the largest mean squared input, and their share of the sum over all.'),
  weakest: z.array(z.strictObject({ name: z.string(), meanSquare: finite, share: fraction })),
  durationMs: finite,
});

export type ImatrixResults = Document<typeof imatrixSchema>;
