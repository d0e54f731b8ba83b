import { z } from 'zod';
import { type Document, finite, fraction } from './parts.ts';

const point = z.strictObject({
  createdAt: z.iso.datetime(),
  toolVersion: z.string(),
  llamaCpp: z.string().nullable(),
  value: finite,
  spread: finite.nullable().describe('Standard deviation of speeds, standard error of perplexity and KLD.'),
  isDisturbed: z.boolean().describe('Such a point is drawn, and judges nothing.'),
});

/** One figure of one variant over the results of a folder. */
export const historyLine = z.strictObject({
  variant: z.string(),
  figure: z.string(),
  label: z.string(),
  unit: z.enum(['bytes', 'tokens/s', 'ms', 'nats', 'share', 'ratio']),
  better: z.enum(['lower', 'higher']),
  points: z.array(point).describe('In the order of time.'),
  changes: z
    .array(z.strictObject({ createdAt: z.iso.datetime(), before: finite, after: finite, pValue: fraction }))
    .describe("Where its level changed for good: binary segmentation by Student's t-test, at 1 in 100."),
});

export type HistoryLine = Document<typeof historyLine>;
export type HistoryPoint = HistoryLine['points'][number];
