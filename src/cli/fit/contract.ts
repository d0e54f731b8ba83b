import { z } from 'zod';
import { BACKENDS } from '../../device/cost-terms.ts';
import { VERDICTS } from '../../device/fit.ts';
import { FIT_SCHEMA_ID, type FitReport } from '../../device/fit-report.ts';

const bytes = z.int().nonnegative();
const missing = z.object({ status: z.literal('unavailable'), reason: z.string() });
const rate = z.union([z.number().positive(), missing]);

const speedSchema = z.object({
  backend: z.enum(BACKENDS),
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

const variantSchema = z.object({
  name: z.string(),
  ref: z.string(),
  contextSize: z.int(),
  cacheType: z.string(),
  verdict: z.enum(VERDICTS),
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

/** What `fit --json` prints: `FitReport` in src/device, which imports no package. */
const fitSchema = z.object({
  schema: z.literal(FIT_SCHEMA_ID),
  devices: z.array(
    z.object({
      device: z.string(),
      name: z.string(),
      variants: z.array(variantSchema),
      advice: z.string(),
      recommended: z.string().nullable(),
    }),
  ),
}) satisfies z.ZodType<FitReport>;

const figure = z.strictObject({
  value: z.number().positive(),
  sources: z.array(z.string()).describe('Addresses, or how it was measured.'),
  confidence: z.string().default('own'),
  note: z.string().optional(),
});
const text = z.strictObject({
  value: z.string(),
  sources: z.array(z.string()),
  confidence: z.string().default('own'),
});

/** A user's own phones: `--devices`, QUANTSCOPE_DEVICES, or `devices.json` in the config folder. */
export const devicesSchema = z.strictObject({
  $schema: z.string().optional().describe('For editors.'),
  chips: z
    .record(
      z.string(),
      z.strictObject({
        name: z.string(),
        vendor: z.string(),
        memoryBandwidthBytesPerSecond: figure.optional(),
        gpuCores: figure.optional(),
        gpu: text.optional(),
        metalFamily: text.optional(),
      }),
    )
    .default({}),
  devices: z.array(
    z.strictObject({
      id: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/, 'lower-case letters, digits, ".", "_" and "-"'),
      name: z.string(),
      aliases: z.array(z.string()).optional(),
      os: z.enum(['ios', 'android']).nullable(),
      chip: z.string().nullable().describe('A key of chips, built in or given here.'),
      memoryBytes: figure.optional(),
      appBudgetBytes: figure.optional().describe('What an app may fill with a model.'),
      entitledBudgetBytes: figure.optional().describe('With the increased-memory entitlement of iOS.'),
      gpuCores: figure.optional(),
      backends: z.array(z.enum(BACKENDS)).min(1),
      speed: z.string().optional().describe('Why no speed can be given.'),
    }),
  ),
});

export function fitSchemas(): Record<string, object> {
  const target = { target: 'draft-2020-12' } as const;
  return {
    fit: { title: `quantscope fit (${FIT_SCHEMA_ID})`, ...z.toJSONSchema(fitSchema, target) },
    devices: {
      title: 'quantscope devices.json',
      ...z.toJSONSchema(devicesSchema, { ...target, io: 'input' }),
    },
  };
}
