import { z } from 'zod';
import { GATE_SEVERITIES, GATES_SCHEMA_ID, type GateReport } from '../measure/gate.ts';
import { orUnavailable } from './results.ts';

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
  regression: z
    .record(z.string(), z.union([z.string(), z.number()]))
    .optional()
    .describe(
      'By figure, how much worse than the baseline is allowed, beyond noise: {"speed.generation": "5%"}.',
    ),
});

export const gatesReportSchema = z.strictObject({
  schema: z.literal(GATES_SCHEMA_ID),
  verdict: z.enum(['passed', 'warning', 'failed']),
  outcomes: z.array(
    z.strictObject({
      gate: z.string(),
      machine: z.string().nullable().describe('Null where there is one only.'),
      severity: z.enum(GATE_SEVERITIES),
      condition: z.string(),
      verdict: z
        .enum(['passed', 'failed', 'unjudged'])
        .describe('unjudged: a figure that decides it could not be taken. It fails too.'),
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
}) satisfies z.ZodType<GateReport>;

/** The published JSON Schemas by file name. */
export function gateSchemas(): Record<string, object> {
  const target = { target: 'draft-2020-12' } as const;
  return {
    'gates-file': { title: 'quantscope.gates.json', ...z.toJSONSchema(gatesFileSchema, target) },
    gates: { title: `quantscope gates (${GATES_SCHEMA_ID})`, ...z.toJSONSchema(gatesReportSchema, target) },
  };
}
