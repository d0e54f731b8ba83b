import { z } from 'zod';
import type { Document } from './parts.ts';
import { SCHEMA_IDS } from './terms.ts';

/** What a command that was asked for JSON prints where it cannot print its document. */
export const errorSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.error),
  error: z.strictObject({
    code: z
      .string()
      .describe('Stable, such as input/unreadable; internal where it is a fault of quantscope.'),
    message: z.string(),
    hint: z.string().nullable(),
  }),
});

export type ErrorReport = Document<typeof errorSchema>;
