import { z } from 'zod';
import { STRUCTURE_CODES, type StructureCode } from '../gguf/structure-codes.ts';
import { listedCodes } from '../util/error-codes.ts';
import type { Document } from './parts.ts';
import { SCHEMA_IDS } from './terms.ts';

// The keys are those that the type of them is made from.
const STRUCTURE = Object.keys(STRUCTURE_CODES) as StructureCode[];

/** What a command that was asked for JSON prints where it cannot print its document. */
export const errorSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.error),
  error: z.strictObject({
    code: z
      .enum([...listedCodes(), ...STRUCTURE, 'internal'])
      .describe('Stable, such as input/unreadable; internal where it is a fault of quantscope.'),
    message: z.string(),
    hint: z.string().nullable(),
  }),
});

export type ErrorReport = Document<typeof errorSchema>;
