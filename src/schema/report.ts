import { z } from 'zod';
import { benchSchema } from './bench.ts';
import { contextSchema } from './context.ts';
import { fitSchema } from './fit.ts';
import { historyLine } from './history.ts';
import { kitCheckSchema } from './kit.ts';
import { type Document, finite, fraction, orUnavailable } from './parts.ts';
import { resultsSchema } from './results.ts';
import { SCHEMA_IDS } from './terms.ts';

const figure = orUnavailable(finite);

const comparisonSchema = z.strictObject({
  baseline: z
    .strictObject({ createdAt: z.iso.datetime(), toolVersion: z.string() })
    .nullable()
    .describe('Null of what fit says, which is reckoned and has no time.'),
  changes: z.array(
    z.strictObject({
      variant: z.string(),
      figure: z.string().describe("Its place in a variant's results."),
      label: z.string(),
      unit: z.enum(['bytes', 'tokens/s', 'ms', 'nats', 'share', 'ratio']),
      better: z.enum(['lower', 'higher']),
      before: figure,
      after: figure,
      verdict: z
        .enum(['better', 'worse', 'within noise', 'disturbed', 'unknown'])
        .describe('disturbed: the machine did something else while one of the two was timed.'),
      pValue: fraction.nullable(),
      method: z.string().describe('How noise was told from change, or why it could not be.'),
    }),
  ),
  added: z.array(z.string()),
  removed: z.array(z.string()),
  notes: z.array(z.string()),
});

/** What changed since an earlier run. */
export type BaselineComparison = Document<typeof comparisonSchema>;
export type Change = BaselineComparison['changes'][number];
export type ChangeVerdict = Change['verdict'];

/** What `report --format json` prints, and what `--out` writes where it is more than one machine's results. */
export const reportSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.report),
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
  contexts: z
    .array(z.strictObject({ label: z.string(), source: z.string(), results: contextSchema }))
    .describe('What context measured, by model and machine.'),
  fits: z
    .array(z.strictObject({ source: z.string(), results: fitSchema }))
    .describe('What fit says of phones.'),
  changes: z.array(
    z.strictObject({
      machine: z.string().describe('The label of what is compared.'),
      of: z.enum(['comparison', 'bench', 'context', 'fit']),
      comparison: comparisonSchema,
    }),
  ),
  history: z.array(historyLine).describe('Figures over the results of a folder; empty without one.'),
});

export type ReportFile = Document<typeof reportSchema>;
