import { z } from 'zod';
import { bytes, type Document, engineBackend, orUnavailable } from './parts.ts';
import { SCHEMA_IDS } from './terms.ts';

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
export type Check = Document<typeof checkSchema>;

const machineFactsSchema = z.strictObject({
  os: text,
  arch: text,
  node: text,
  cpu: text,
  cores: z.int().positive().describe('That this process can keep busy.'),
  coresLimitedBy: z
    .enum(['cores', 'performance cores', 'affinity', 'quota'])
    .describe('What decides it: the machine, its fast cores, the CPUs allowed, or a control group.'),
  memoryBytes: bytes.describe("The machine's, or the limit of its container."),
  memoryLimitedBy: z.enum(['machine', 'container']),
  availableMemoryBytes: bytes,
  swap: orUnavailable(z.strictObject({ totalBytes: bytes, freeBytes: bytes })),
  copyBandwidthBytesPerSecond: orUnavailable(z.number().positive()).describe(
    "Read and written bytes together, as STREAM's Copy counts them.",
  ),
});
export type MachineFacts = Document<typeof machineFactsSchema>;

const engineFactsSchema = z.strictObject({
  inUse: orUnavailable(
    z.strictObject({
      name: text,
      version: text,
      llamaCpp: text,
      build: text,
      backend: engineBackend,
      devices: z.array(text),
      cpuFeatures: z.array(text).describe('That the build uses.'),
      threads: z.int().positive().describe("llama.cpp's own choice."),
    }),
  ),
  gpus: z.array(
    z.strictObject({
      backend: engineBackend.exclude(['cpu']),
      use: orUnavailable(z.strictObject({ devices: z.array(text) })),
    }),
  ),
  localBuilds: z.array(
    z.strictObject({ backend: text, builtAt: text.nullable().describe('null: unfinished, never used.') }),
  ),
});
export type EngineFacts = Document<typeof engineFactsSchema>;

const storageFactsSchema = z.strictObject({
  cache: z.strictObject({
    folder: text,
    sizeBytes: bytes,
    freeBytes: orUnavailable(bytes),
    writable: z.boolean(),
  }),
  temporary: z.strictObject({ folder: text, writable: z.boolean() }),
  stores: z
    .array(
      z.strictObject({
        name: z.enum(['ollama', 'lmstudio']),
        folder: text,
        models: z.int(),
        sizeBytes: bytes,
      }),
    )
    .describe('Folders of other programs, from which models are read and where nothing is written.'),
});
export type StorageFacts = Document<typeof storageFactsSchema>;

const hubFactsSchema = z.strictObject({
  endpoint: text,
  answerMs: orUnavailable(z.number()),
  models: z
    .array(z.strictObject({ name: text, missingBytes: orUnavailable(bytes) }))
    .describe('What the names of the catalogue would still download.'),
});
export type HubFacts = Document<typeof hubFactsSchema>;

const configFactsSchema = z.array(
  z.strictObject({ path: text, whose: z.enum(['project', 'user', 'named']) }),
);
export type ConfigFacts = Document<typeof configFactsSchema>;

/** What `doctor --json` prints. */
export const doctorSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.doctor),
  quantscope: text,
  canMeasure: z.boolean(),
  checks: z.array(checkSchema),
  machine: machineFactsSchema,
  engine: engineFactsSchema,
  storage: storageFactsSchema,
  hub: hubFactsSchema,
  config: configFactsSchema.describe('The config files in use, the weaker first.'),
});
export type DoctorReport = Document<typeof doctorSchema>;

/** Checks and the facts they are from. */
export interface Examined<Facts> {
  readonly checks: readonly Check[];
  readonly facts: Facts;
}
