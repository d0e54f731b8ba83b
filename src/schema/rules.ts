import { z } from 'zod';
import type { Document } from './parts.ts';
import { SEVERITIES } from './terms.ts';

const ruleText = z.strictObject({
  severity: z.enum(SEVERITIES),
  reason: z.string().describe('One line: what must hold.'),
  why: z.string().describe('What happens where it does not hold.'),
  checkedBy: z.string().describe('Where llama.cpp v0.5.0 checks it, or that no loader does.'),
  fix: z.string().describe('What to do about it.'),
});

/** What a rule of `validate` says of itself: printed by `--explain`, and part of SARIF. */
export type RuleText = Document<typeof ruleText>;

/** data/rules.json. How bad a fault is that the reader finds itself, its own table says (structure-codes.ts). */
export const rulesSchema = z.strictObject({
  $schema: z.string().optional().describe('For editors.'),
  rules: z
    .record(z.string(), ruleText.partial({ severity: true }))
    .describe('By rule id; the checks are in src/validate, under the same ids.'),
});
