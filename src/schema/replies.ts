import { z } from 'zod';
import type { Document } from './parts.ts';
import { SCHEMA_IDS } from './terms.ts';

const texts = z.array(z.string()).optional();
const said = z.strictObject({
  name: z.string(),
  tasks: texts,
  choices: texts,
  tools: texts,
  toolsWithGrammar: texts,
});

/** Replies that would make a file of results large, in a file of their own beside it. */
export const repliesSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.replies),
  /** In the order of the results, each text in the order of its outcomes. */
  variants: z.array(said),
  endpoints: z.array(said),
});

export type Replies = Document<typeof repliesSchema>;
