import { z } from 'zod';
import type { BuildChoice, EngineInfo } from '../engine/index.ts';
import type { LocalBuild } from '../engine/local-builds.ts';

/** What the commands below `engine` print with --json. */

export const ENGINE_SCHEMA_ID = 'quantscope/engine@1';
export const ENGINE_BUILD_SCHEMA_ID = 'quantscope/engine-build@1';
export const ENGINE_REMOVE_SCHEMA_ID = 'quantscope/engine-remove@1';

const backend = z.enum(['cpu', 'metal', 'vulkan', 'cuda']);

const info = z.strictObject({
  name: z.string(),
  version: z.string(),
  llamaCpp: z.string(),
  build: z.enum(['prebuilt', 'localBuild']),
  backend,
  devices: z.array(z.string()),
  systemInfo: z.string().describe('As llama.cpp prints it: features of the CPU that the build uses.'),
  mathCores: z.int().positive().describe("llama.cpp's own choice of threads."),
  gpuFallback: z.string().exactOptional().describe('Why auto took the CPU.'),
}) satisfies z.ZodType<EngineInfo>;

const tried = z
  .union([z.strictObject({ info }), z.strictObject({ reason: z.string() })])
  .describe('What came up when it was started, or why nothing did.');
export type Tried = { readonly info: EngineInfo } | { readonly reason: string };

const engineSchema = z.strictObject({
  schema: z.literal(ENGINE_SCHEMA_ID),
  choice: z.enum(['auto', 'prebuilt', 'local']).describe('As QUANTSCOPE_ENGINE says.'),
  inUse: tried,
  builds: z.strictObject({ prebuilt: tried, local: tried.optional() }),
  localBuilds: z.array(
    z.strictObject({
      folder: z.string(),
      backend,
      builtAt: z.iso.datetime().nullable().describe('Null: unfinished, never used.'),
    }),
  ),
});

/** What `engine list --json` prints; a time becomes its text. */
export interface EngineReport {
  readonly schema: typeof ENGINE_SCHEMA_ID;
  readonly choice: BuildChoice;
  readonly inUse: Tried;
  readonly builds: { readonly prebuilt: Tried; readonly local?: Tried };
  readonly localBuilds: readonly LocalBuild[];
}

const engineBuildSchema = z.strictObject({ schema: z.literal(ENGINE_BUILD_SCHEMA_ID), built: info });

const engineRemoveSchema = z.strictObject({
  schema: z.literal(ENGINE_REMOVE_SCHEMA_ID),
  folders: z.array(z.string()).describe('Of the builds that are gone now.'),
});

/** The published JSON Schemas by file name. */
export function engineSchemas(): Record<string, object> {
  const contracts = [
    ['engine', `quantscope engine list (${ENGINE_SCHEMA_ID})`, engineSchema],
    ['engine-build', `quantscope engine build (${ENGINE_BUILD_SCHEMA_ID})`, engineBuildSchema],
    ['engine-remove', `quantscope engine remove (${ENGINE_REMOVE_SCHEMA_ID})`, engineRemoveSchema],
  ] as const;
  return Object.fromEntries(
    contracts.map(([name, title, schema]) => [
      name,
      { title, ...z.toJSONSchema(schema, { target: 'draft-2020-12' }) },
    ]),
  );
}
