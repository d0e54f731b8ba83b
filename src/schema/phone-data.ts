import { z } from 'zod';
import { TENSOR_TYPE_NAMES } from '../gguf/tensor-types.ts';
import { type Document, phoneBackend, sha256 } from './parts.ts';
import { SCHEMA_IDS } from './terms.ts';

/** What is known of phones: data/phones.json, measured-speeds.json and speed-model.json, and a user's own phones. */

const sources = z
  .array(z.string())
  .describe('Addresses, ids of those under "sources" in data/phones.json, or how it was measured.');
const confidence = z.string().default('own');
/** A number with where it is from. */
const sourced = z.strictObject({
  // Far beyond any phone's memory or bandwidth: a slip of the keyboard, or worse.
  value: z.number().min(1).max(1e15),
  sources,
  confidence,
  note: z.string().optional(),
});
const sourcedText = z.strictObject({ value: z.string(), sources, confidence });

const chipSchema = z.strictObject({
  name: z.string(),
  vendor: z.string(),
  memoryBandwidthBytesPerSecond: sourced.optional(),
  gpuCores: sourced.optional(),
  gpu: sourcedText.optional(),
  metalFamily: sourcedText.optional(),
});
export type Chip = Document<typeof chipSchema>;

const deviceSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/, 'lower-case letters, digits, ".", "_" and "-"'),
  name: z.string().min(1).max(100),
  aliases: z.array(z.string()).optional(),
  os: z.enum(['ios', 'android']).nullable(),
  chip: z
    .string()
    .nullable()
    .describe('A key of chips, built in or given here; null for a class of phones or an emulator.'),
  memoryBytes: sourced.optional(),
  batteryWh: sourced.optional().describe('What a new battery holds.'),
  appBudgetBytes: sourced.optional().describe('What an app may fill with a model.'),
  entitledBudgetBytes: sourced.optional().describe('With the increased-memory entitlement of iOS.'),
  gpuCores: sourced.optional(),
  backends: z
    .array(phoneBackend)
    .min(1)
    .refine((names) => new Set(names).size === names.length, 'the same backend twice')
    .describe('What llama.rn runs a model with there; memory is judged for the first.'),
  speed: z.string().optional().describe('Why no speed can be given.'),
});

/** What makes two models cost the same: architecture, layers, widths, heads, heads of keys, vocabulary. */
export const modelShapeSchema = z.tuple([z.string(), z.int(), z.int(), z.int(), z.int(), z.int(), z.int()]);
export type ModelShape = Document<typeof modelShapeSchema>;

const learnedSpeedSchema = z.strictObject({
  device: z.string(),
  backend: phoneBackend,
  model: z.string(),
  label: z.string(),
  shape: modelShapeSchema,
  tensorBytes: z.int().positive(),
  mainType: z.enum(TENSOR_TYPE_NAMES),
  promptTps: z.number().positive(),
  generationTps: z.number().positive(),
  measuredAt: z.iso.datetime(),
});
/** A speed that a user's own phone measured (`kit check --learn`). */
export type LearnedSpeed = Document<typeof learnedSpeedSchema>;

const devices = z.array(deviceSchema).superRefine((all, context) => {
  for (const [index, { id }] of all.entries()) {
    if (all.findIndex((other) => other.id === id) < index)
      context.addIssue({ code: 'custom', path: [index, 'id'], message: `"${id}" is described twice` });
  }
});
const chips = z.record(z.string(), chipSchema);
const schemaAddress = z.string().optional().describe('For editors.');

const sourceTexts = z
  .record(z.string(), z.string())
  .describe('What the ids that facts name as their sources stand for.');

/** A user's own phones: `--devices`, QUANTSCOPE_DEVICES, or `devices.json` in the config folder. */
export const devicesSchema = z.strictObject({
  $schema: schemaAddress,
  chips: chips.default({}),
  devices,
  sources: sourceTexts.default({}),
  learned: z.array(learnedSpeedSchema).default([]).describe('Speeds that kit check --learn keeps.'),
});

const knownDeviceSchema = deviceSchema.extend({ learned: z.array(learnedSpeedSchema).optional() });
/** A phone, with what was measured on the user's own. */
export type DeviceProfile = Document<typeof knownDeviceSchema>;

/** What `fit --list-devices --json` prints: the phones that are known, the user's own among them. */
export const deviceListSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.deviceList),
  devices: z.array(knownDeviceSchema),
  chips,
  sources: sourceTexts,
});
export type DeviceList = Document<typeof deviceListSchema>;

/** What was published of heat or battery; no prediction is made from it. */
export const publishedRangeSchema = z.object({
  low: z.number().positive(),
  high: z.number().positive(),
  measured: z.string().describe('Models, runtime and conditions.'),
  published: z.string().describe('Where.'),
  sources: z.array(z.string()).describe('Ids of the sources of fit --list-devices --json.'),
});

/** data/phones.json. Every fact names its sources; what was not published is absent. */
export const phonesSchema = z
  .strictObject({
    $schema: schemaAddress,
    devices,
    chips,
    endurance: z
      .record(
        z.string(),
        z.strictObject({
          sustainedShare: publishedRangeSchema
            .optional()
            .describe('Generation speed late in a session as a share of the first.'),
          joulesPerToken: publishedRangeSchema
            .optional()
            .describe('Of the whole phone, for a generated token.'),
        }),
      )
      .describe('What a long session does to a phone, by device id.'),
    sources: sourceTexts,
  })
  .superRefine(({ devices: all, chips: known, endurance, sources: texts }, context) => {
    const report = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    for (const [index, { chip }] of all.entries()) {
      if (chip !== null && !Object.hasOwn(known, chip))
        report(['devices', index, 'chip'], `expected a key of chips, got "${chip}"`);
    }
    for (const id of Object.keys(endurance)) {
      if (!all.some((device) => device.id === id)) report(['endurance', id], 'expected the id of a device');
    }
    const visit = (value: unknown, path: (string | number)[]): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [key, inner] of Object.entries(value)) {
        if (key !== 'sources') visit(inner, [...path, Array.isArray(value) ? Number(key) : key]);
        else if (Array.isArray(inner)) {
          for (const id of inner)
            if (!Object.hasOwn(texts, id)) report([...path, key], `expected keys of sources, got "${id}"`);
        }
      }
    };
    visit({ devices: all, chips: known, endurance }, []);
  });
export type Phones = Document<typeof phonesSchema>;

/** The backends whose costs are fitted, type by type. */
const FITTED_BACKENDS = ['cpu', 'opencl', 'hexagon'] as const;
export type FittedBackend = (typeof FITTED_BACKENDS)[number];

const measuredSpeedSchema = z.strictObject({
  device: z.string(),
  backend: z.enum([...FITTED_BACKENDS, 'metal']),
  model: z.string().describe('A key of shapes.'),
  label: z.string().describe('The quantization, as in the file’s name.'),
  promptTps: z.number().positive().nullable(),
  generationTps: z.number().positive(),
  tensorBytes: z.int().positive(),
  mainType: z
    .enum(TENSOR_TYPE_NAMES)
    .describe('Of most of the layers’ bytes: with tensorBytes it tells two files of a shape apart.'),
  chip: z.string().optional().describe('Of a phone that data/phones.json does not have.'),
  gpuCores: z.int().positive().optional().describe('That the prompt ran on.'),
  source: z.string().describe('A key of sources in data/phones.json.'),
});
/** What was measured and published of a model on a phone. */
export type MeasuredSpeed = Document<typeof measuredSpeedSchema>;

/** data/measured-speeds.json: what the speed model is fitted to, and what `fit` says as measured. */
export const measuredSpeedsSchema = z
  .strictObject({
    $schema: schemaAddress,
    shapes: z
      .record(z.string(), modelShapeSchema)
      .describe(
        'Architecture, layers, widths, heads, heads of keys and vocabulary, as in each published configuration.',
      ),
    rows: z.array(measuredSpeedSchema),
    later: z
      .array(measuredSpeedSchema.extend({ llamaRn: z.string().describe('The version.') }))
      .describe(
        'The same phones with later versions of llama.rn: what is faster there is told by these, the costs are fitted to the rows of one version.',
      ),
  })
  .superRefine(({ shapes, rows, later }, context) => {
    for (const [name, all] of Object.entries({ rows, later })) {
      for (const [index, { model }] of all.entries()) {
        if (Object.hasOwn(shapes, model)) continue;
        const message = `expected a key of shapes, got "${model}"`;
        context.addIssue({ code: 'custom', path: [name, index, 'model'], message });
      }
    }
  });
export type MeasuredSpeeds = Document<typeof measuredSpeedsSchema>;

const intervalSchema = z
  .strictObject({ low: z.number().positive(), high: z.number().positive() })
  .describe(
    'Factors on a predicted speed that hold nine of ten measurements of a model that the fit has not seen.',
  );
export type Interval = Document<typeof intervalSchema>;

const phaseCostsSchema = z.strictObject({
  costs: z
    .record(z.string(), z.number().nonnegative())
    .describe(
      'Milliseconds for a unit of each term: GB of weights or keys, 10^9 elements, tokens. `cpu.Q4_0` is the cost of ' +
        'one type on one processor, `cpu` that of all types that have none of their own.',
    ),
  interval: intervalSchema,
  medianError: z.number().nonnegative().describe('Of the speed, with each model left out in turn.'),
});
export type PhaseCosts = Document<typeof phaseCostsSchema>;

const fittedCostsSchema = z.strictObject({ generation: phaseCostsSchema, prompt: phaseCostsSchema });
/** One phone and backend that was measured. */
export type FittedCosts = Document<typeof fittedCostsSchema>;

const byBackend = z.strictObject({
  cpu: fittedCostsSchema,
  opencl: fittedCostsSchema,
  hexagon: fittedCostsSchema,
});

const agreementSchema = z.strictObject({
  rows: z.int(),
  medianError: z.number(),
  p90Error: z.number(),
  tau: z.number().describe('Kendall’s, of the order of quantizations on one backend.'),
  tauByPhoneAndModel: z.number().describe('Of backends and quantizations together.'),
});

/** data/speed-model.json, as bench/fit-speed-model.ts writes it. */
export const speedModelSchema = z.strictObject({
  $schema: schemaAddress,
  evidence: z
    .strictObject({
      rowsSha256: sha256.describe('Of the measured speeds and the chips’ bandwidths.'),
      trainerSha256: sha256.describe('Of the trainer, and of the terms that the rows come to.'),
      heldOut: z
        .strictObject({
          generation: agreementSchema.extend({
            within: z
              .strictObject({ cpu: z.number(), opencl: z.number(), hexagon: z.number() })
              .describe(
                'Of the rows of a backend, the share within the interval that was computed, as the prediction, without their model.',
              ),
          }),
          prompt: agreementSchema,
        })
        .describe('How well each model was predicted from all others.'),
    })
    .describe('What the costs were fitted to and how well they predict.'),
  fitted: z.record(z.string(), byBackend.partial()).describe('By device id.'),
  perBandwidth: byBackend.describe(
    'For phones that were not measured: costs at a memory bandwidth of 1 GB/s; the interval is from leaving a phone out.',
  ),
  metal: z.strictObject({
    bandwidthShare: z.number().positive().describe('Of the memory’s bandwidth, what generation reached.'),
    interval: intervalSchema,
    rows: z.int(),
    promptElementsPerSecondPerCore: z.number().positive().describe('For each core of the GPU.'),
    promptRows: z.int(),
  }),
});
export type SpeedModel = Document<typeof speedModelSchema>;
