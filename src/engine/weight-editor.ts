import type { WeightChange, WeightError } from './engine.ts';
import { EngineError } from './errors.ts';
import { ENUMS } from './llama-cpp/declarations.ts';
import { lastingMemory } from './llama-cpp/lasting-memory.ts';
import type { LlamaCpp } from './llama-cpp/library.ts';
import type { Pointer } from './llama-cpp/types.ts';

const { GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16 } = ENUMS.ggml_type;
const FLOATS: ReadonlySet<number> = new Set([GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16]);

/**
 * Tries a loaded model's weights in other types, without a file: each tensor is quantized, dequantized and put back in
 * the type that it has. What that loses is what the type loses, but for the rounding of products.
 * The model must lie in memory that may be written (no mmap) and be in F32, F16 or BF16.
 */
export class WeightEditor {
  readonly #llamaCpp: LlamaCpp;
  readonly #tensors: ReadonlyMap<string, Pointer>;
  /** Of changed tensors, what they held. */
  readonly #originals = new Map<string, Uint8Array>();

  /** @param tensors addresses by name, as an evaluation told them */
  constructor(llamaCpp: LlamaCpp, tensors: ReadonlyMap<string, Pointer>) {
    this.#llamaCpp = llamaCpp;
    this.#tensors = tensors;
  }

  names(): string[] {
    return [...this.#tensors.keys()];
  }

  /** Changes these tensors; those that were changed before and are not among them get their own weights back. */
  try(changes: readonly WeightChange[]): WeightError[] {
    const changed = new Set(changes.map(({ name }) => name));
    for (const [name, original] of this.#originals) {
      if (changed.has(name)) continue;
      this.#write(this.#address(name), original);
      this.#originals.delete(name);
    }
    return changes.map((change) => this.#change(change));
  }

  #change({ name, type, importance }: WeightChange): WeightError {
    const { api } = this.#llamaCpp;
    const address = this.#address(name);
    const tensor = this.#llamaCpp.read('ggml_tensor', address);
    if (!FLOATS.has(tensor.type)) throw failure(`${name} is quantized already`);
    const [columns, rows, matrices] = [Number(tensor.ne[0]), Number(tensor.ne[1]), Number(tensor.ne[2])];
    const matrixElements = columns * rows;
    const elements = matrixElements * matrices;
    const original = this.#originals.get(name) ?? this.#read(address, Number(api.ggml_nbytes(address)));
    this.#originals.set(name, original);
    const weights = this.#toFloat(tensor.type, original, elements);
    const packed = lastingMemory(api.ggml_row_size(type, columns) * rows);
    const tried = new Float32Array(elements);
    for (let matrix = 0; matrix < matrices; matrix++) {
      const from = weights.subarray(matrix * matrixElements, (matrix + 1) * matrixElements);
      const weighting = importance?.subarray(matrix * columns, (matrix + 1) * columns) ?? null;
      api.ggml_quantize_chunk(type, from, packed, 0, rows, columns, weighting);
      tried.set(this.#toFloat(type, packed, matrixElements), matrix * matrixElements);
    }
    this.#write(address, this.#fromFloat(tensor.type, tried));
    return { name, squaredError: squaredError(weights, tried, importance, columns, matrixElements) };
  }

  #toFloat(type: number, bytes: Uint8Array, elements: number): Float32Array {
    const floats = new Float32Array(lastingMemory(elements * 4).buffer, 0, elements);
    if (type === GGML_TYPE_F32) {
      floats.set(new Float32Array(bytes.buffer, bytes.byteOffset, elements));
      return floats;
    }
    const { api } = this.#llamaCpp;
    const traits = api.ggml_get_type_traits(type);
    const convert = traits === null ? null : this.#llamaCpp.read('ggml_type_traits', traits).to_float;
    if (convert === null) throw failure(`type ${type} has no way to floats`);
    this.#llamaCpp.callable('ggml_to_float_t', convert)(bytes, floats, elements);
    return floats;
  }

  #fromFloat(type: number, floats: Float32Array): Uint8Array {
    const { api } = this.#llamaCpp;
    if (type === GGML_TYPE_F32) return new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
    const bytes = lastingMemory(floats.length * 2);
    if (type === GGML_TYPE_F16) api.ggml_fp32_to_fp16_row(floats, bytes, floats.length);
    else api.ggml_fp32_to_bf16_row(floats, bytes, floats.length);
    return bytes;
  }

  #read(address: Pointer, sizeBytes: number): Uint8Array {
    const bytes = lastingMemory(sizeBytes);
    this.#llamaCpp.api.ggml_backend_tensor_get(address, bytes, 0, sizeBytes);
    return bytes;
  }

  #write(address: Pointer, bytes: Uint8Array): void {
    this.#llamaCpp.api.ggml_backend_tensor_set(address, bytes, 0, bytes.byteLength);
  }

  #address(name: string): Pointer {
    const address = this.#tensors.get(name);
    if (address === undefined) throw failure(`no evaluation used a weight ${name}`);
    return address;
  }
}

/** Sum of squared differences, weighted by how strongly each column is used where that is known. */
function squaredError(
  weights: Float32Array,
  tried: Float32Array,
  importance: Float32Array | null,
  columns: number,
  matrixElements: number,
): number {
  let sum = 0;
  for (let index = 0; index < weights.length; index++) {
    const difference = (weights[index] ?? 0) - (tried[index] ?? 0);
    const column = index % columns;
    const weight = importance?.[Math.floor(index / matrixElements) * columns + column] ?? 1;
    sum += weight * difference * difference;
  }
  return sum;
}

function failure(message: string): EngineError {
  return new EngineError('engine/evaluation-failed', message);
}
