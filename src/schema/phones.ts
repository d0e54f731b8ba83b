import { z } from 'zod';
import { BACKENDS, CACHE_TYPES } from './llama-cpp-names.ts';
import { publishedRangeSchema } from './phone-data.ts';

/**
 * What a phone makes of each model, in `fit --json` and in results of `compare --device`. Everything is judged from
 * headers; `basis` says whether a speed was measured on that phone.
 */
const bytes = z.int().nonnegative();
const missing = z.object({ status: z.literal('unavailable'), reason: z.string() });
const rate = z.union([z.number().positive(), missing]);

const backend = z.enum(BACKENDS);

const speedSchema = z.object({
  backend,
  promptTps: rate,
  generationTps: rate.describe('After a prompt of 256 tokens.'),
  low: rate.describe(
    'Bounds of generationTps: 90 % of the measurements a model had not seen fell between them.',
  ),
  high: rate,
  basis: z.enum(['measured', 'predicted']),
  evidence: z.string().nullable(),
});

export type FitSpeed = z.infer<typeof speedSchema>;

/** `unknown` where what the phone gives an app was not measured. */
export const FIT_VERDICTS = ['fits', 'tight', 'no', 'unknown'] as const;
export type FitVerdict = (typeof FIT_VERDICTS)[number];

/** The mildest change that is enough for a model that does not fit. */
const changeSchema = z.object({
  contextSize: z.int(),
  cacheType: z.enum(CACHE_TYPES),
});
export type FitChange = z.infer<typeof changeSchema>;

const smallerWeightsSchema = changeSchema.extend({
  weightsBytes: bytes,
  bitsPerWeight: z.number().positive(),
  quantization: z.string().nullable().describe('About which of the usual mixes that is.'),
});
export type SmallerWeights = z.infer<typeof smallerWeightsSchema>;

const fittedVariantSchema = z.object({
  name: z.string(),
  ref: z.string(),
  contextSize: z.int(),
  cacheType: z.string(),
  verdict: z.enum(FIT_VERDICTS),
  memory: z.object({
    basis: z.literal('estimated'),
    backend: backend.describe('What the memory is judged for.'),
    weightsBytes: bytes.describe('As loaded: a shared embedding counts twice where it is copied.'),
    kvBytes: bytes,
    stateBytes: bytes.describe('Of recurrent layers.'),
    computeBytes: bytes,
    totalBytes: bytes,
    budgetBytes: z.union([bytes, missing]),
    repackedBytes: bytes.describe('Weights that the CPU keeps rearranged.'),
    fileBytes: bytes.describe('Pages of the file with mmap, which the system may drop.'),
    anonymousBytes: bytes.describe('With mmap, what it may not drop.'),
  }),
  speeds: z.array(speedSchema).describe('One for each backend of the phone.'),
  reasons: z.array(z.string()),
  change: changeSchema.nullable().describe('What would make it fit.'),
  smaller: smallerWeightsSchema.nullable().describe('The weights of another quantization that would fit.'),
});
export type FitVariant = z.infer<typeof fittedVariantSchema>;

const publishedSchema = z.union([publishedRangeSchema, missing]);

const enduranceSchema = z.object({
  sustainedShare: publishedSchema.describe('Speed late in a session as a share of the first.'),
  joulesPerToken: publishedSchema.describe('Of the whole phone.'),
});
/** What a long session does to a phone. */
export type Endurance = z.infer<typeof enduranceSchema>;

export const fittedDeviceSchema = z.object({
  device: z.string(),
  name: z.string(),
  budget: z.object({
    bytes: z.union([bytes, missing]),
    entitledBytes: bytes.nullable().describe('With the increased-memory entitlement of iOS.'),
    basis: z.enum(['as given', 'of the phone']),
    note: z.string().nullable(),
  }),
  endurance: enduranceSchema,
  variants: z.array(fittedVariantSchema),
  advice: z.string().describe('Which to ship there, in a sentence.'),
  recommended: z.string().nullable(),
});
export type FittedDevice = z.infer<typeof fittedDeviceSchema>;
