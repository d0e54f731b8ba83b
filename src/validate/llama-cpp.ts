import type { LlamaCppNames } from '../schema/llama-cpp.ts';
import { packageJson } from '../util/package-files.ts';

// Taken at its word, as data/rules.json is: a test holds it to its schema.
const names = packageJson('data/llama-cpp.json') as LlamaCppNames;

/** What llama.cpp v0.5.0 knows; a file that names another is not loaded. Each list has its source in its schema. */
export const ARCHITECTURES: ReadonlySet<string> = new Set(names.architectures);
export const TOKENIZER_MODELS: ReadonlySet<string> = new Set(names.tokenizers);
export const BPE_MODELS: ReadonlySet<string> = new Set(names.tokenizersOfPairs);
export const EMPTY_MODELS: ReadonlySet<string> = new Set(names.tokenizersWithoutTokens);
export const PRE_TOKENIZERS: ReadonlySet<string> = new Set(names.preTokenizers);
export const ROPE_SCALING_TYPES: ReadonlySet<string> = new Set(names.ropeScalingTypes);
export const MAXIMUM_LAYERS = names.maximumLayers;
export const MAXIMUM_EXPERTS = names.maximumExperts;
export const ARCHITECTURE_KEYS = names.architectureKeys;
export const OTHER_KEY_TYPES = names.otherKeys;
/** By architecture. */
export const LAYOUTS = names.layouts;
export const TENSOR_GROUPS = names.tensorGroups;
