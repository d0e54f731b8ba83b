import { z } from 'zod';
import { CARD_CHECK_SCHEMA_ID, type CardCheck } from '../validate/card/check.ts';
import { CLAIM_KINDS } from '../validate/card/claim.ts';
import { BASES, CLAIM_VERDICTS } from '../validate/card/verdict.ts';

const line = z.int().positive().describe('From 1.');
const kind = z.enum(CLAIM_KINDS);
const count = z.int().nonnegative();

/** What `card check --json` prints: `CardCheck` in src/validate, which imports no package. */
const cardCheckSchema = z.strictObject({
  schema: z.literal(CARD_CHECK_SCHEMA_ID),
  card: z.string(),
  model: z
    .strictObject({
      ref: z.string(),
      fileName: z.string(),
      fileBytes: count.describe('Of all shards.'),
      label: z.string(),
    })
    .nullable()
    .describe('null where the card was read alone.'),
  results: z.string().nullable().describe('The results file that was given.'),
  verdict: z.enum(['ok', 'wrong']).describe('wrong: a claim is false, or the card contradicts itself.'),
  counts: z.strictObject({ true: count, false: count, notCheckable: count }),
  claims: z.array(
    z.strictObject({
      line,
      quote: z.string().describe('What stands there, without Markdown’s marks.'),
      kind,
      says: z.string().describe('What is claimed, as written.'),
      subject: z.string().nullable().describe('Another quantization or model; null for the card’s own.'),
      verdict: z.enum(CLAIM_VERDICTS),
      actual: z.string().nullable().describe('The right value, where one is known.'),
      basis: z.enum(BASES).nullable().describe('What the value stands on.'),
      reason: z.string().describe('Keys, tensors or formula; or why it cannot be checked.'),
    }),
  ),
  contradictions: z.array(
    z.strictObject({
      kind,
      message: z.string(),
      values: z.array(z.strictObject({ says: z.string(), lines: z.array(line) })),
    }),
  ),
}) satisfies z.ZodType<CardCheck>;

export function cardSchemas(): Record<string, object> {
  return {
    'card-check': {
      title: `quantscope card check (${CARD_CHECK_SCHEMA_ID})`,
      ...z.toJSONSchema(cardCheckSchema, { target: 'draft-2020-12' }),
    },
  };
}
