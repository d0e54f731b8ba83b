import { z } from 'zod';

/** What `doctor --json` prints. */

const DOCTOR_SCHEMA_ID = 'quantscope/doctor@1';

const bytes = z.int().nonnegative();
const unavailable = z.strictObject({ status: z.literal('unavailable'), reason: z.string() });
const text = z.string();

const checkSchema = z.strictObject({
  id: text.describe('Stable: engine, gpu/vulkan, memory, cache and so on.'),
  label: text,
  status: z
    .enum(['ok', 'note', 'warning', 'failed'])
    .describe('failed: models cannot be measured here. note: a fact that could be better.'),
  message: text,
  fix: text.nullable().describe('What to do; null where nothing need be done.'),
});
export type Check = z.infer<typeof checkSchema>;

const machineFactsSchema = z.strictObject({
  os: text,
  arch: text,
  node: text,
  cpu: text,
  cores: z.int().positive().describe('That this process may use.'),
  memoryBytes: bytes,
  availableMemoryBytes: bytes,
  swap: z.union([z.strictObject({ totalBytes: bytes, freeBytes: bytes }), unavailable]),
  copyBandwidthBytesPerSecond: z
    .union([z.number().positive(), unavailable])
    .describe("Read and written bytes together, as STREAM's Copy counts them."),
});
export type MachineFacts = z.infer<typeof machineFactsSchema>;

const engineFactsSchema = z.strictObject({
  inUse: z.union([
    z.strictObject({
      name: text,
      version: text,
      llamaCpp: text,
      build: text,
      backend: z.enum(['cpu', 'metal', 'vulkan', 'cuda']),
      devices: z.array(text),
      cpuFeatures: z.array(text).describe('That the build uses.'),
      threads: z.int().positive().describe("llama.cpp's own choice."),
    }),
    unavailable,
  ]),
  gpus: z.array(
    z.strictObject({
      backend: z.enum(['metal', 'vulkan', 'cuda']),
      use: z.union([z.strictObject({ devices: z.array(text) }), unavailable]),
    }),
  ),
  localBuilds: z.array(
    z.strictObject({ backend: text, builtAt: text.nullable().describe('null: unfinished, never used.') }),
  ),
});
export type EngineFacts = z.infer<typeof engineFactsSchema>;

const storageFactsSchema = z.strictObject({
  cache: z.strictObject({
    folder: text,
    sizeBytes: bytes,
    freeBytes: z.union([bytes, unavailable]),
    writable: z.boolean(),
  }),
  temporary: z.strictObject({ folder: text, writable: z.boolean() }),
});
export type StorageFacts = z.infer<typeof storageFactsSchema>;

const hubFactsSchema = z.strictObject({
  endpoint: text,
  answerMs: z.union([z.number(), unavailable]),
  models: z
    .array(z.strictObject({ name: text, missingBytes: z.union([bytes, unavailable]) }))
    .describe('What the names of the catalogue would still download.'),
});
export type HubFacts = z.infer<typeof hubFactsSchema>;

const configFactsSchema = z.array(
  z.strictObject({ path: text, whose: z.enum(['project', 'user', 'named']) }),
);
export type ConfigFacts = z.infer<typeof configFactsSchema>;

const doctorSchema = z.strictObject({
  schema: z.literal(DOCTOR_SCHEMA_ID),
  quantscope: text,
  canMeasure: z.boolean(),
  checks: z.array(checkSchema),
  machine: machineFactsSchema,
  engine: engineFactsSchema,
  storage: storageFactsSchema,
  hub: hubFactsSchema,
  config: configFactsSchema.describe('The config files in use, the weaker first.'),
});
export type DoctorReport = z.infer<typeof doctorSchema>;

/** Checks and the facts they are from. */
export interface Examined<Facts> {
  readonly checks: readonly Check[];
  readonly facts: Facts;
}

/** The published JSON Schema by file name. */
export function doctorSchemas(): Record<string, object> {
  return {
    doctor: {
      title: `quantscope doctor (${DOCTOR_SCHEMA_ID})`,
      ...z.toJSONSchema(doctorSchema, { target: 'draft-2020-12' }),
    },
  };
}
