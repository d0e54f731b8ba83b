import { z } from 'zod';
import { BENCH_SCHEMA_ID, benchSchema } from './bench.ts';
import { CONTEXT_SCHEMA_ID, contextSchema } from './context.ts';
import { DIFF_SCHEMA_ID, diffSchema } from './diff.ts';
import { INSPECTION_SCHEMA_ID, inspectionSchema } from './inspection.ts';
import { RESULTS_SCHEMA_ID, resultsSchema } from './results.ts';
import { RUN_SCHEMA_ID, runSchema } from './run.ts';

/** Every published contract by the name of its file in schema/. */
const CONTRACTS = {
  results: { id: RESULTS_SCHEMA_ID, schema: resultsSchema },
  inspection: { id: INSPECTION_SCHEMA_ID, schema: inspectionSchema },
  run: { id: RUN_SCHEMA_ID, schema: runSchema },
  bench: { id: BENCH_SCHEMA_ID, schema: benchSchema },
  context: { id: CONTEXT_SCHEMA_ID, schema: contextSchema },
  diff: { id: DIFF_SCHEMA_ID, schema: diffSchema },
} as const satisfies Record<string, { id: string; schema: z.ZodType }>;

/** The published JSON Schemas by file name, generated from the same definitions as the types. */
export function schemas(): Record<string, object> {
  const published = Object.entries(CONTRACTS).map(([name, { id, schema }]) => [
    name,
    { title: `quantscope ${name} (${id})`, ...z.toJSONSchema(schema, { target: 'draft-2020-12' }) },
  ]);
  return Object.fromEntries(published);
}
