import { z } from 'zod';
import { type Document, engineBackend } from './parts.ts';
import { BUILD_CHOICES, SCHEMA_IDS } from './terms.ts';

/** What the commands below `engine` print with --json. */

const info = z.strictObject({
  name: z.string(),
  version: z.string(),
  llamaCpp: z.string(),
  build: z.enum(['prebuilt', 'localBuild']),
  backend: engineBackend,
  devices: z.array(z.string()),
  gpuFreeBytes: z
    .int()
    .nullable()
    .describe("What the GPUs still give, on macOS of Metal's recommended working set; null without a GPU."),
  systemInfo: z.string().describe('As llama.cpp prints it: features of the CPU that the build uses.'),
  mathCores: z.int().positive().describe("llama.cpp's own choice of threads."),
  gpuFallback: z.string().exactOptional().describe('Why auto took the CPU.'),
});

/** The engine that is in use. */
export type EngineInfo = Document<typeof info>;

const tried = z
  .union([z.strictObject({ info }), z.strictObject({ reason: z.string() })])
  .describe('What came up when it was started, or why nothing did.');
export type Tried = Document<typeof tried>;

export const engineSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.engine),
  choice: z.enum(BUILD_CHOICES).describe('As QUANTSCOPE_ENGINE says.'),
  inUse: tried,
  builds: z.strictObject({ prebuilt: tried, local: tried.optional() }),
  localBuilds: z.array(
    z.strictObject({
      folder: z.string(),
      backend: engineBackend,
      builtAt: z.iso.datetime().nullable().describe('Null: unfinished, never used.'),
    }),
  ),
});

/** What `engine list --json` prints. */
export type EngineReport = Document<typeof engineSchema>;

export const engineBuildSchema = z.strictObject({ schema: z.literal(SCHEMA_IDS.engineBuild), built: info });

export const engineRemoveSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.engineRemove),
  folders: z.array(z.string()).describe('Of the builds that are gone now.'),
});
