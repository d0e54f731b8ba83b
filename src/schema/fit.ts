import { z } from 'zod';
import { TENSOR_TYPE_NAMES } from '../gguf/tensor-types.ts';
import { type Document, phoneBackend } from './parts.ts';
import { fittedPhoneSchema } from './phones.ts';
import { SCHEMA_IDS } from './terms.ts';

/** What `fit --json` prints. */
export const fitSchema = z.object({
  schema: z.literal(SCHEMA_IDS.fit),
  devices: z.array(fittedPhoneSchema),
});

export type FitReport = Document<typeof fitSchema>;

const figure = z.strictObject({
  // Far beyond any phone's memory or bandwidth: a slip of the keyboard, or worse.
  value: z.number().min(1).max(1e15),
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
      name: z.string().min(1).max(100),
      aliases: z.array(z.string()).optional(),
      os: z.enum(['ios', 'android']).nullable(),
      chip: z.string().nullable().describe('A key of chips, built in or given here.'),
      memoryBytes: figure.optional(),
      appBudgetBytes: figure.optional().describe('What an app may fill with a model.'),
      entitledBudgetBytes: figure.optional().describe('With the increased-memory entitlement of iOS.'),
      gpuCores: figure.optional(),
      backends: z
        .array(phoneBackend)
        .min(1)
        .refine((names) => new Set(names).size === names.length, 'the same backend twice'),
      speed: z.string().optional().describe('Why no speed can be given.'),
    }),
  ),
  learned: z
    .array(
      z.strictObject({
        device: z.string(),
        backend: phoneBackend,
        model: z.string(),
        label: z.string(),
        shape: z.tuple([z.string(), z.int(), z.int(), z.int(), z.int(), z.int(), z.int()]),
        tensorBytes: z.int().positive(),
        mainType: z.enum(TENSOR_TYPE_NAMES),
        promptTps: z.number().positive(),
        generationTps: z.number().positive(),
        measuredAt: z.iso.datetime(),
      }),
    )
    .default([])
    .describe('Speeds that kit check --learn keeps.'),
});

/** What `fit --list-devices --json` prints: the phones that are known, the user's own among them. */
export const deviceListSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.deviceList),
  devices: z.array(
    devicesSchema.shape.devices.element.extend({
      learned: devicesSchema.shape.learned.unwrap().optional(),
    }),
  ),
  chips: devicesSchema.shape.chips.unwrap(),
  sources: z
    .record(z.string(), z.string())
    .describe('What the ids that figures name as their sources stand for.'),
});
