import { z } from 'zod';

/**
 * What a phone makes of each model, in `fit --json` and in results of `compare --device`. Everything is judged from
 * headers; `basis` says whether a speed was measured on that phone.
 */
const bytes = z.int().nonnegative();
const missing = z.object({ status: z.literal('unavailable'), reason: z.string() });
const rate = z.union([z.number().positive(), missing]);

const speedSchema = z.object({
  backend: z.enum(['cpu', 'opencl', 'hexagon', 'metal', 'vulkan']),
  promptTps: rate,
  generationTps: rate.describe('After a prompt of 256 tokens.'),
  low: rate.describe(
    'Bounds of generationTps: 90 % of the measurements a model had not seen fell between them.',
  ),
  high: rate,
  basis: z.enum(['measured', 'predicted']),
  evidence: z.string().nullable(),
});

const changeSchema = z.object({
  contextSize: z.int(),
  cacheType: z.enum(['f32', 'f16', 'bf16', 'q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0', 'iq4_nl']),
});

const fittedVariantSchema = z.object({
  name: z.string(),
  ref: z.string(),
  contextSize: z.int(),
  cacheType: z.string(),
  verdict: z.enum(['fits', 'tight', 'no']),
  memory: z.object({
    basis: z.literal('estimated'),
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
});

export const fittedPhoneSchema = z.object({
  device: z.string(),
  name: z.string(),
  variants: z.array(fittedVariantSchema),
  advice: z.string(),
  recommended: z.string().nullable(),
});
export type FittedPhone = z.infer<typeof fittedPhoneSchema>;
