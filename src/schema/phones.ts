import { z } from 'zod';

/**
 * What a phone makes of each model, in `fit --json` and in results of `compare --device`. Everything is judged from
 * headers; `basis` says whether a speed was measured on that phone.
 */
const bytes = z.int().nonnegative();
const missing = z.object({ status: z.literal('unavailable'), reason: z.string() });
const rate = z.union([z.number().positive(), missing]);

const backend = z.enum(['cpu', 'opencl', 'hexagon', 'metal', 'vulkan']);

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

const changeSchema = z.object({
  contextSize: z.int(),
  cacheType: z.enum(['f32', 'f16', 'bf16', 'q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0', 'iq4_nl']),
});

const fittedVariantSchema = z.object({
  name: z.string(),
  ref: z.string(),
  contextSize: z.int(),
  cacheType: z.string(),
  verdict: z.enum(['fits', 'tight', 'no', 'unknown']),
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
  smaller: z
    .object({
      contextSize: z.int(),
      cacheType: changeSchema.shape.cacheType,
      weightsBytes: bytes,
      bitsPerWeight: z.number().positive(),
      quantization: z.string().nullable().describe('About which of the usual mixes that is.'),
    })
    .nullable()
    .describe('The weights of another quantization that would fit.'),
});

const publishedSchema = z.union([
  z.object({
    low: z.number().positive(),
    high: z.number().positive(),
    measured: z.string().describe('Models, runtime and conditions.'),
    published: z.string().describe('Where.'),
    sources: z.array(z.string()).describe('Ids of the sources of fit --list-devices --json.'),
  }),
  missing,
]);

export const fittedPhoneSchema = z.object({
  device: z.string(),
  name: z.string(),
  budget: z.object({
    bytes: z.union([bytes, missing]),
    entitledBytes: bytes.nullable().describe('With the increased-memory entitlement of iOS.'),
    basis: z.enum(['as given', 'of the phone']),
    note: z.string().nullable(),
  }),
  endurance: z.object({
    sustainedShare: publishedSchema.describe('Speed late in a session as a share of the first.'),
    joulesPerToken: publishedSchema.describe('Of the whole phone.'),
  }),
  variants: z.array(fittedVariantSchema),
  advice: z.string(),
  recommended: z.string().nullable(),
});
export type FittedPhone = z.infer<typeof fittedPhoneSchema>;
