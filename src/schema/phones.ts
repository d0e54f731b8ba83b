import { z } from 'zod';
import { TENSOR_TYPE_NAMES } from '../gguf/tensor-types.ts';
import { bytes, cacheType, type Document, orUnavailable, phoneBackend } from './parts.ts';
import { publishedRangeSchema } from './phone-data.ts';
import { FIT_VERDICTS, SPEED_BASES } from './terms.ts';

/**
 * What a phone makes of each model, in `fit --json` and in results of `compare --device`. Everything is judged from
 * headers; `basis` says whether a speed was measured on that phone.
 */
const rate = orUnavailable(z.number().positive());

export const phoneSpeedSchema = z.object({
  backend: phoneBackend,
  promptTps: rate,
  generationTps: rate.describe('After a prompt of 256 tokens.'),
  low: rate.describe(
    'Bounds of generationTps: 90 % of the measurements a model had not seen fell between them.',
  ),
  high: rate,
  basis: z.enum(SPEED_BASES),
  evidence: z.string().nullable(),
});

/** The mildest change that is enough for a model that does not fit. */
const changeSchema = z.object({
  contextSize: z.int(),
  cacheType,
});

export type FitChange = Document<typeof changeSchema>;

const smallerWeightsSchema = changeSchema.extend({
  weightsBytes: bytes,
  bitsPerWeight: z.number().positive(),
  quantization: z.string().nullable().describe('About which of the usual mixes that is.'),
});
export type SmallerWeights = Document<typeof smallerWeightsSchema>;

export const fittedVariantSchema = z.object({
  name: z.string(),
  ref: z.string(),
  contextSize: z.int(),
  cacheType: z.string(),
  verdict: z.enum(FIT_VERDICTS),
  memory: z.object({
    basis: z
      .enum(['estimated', 'engine'])
      .describe('engine: cache and compute buffer are what llama.cpp would allocate (fit --plan).'),
    backend: phoneBackend.describe('What the memory is judged for.'),
    weightsBytes: bytes.describe('As loaded: a shared embedding counts twice where it is copied.'),
    kvBytes: bytes,
    stateBytes: bytes.describe('Of recurrent layers.'),
    checkpointBytes: bytes.describe('Copies of that state which llama.rn keeps between turns, at most.'),
    computeBytes: bytes,
    totalBytes: bytes,
    budgetBytes: orUnavailable(bytes),
    repackedBytes: bytes.describe('Weights that the CPU keeps rearranged.'),
    fileBytes: bytes.describe('Pages of the file with mmap, which the system may drop.'),
    anonymousBytes: bytes.describe('With mmap, what it may not drop.'),
  }),
  speeds: z.array(phoneSpeedSchema).describe('One for each backend of the phone.'),
  reasons: z.array(z.string()),
  unloadable: z
    .string()
    .nullable()
    .describe('Why the llama.rn of apps cannot run it there, whatever its memory.'),
  change: changeSchema.nullable().describe('What would make it fit.'),
  smaller: smallerWeightsSchema.nullable().describe('The weights of another quantization that would fit.'),
});

const tensorTypes = z.array(z.enum(TENSOR_TYPE_NAMES));
const timesSchema = z
  .object({ median: z.number().positive(), low: z.number().positive(), high: z.number().positive() })
  .describe('As a multiple of the other quantization’s speed, over the models.');

const measuredTypesSchema = z.object({
  on: z.object({
    device: z.string(),
    name: z.string(),
    relation: z.enum(['this phone', 'same chip', 'same family']),
  }),
  against: z.string().describe('The quantization that the others are laid beside.'),
  models: z.array(z.string()),
  sameShape: z.boolean().describe('Whether these models have the very shape of the one that is judged.'),
  quantizations: z.array(
    z.object({
      label: z.string(),
      models: z.int().positive(),
      prompt: timesSchema.nullable(),
      generation: timesSchema,
    }),
  ),
  rows: z
    .array(
      z.object({
        model: z.string(),
        label: z.string(),
        promptTps: z.number().positive().nullable(),
        generationTps: z.number().positive(),
        llamaRn: z.string().nullable().describe('The version, where it is later than that of most rows.'),
      }),
    )
    .describe('What the multiples are of.'),
  sources: z.array(z.string()).describe('Of the rows.'),
});
export type MeasuredTypes = Document<typeof measuredTypesSchema>;

const typeSpeedsSchema = z.object({
  backend: phoneBackend,
  fast: tensorTypes.describe(
    'That the backend multiplies itself, and none so slow that a larger one is faster: what mix chooses among.',
  ),
  onCpu: tensorTypes.describe('That it leaves to the CPU.'),
  aborts: tensorTypes.describe('That it takes without a kernel for them: the app is ended.'),
  measured: orUnavailable(measuredTypesSchema),
});
export type TypeSpeeds = Document<typeof typeSpeedsSchema>;

const publishedSchema = orUnavailable(publishedRangeSchema);

export const fittedPhoneSchema = z.object({
  device: z.string(),
  name: z.string(),
  budget: z.object({
    bytes: orUnavailable(bytes),
    entitledBytes: bytes.nullable().describe('With the increased-memory entitlement of iOS.'),
    basis: z.enum(['as given', 'of the phone']),
    note: z.string().nullable(),
  }),
  endurance: z.object({
    sustainedShare: publishedSchema.describe('Speed late in a session as a share of the first.'),
    joulesPerToken: publishedSchema.describe('Of the whole phone.'),
  }),
  types: z.array(typeSpeedsSchema).describe('Which quantizations each backend runs fast.'),
  variants: z.array(fittedVariantSchema),
  advice: z.string(),
  recommended: z.string().nullable(),
});
export type FittedPhone = Document<typeof fittedPhoneSchema>;
export type FittedVariant = FittedPhone['variants'][number];
export type FitSpeed = FittedVariant['speeds'][number];
export type FitBudget = FittedPhone['budget'];
export type Endurance = FittedPhone['endurance'];
