import { z } from 'zod';
import type { Document } from './parts.ts';

const names = z.array(z.string());

const architectureKey = z.strictObject({
  suffix: z.string().describe('block_count of phi3.block_count.'),
  type: z.enum(['uint32', 'float32', 'string', 'bool']),
  required: z.boolean(),
  perLayer: z.boolean().optional().describe('An array with a value for each layer may stand in its place.'),
});
export type ArchitectureKey = Document<typeof architectureKey>;

const condition = z.enum([
  'fused',
  'notFused',
  'longRope',
  'notLongRope',
  'experts',
  'sharedExpert',
  'dense',
]);
export type Condition = Document<typeof condition>;

const size = z.enum([
  ...[
    'embedding',
    'feedForward',
    'gateAndUp',
    'vocabulary',
    'keyLength',
    'ropeHalf',
    'experts',
    'sharedExpert',
  ],
  ...['query', 'keys', 'values', 'queryKeysValues'],
] as const);
export type Size = Document<typeof size>;

const tensorGroup = z.strictObject({
  when: condition.optional().describe('Of the model, or of the layer. Default: always.'),
  tensors: z
    .array(z.tuple([z.string()]).rest(size))
    .describe('Name, with ? behind it where it may be absent, and dimensions in the order of ggml.'),
});

const layout = z.strictObject({
  query: z
    .enum(['heads', 'embedding'])
    .describe('What the width of all queries is: heads by key length, or that.'),
  fusedUnless: z
    .string()
    .optional()
    .describe('Queries, keys and values are one tensor unless it has this one.'),
  isTied: z.boolean().optional().describe('Whether the embedding is always its output.'),
  unshaped: names.optional().describe('Tensors that some models have, of a shape that no covered key tells.'),
  outside: names.describe('Groups of tensors outside the layers.'),
  layer: names.describe('Groups of tensors in each layer, as blk.N.*.'),
});

/**
 * data/llama-cpp.json: names that llama.cpp v0.5.0 knows, of which a file that has another is not loaded, and the types
 * of the keys that it reads, and the tensors that it asks for.
 */
export const llamaCppSchema = z.strictObject({
  $schema: z.string().optional().describe('For editors.'),
  architectures: names.describe('LLM_ARCH_NAMES, src/llama-arch.cpp.'),
  tokenizers: names.describe('tokenizer.ggml.model, src/llama-vocab.cpp:1949-2151.'),
  tokenizersOfPairs: names.describe(
    'Those that merge pairs and have a pre-tokenizer (LLAMA_VOCAB_TYPE_BPE).',
  ),
  tokenizersWithoutTokens: names.describe('Those without a vocabulary in the file.'),
  preTokenizers: names.describe('tokenizer.ggml.pre, src/llama-vocab.cpp:2168-2420.'),
  ropeScalingTypes: names.describe('LLAMA_ROPE_SCALING_TYPES, src/llama-model.cpp:1017.'),
  maximumLayers: z.int().describe('LLAMA_MAX_LAYERS, src/llama-hparams.h.'),
  maximumExperts: z.int().describe('LLAMA_MAX_EXPERTS, src/llama-hparams.h.'),
  architectureKeys: z
    .array(architectureKey)
    .describe(
      'Keys that the covered architectures read (load_hparams, src/llama-model.cpp:1231-1411). llama.cpp accepts no ' +
        'other type for them (GGUFMeta::GKV). It lets head counts and the feed-forward length be absent and then ' +
        'fails at the shapes that follow from zeros, so they count as required.',
    ),
  otherKeys: z
    .record(z.string(), z.enum(['uint32', 'string', 'bool']))
    .describe('Keys of any model that are read with one type only; another type ends the load.'),
  tensorGroups: z.record(z.string(), tensorGroup).describe('Tensors that layouts have in common.'),
  layouts: z
    .record(z.string(), layout)
    .describe(
      'What each covered architecture loads (load_arch_tensors, src/models/*.cpp): the loader refuses a file that ' +
        'lacks one of these or holds any other.',
    ),
});
export type LlamaCppNames = Document<typeof llamaCppSchema>;
