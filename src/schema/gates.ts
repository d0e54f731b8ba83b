import { z } from 'zod';
import { type Document, orUnavailable } from './parts.ts';
import { GATE_ALLOWANCES, GATE_SEVERITIES, SCHEMA_IDS } from './terms.ts';

/** The gates file, `quantscope.gates.json`. Strict: a misspelt field would silently demand nothing. */
export const gatesFileSchema = z.strictObject({
  $schema: z.string().optional(),
  gates: z
    .array(
      z.strictObject({
        name: z.string().min(1).describe('What reports call it; one of a kind.'),
        failIf: z
          .string()
          .describe('The condition: any.divergence.meanKld > 0.05 and any.tasks.accuracy < 80%'),
        severity: z
          .enum(GATE_SEVERITIES)
          .optional()
          .describe('warning is told and fails nothing; default error.'),
      }),
    )
    .optional(),
  allow: z
    .array(z.enum(GATE_ALLOWANCES))
    .optional()
    .describe(
      'What does not fail: a variant that failed, or that the baseline has and the results have not.',
    ),
  regression: z
    .record(z.string(), z.union([z.string(), z.number()]))
    .optional()
    .describe(
      'By figure, how much worse than the baseline is allowed, beyond noise: {"speed.generation": "5%"}.',
    ),
});

/** What `--gate-format json` prints. */
export const gatesReportSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.gates),
  verdict: z
    .enum(['passed', 'warning', 'disturbed', 'failed'])
    .describe('disturbed: nothing failed, and what was timed on a disturbed machine could not be judged.'),
  outcomes: z.array(
    z.strictObject({
      gate: z.string(),
      machine: z.string().nullable().describe('Null where there is one only.'),
      severity: z.enum(GATE_SEVERITIES),
      condition: z.string(),
      verdict: z
        .enum(['passed', 'failed', 'disturbed', 'unjudged'])
        .describe(
          'unjudged: a figure that decides it could not be taken; it fails too. disturbed: a timed figure decides it, and the machine did something else meanwhile; that is no failure.',
        ),
      findings: z.array(
        z.strictObject({
          variant: z.string().nullable(),
          figure: z.string(),
          value: orUnavailable(z.number()),
          message: z.string(),
          ref: z.string().nullable(),
        }),
      ),
    }),
  ),
});

export type GateReport = Document<typeof gatesReportSchema>;
export type GateOutcome = GateReport['outcomes'][number];
export type GateFinding = GateOutcome['findings'][number];
