import { EngineError } from './errors.ts';
import { toFloats } from './floats.ts';
import { ENUMS } from './llama-cpp/declarations.ts';
import { lastingMemory } from './llama-cpp/lasting-memory.ts';
import type { LlamaCpp } from './llama-cpp/library.ts';
import type { RowsToQuantize } from './quantize-request.ts';

const { GGML_TYPE_F32 } = ENUMS.ggml_type;

/**
 * Rows of weights in another type, as llama-quantize writes them without an importance matrix: it dequantizes each row
 * to floats and quantizes them by themselves.
 * @param request not to a type that takes an importance matrix alone
 * @throws EngineError `engine/quantize-failed` for a type without a way to floats
 */
export function quantizeRows(
  llamaCpp: LlamaCpp,
  { from, to, columns, rows, data }: RowsToQuantize,
): Uint8Array {
  const { api } = llamaCpp;
  const elements = columns * rows;
  const floats = new Float32Array(lastingMemory(elements * 4).buffer, 0, elements);
  if (from === GGML_TYPE_F32) {
    floats.set(new Float32Array(data.slice().buffer, 0, elements));
  } else {
    const source = lastingMemory(data.length);
    source.set(data);
    if (!toFloats(llamaCpp, from, source, floats))
      throw new EngineError('engine/quantize-failed', `type ${from} has no way to floats`);
  }
  const packed = lastingMemory(api.ggml_row_size(to, columns) * rows);
  api.ggml_quantize_chunk(to, floats, packed, 0, rows, columns, null);
  return packed;
}
