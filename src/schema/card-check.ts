import { z } from 'zod';
import { count, type Document } from './parts.ts';
import { CLAIM_BASES, CLAIM_KINDS, CLAIM_VERDICTS, SCHEMA_IDS } from './terms.ts';

const line = z.int().positive().describe('From 1.');
const kind = z.enum(CLAIM_KINDS);

/** What `card check --json` prints. */
export const cardCheckSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.cardCheck),
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
      basis: z.enum(CLAIM_BASES).nullable().describe('What the value stands on.'),
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
});

export type CardCheck = Document<typeof cardCheckSchema>;
export type CheckedClaim = CardCheck['claims'][number];
export type Contradiction = CardCheck['contradictions'][number];
