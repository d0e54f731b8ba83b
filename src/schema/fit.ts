import { z } from 'zod';
import type { Document } from './parts.ts';
import { fittedPhoneSchema } from './phones.ts';
import { SCHEMA_IDS } from './terms.ts';

/** What `fit --json` prints. */
export const fitSchema = z.object({
  schema: z.literal(SCHEMA_IDS.fit),
  devices: z.array(fittedPhoneSchema),
});

export type FitReport = Document<typeof fitSchema>;
