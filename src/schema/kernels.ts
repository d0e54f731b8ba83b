import { z } from 'zod';
import { TENSOR_TYPE_NAMES } from '../gguf/tensor-types.ts';
import type { Document } from './parts.ts';
import { CACHE_TYPES, PHONE_BACKENDS } from './terms.ts';

/** What llama.cpp's backends compute themselves, as scripts/backend-kernels.js reads it from a source. */

const types = z.array(z.enum(TENSOR_TYPE_NAMES));
const cacheTypes = z.array(z.enum(CACHE_TYPES));

const flashAttentionSchema = z.strictObject({
  headLengths: z.array(z.int()).nullable().describe('Those that have kernels; null for no such list.'),
  headMultiple: z.int().describe('Of which a head length must be a multiple.'),
  cacheTypes: cacheTypes.describe('Of keys and values alike.'),
  mixed: cacheTypes.describe('Those that may stand for keys with another of them for values.'),
  refusedByAdreno: z.array(z.string()).optional().describe('Generations whose compiler has no such kernel.'),
});

const backendSchema = z.strictObject({
  multiplies: types.describe('Types of matrices; all others are multiplied by the CPU.'),
  aborts: types.describe('Types that it takes and has no kernel for: the process ends.'),
  mostRows: z.int().optional().describe('Of a quantized matrix; larger ones go to the CPU.'),
  flashAttention: flashAttentionSchema,
  adreno: z
    .record(z.string(), z.array(z.string()))
    .optional()
    .describe('What a GPU’s name holds, by its generation.'),
});

const measuredBackend = backendSchema.pick({ multiplies: true, mostRows: true });

const repackedSchema = z
  .record(z.enum(['neon', 'avx2', 'avx512']), z.partialRecord(z.enum(TENSOR_TYPE_NAMES), z.int()))
  .describe('Types that the CPU rearranges, by its feature, with what the rows must be a multiple of.');

const backends = z.partialRecord(z.enum(PHONE_BACKENDS).exclude(['cpu']), backendSchema);

export const kernelsSchema = z.strictObject({ backends, repacked: repackedSchema });
export type Kernels = Document<typeof kernelsSchema>;

/** data/backend-kernels.json: of the llama.cpp that runs here. */
export const backendKernelsSchema = kernelsSchema.extend({
  $schema: z.string().optional().describe('For editors.'),
  llamaCpp: z.string().describe('The version.'),
});

const names = z.array(z.string());

/** data/llama-rn.json: what the llama.rn that the kit targets knows, as scripts/llama-rn.js reads it from its package. */
export const llamaRnSchema = z.strictObject({
  $schema: z.string().optional().describe('For editors.'),
  version: z.string(),
  build: z.int().describe('Of the llama.cpp inside.'),
  architectures: names.describe('LLM_ARCH_NAMES: a file of another is refused.'),
  preTokenizers: names.describe('tokenizer.ggml.pre: a file with another is refused.'),
  tensorTypes: types.describe('enum ggml_type.'),
  options: names.describe('Of initLlama (NativeContextParams).'),
  defaults: z.strictObject({
    contextSize: z.int().describe('0 is what the model was trained for.'),
    batch: z.int(),
    microBatch: z.int(),
    threads: z.int().describe('On Android with more than four cores.'),
    threadsOfFourCores: z.int(),
    threadsWithHexagon: z.int().describe('Of the library that has Hexagon and OpenCL.'),
    stateCacheMebibytes: z.int().describe('state_cache_budget_mb, for models with recurrent layers.'),
    stateCheckpoints: z.int(),
  }),
  android: z.strictObject({
    libraries: names.describe('In the order in which they are tried.'),
    hexagonChips: names.describe('SoC models for which the one with Hexagon and OpenCL is.'),
  }),
  kernels: kernelsSchema,
  measured: z
    .strictObject({ version: z.string(), opencl: measuredBackend, hexagon: measuredBackend })
    .describe('Of the version that data/measured-speeds.json was measured with, to which costs are fitted.'),
});
export type LlamaRn = Document<typeof llamaRnSchema>;
