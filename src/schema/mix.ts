import { z } from 'zod';
import { bytes, count, type Document, finite, fraction } from './parts.ts';
import { SCHEMA_IDS } from './terms.ts';

const measured = z.strictObject({
  kind: z.enum(['mix', 'stock', 'neighbour']).describe('A neighbour is a mix a little smaller or larger.'),
  name: z.string(),
  bytes: bytes.describe('Of the whole file.'),
  predictedKld: finite
    .nullable()
    .describe('Sum of the groups’ losses on the text of the choice; null of a recipe.'),
  meanKld: finite.describe('Against the source, in nats, on text that the choice did not see.'),
  stderrKld: finite,
  sameTop: fraction,
  perplexity: finite,
});

const text = z.strictObject({ path: z.string(), chunks: count, contextSize: count });

/** What `mix --json` prints, and the recipe that it keeps beside the file. */
export const mixSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.mix),
  tool: z.strictObject({ version: z.string() }),
  engine: z.strictObject({ version: z.string(), llamaCpp: z.string(), build: z.string() }),
  source: z.strictObject({ ref: z.string(), bytes }),
  goal: z.string().describe('What was asked for, in words.'),
  recipe: z.string().describe('The stock recipe whose name the file bears.'),
  comparedWith: z.string().describe('The stock recipe that the verdict is about.'),
  budgetBytes: bytes.nullable().describe('Of the whole file; null where a loss was the goal.'),
  imatrix: z.string().nullable(),
  choiceText: text,
  testText: text,
  groups: z
    .array(
      z.strictObject({
        name: z.string(),
        tensors: z.array(z.string()),
        type: z.string(),
        bits: finite.describe('Bits a weight.'),
        stockTypes: z.array(z.string()).describe('What the recipe that it is compared with gives them.'),
        stockBits: finite,
        choices: z.array(
          z.strictObject({
            type: z.string(),
            bytes,
            loss: finite,
            measured: z.boolean().describe('Else estimated from the squared error of its weights.'),
          }),
        ),
      }),
    )
    .describe('What each group loses alone at each type, on the text of the choice, and what it got.'),
  predictedKld: finite.describe('Sum of the groups’ losses.'),
  choiceKld: finite.describe('Of the whole mix, measured on the text of the choice.'),
  curve: z.array(z.strictObject({ bytes, predictedKld: finite })).describe('Of the whole file, by size.'),
  measured: z.array(measured).describe('By size.'),
  verdict: z.enum(['better', 'within the error', 'worse']).describe('The mix beside the stock recipe.'),
  phone: z
    .strictObject({
      device: z.string(),
      backend: z.string(),
      types: z.array(z.string()).nullable().describe('That its backend runs fast; null where all are alike.'),
      generationTps: finite.nullable().describe('Predicted; null where it cannot be.'),
      low: finite.nullable(),
      high: finite.nullable(),
    })
    .nullable(),
  losses: z
    .strictObject({ measured: count, reused: count, journal: z.string() })
    .describe('Measured now, and read from journals.'),
  written: z
    .strictObject({ path: z.string(), bytes, tensorTypeFile: z.string(), command: z.string() })
    .nullable()
    .describe('null where the mix does not beat the stock recipe, or nothing was to be written.'),
  durationMs: finite,
});

export type MixResults = Document<typeof mixSchema>;
