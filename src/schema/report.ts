import { z } from 'zod';
import type { BaselineComparison } from '../measure/baseline.ts';
import type { Report } from '../report/report.ts';
import { benchSchema } from './bench.ts';
import { kitCheckSchema } from './kit.ts';
import { orUnavailable, resultsSchema } from './results.ts';

/** The contract of `report --format json`, and of what `report --out` writes where it is more than one machine's results. */
export const REPORT_SCHEMA_ID = 'quantscope/report@1';

export type ReportFile = Pick<Report, 'machines' | 'benches' | 'phones' | 'changes'> & {
  readonly schema: typeof REPORT_SCHEMA_ID;
};

const figure = orUnavailable(z.number());

const comparisonSchema = z.strictObject({
  baseline: z.strictObject({ createdAt: z.iso.datetime(), toolVersion: z.string() }),
  changes: z.array(
    z.strictObject({
      variant: z.string(),
      figure: z.string().describe("Its place in a variant's results."),
      label: z.string(),
      unit: z.enum(['bytes', 'tokens/s', 'ms', 'nats', 'share', 'ratio']),
      better: z.enum(['lower', 'higher']),
      before: figure,
      after: figure,
      verdict: z.enum(['better', 'worse', 'within noise', 'unknown']),
      pValue: z.number().min(0).max(1).nullable(),
      method: z.string().describe('How noise was told from change, or why it could not be.'),
    }),
  ),
  added: z.array(z.string()),
  removed: z.array(z.string()),
  notes: z.array(z.string()),
}) satisfies z.ZodType<BaselineComparison>;

export const reportSchema = z.strictObject({
  schema: z.literal(REPORT_SCHEMA_ID),
  machines: z.array(
    z.strictObject({
      label: z.string(),
      sources: z.array(z.string()).describe('Files the rows are from.'),
      results: resultsSchema,
    }),
  ),
  benches: z
    .array(z.strictObject({ label: z.string(), source: z.string(), results: benchSchema }))
    .describe('Speeds that bench measured, by machine.'),
  phones: z
    .array(z.strictObject({ label: z.string(), source: z.string(), check: kitCheckSchema }))
    .describe('What kit check found, by phone.'),
  changes: z.array(z.strictObject({ machine: z.string(), comparison: comparisonSchema })),
}) satisfies z.ZodType<ReportFile>;

export function reportSchemas(): Record<string, object> {
  return {
    report: {
      title: `quantscope report (${REPORT_SCHEMA_ID})`,
      ...z.toJSONSchema(reportSchema, { target: 'draft-2020-12' }),
    },
  };
}
