import type { LlamaCpp } from './llama-cpp/library.ts';

/**
 * Values of a type as floats, by ggml's own conversion (ggml_get_type_traits).
 * @param bytes of whole blocks
 * @param floats as many as the blocks have values
 * @returns false for a type without a way to floats
 */
export function toFloats(llamaCpp: LlamaCpp, type: number, bytes: Uint8Array, floats: Float32Array): boolean {
  const traits = llamaCpp.api.ggml_get_type_traits(type);
  const convert = traits === null ? null : llamaCpp.read('ggml_type_traits', traits).to_float;
  if (convert === null) return false;
  llamaCpp.callable('ggml_to_float_t', convert)(bytes, floats, floats.length);
  return true;
}
