import { z } from 'zod';
import { RESULTS_SCHEMA_ID, resultsSchema } from './results.ts';

/** The published JSON Schemas by file name, generated from the same definitions as the types. */
export function schemas(): Record<string, object> {
  return {
    results: {
      title: `quantscope results (${RESULTS_SCHEMA_ID})`,
      ...z.toJSONSchema(resultsSchema, { target: 'draft-2020-12' }),
    },
  };
}
