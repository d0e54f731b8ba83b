import type { GgufHeader } from '../gguf/header.ts';
import { getString } from '../gguf/metadata.ts';
import type { LlamaCppNames } from '../schema/llama-cpp.ts';
import type { PhoneBackend } from '../schema/terms.ts';
import { packageJson } from '../util/package-files.ts';
import { LLAMA_RN, typesThatAbort } from './kernels.ts';

const { tokenizersOfPairs } = packageJson('data/llama-cpp.json') as LlamaCppNames;

/** What a model needs that the llama.rn of apps does not know, in words: it refuses such a file. */
export function unknownToLlamaRn(header: GgufHeader): string[] {
  const { architectures, preTokenizers, tensorTypes } = LLAMA_RN;
  const architecture = getString(header, 'general.architecture');
  const tokenizer = getString(header, 'tokenizer.ggml.model') ?? '';
  const pre = getString(header, 'tokenizer.ggml.pre');
  const types = [...new Set(header.tensors.map(({ type }) => type))];
  return [
    ...(architecture !== undefined && !architectures.includes(architecture)
      ? [`the architecture ${architecture}`]
      : []),
    ...(pre !== undefined && tokenizersOfPairs.includes(tokenizer) && !preTokenizers.includes(pre)
      ? [`the pre-tokenizer ${pre}`]
      : []),
    ...types.filter((type) => !tensorTypes.includes(type)).map((type) => `the type ${type}`),
  ];
}

/** Why the llama.rn of apps cannot run the file on a backend; null where it can. */
export function unloadableOn(header: GgufHeader, backend: PhoneBackend): string | null {
  const unknown = unknownToLlamaRn(header);
  if (unknown.length > 0)
    return `llama.rn ${LLAMA_RN.version} does not know ${unknown.join(', ')} and refuses the file`;
  const ends = typesThatAbort(header, backend);
  if (ends.length === 0) return null;
  return `llama.rn ${LLAMA_RN.version} has no kernel for ${ends.join(', ')} on ${backend} and ends the app`;
}
