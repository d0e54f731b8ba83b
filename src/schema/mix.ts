import { z } from 'zod';
import { bytes, count, type Document, finite, fraction } from './parts.ts';
import { SCHEMA_IDS } from './terms.ts';

const measured = z.strictObject({
  name: z.string().describe('mix, or the recipe.'),
  bytes,
  meanKld: finite.describe('Against the source, in nats, on text that the choice did not see.'),
  stderrKld: finite,
  sameTop: fraction,
  perplexity: finite,
});

/** What `mix --json` prints, and the recipe that it keeps beside the file. */
export const mixSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.mix),
  tool: z.strictObject({ version: z.string() }),
  engine: z.strictObject({ version: z.string(), llamaCpp: z.string(), build: z.string() }),
  source: z.strictObject({ ref: z.string(), bytes }),
  recipe: z.string().describe('The stock recipe whose name the file bears and that it is compared with.'),
  budgetBytes: bytes.describe('Of the whole file.'),
  imatrix: z.string().nullable(),
  choiceText: z.strictObject({ path: z.string(), chunks: count, contextSize: count }),
  testText: z.strictObject({ path: z.string(), chunks: count, contextSize: count }),
  groups: z
    .array(
      z.strictObject({
        name: z.string(),
        tensors: z.array(z.string()),
        type: z.string(),
        stockTypes: z.array(z.string()).describe('What the stock recipe gives them.'),
        choices: z.array(z.strictObject({ type: z.string(), bytes, loss: finite })),
      }),
    )
    .describe('What each group lost at each type, as measured on the text of the choice, and what it got.'),
  predictedKld: finite.describe('Sum of the groups’ losses.'),
  curve: z.array(z.strictObject({ bytes, predictedKld: finite })).describe('Of the whole file, by size.'),
  measured: z.array(measured),
  verdict: z.enum(['better', 'within the error', 'worse']).describe('The mix beside the stock recipe.'),
  written: z
    .strictObject({ path: z.string(), bytes, tensorTypeFile: z.string(), command: z.string() })
    .nullable()
    .describe('null where the mix does not beat the stock recipe, or nothing was to be written.'),
  durationMs: finite,
});

export type MixResults = Document<typeof mixSchema>;
