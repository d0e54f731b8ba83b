import { closeSync, openSync, readSync } from 'node:fs';
import type { WeightChange, WeightErrorRequest } from './engine.ts';
import { EngineError } from './errors.ts';
import { toFloats } from './floats.ts';
import { ENUMS } from './llama-cpp/declarations.ts';
import { lastingMemory } from './llama-cpp/lasting-memory.ts';
import type { LlamaCpp } from './llama-cpp/library.ts';
import type { Pointer } from './llama-cpp/types.ts';
import type { WeightOrigin } from './replies.ts';

const { GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16 } = ENUMS.ggml_type;
const FLOATS: ReadonlySet<number> = new Set([GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16]);
/** Weights that are worked on at once. */
const PIECE_ELEMENTS = 2 ** 21;

/** A run of rows of one matrix. */
interface Piece {
  readonly matrix: number;
  readonly rows: number;
  /** Its first row, counted through all matrices. */
  readonly first: number;
}

/** A tensor as it was loaded. */
interface Shape {
  readonly type: number;
  readonly columns: number;
  readonly rows: number;
  readonly matrices: number;
}

/**
 * Gives a loaded model's weights other types, without a file: each tensor is quantized into the memory that it has, and
 * the next evaluation finds it as a file of that type would have brought it, products with quantized inputs and all.
 * The model must lie in memory that may be written (no mmap) and be in F32, F16 or BF16. What a tensor held is read
 * from its file again, piece by piece: a whole model can be changed in little more than its own memory.
 */
export class WeightEditor {
  readonly #llamaCpp: LlamaCpp;
  readonly #tensors: ReadonlyMap<string, Pointer>;
  readonly #shapes = new Map<string, Shape>();
  /** Tensors that do not hold their own weights. */
  readonly #changed = new Map<string, WeightChange>();
  readonly #read = new Scratch();
  readonly #weights = new Scratch();
  readonly #packed = new Scratch();
  readonly #tried = new Scratch();

  /** @param tensors addresses by name, as an evaluation told them */
  constructor(llamaCpp: LlamaCpp, tensors: ReadonlyMap<string, Pointer>) {
    this.#llamaCpp = llamaCpp;
    this.#tensors = tensors;
  }

  names(): string[] {
    return [...this.#tensors.keys()];
  }

  /** Changes these tensors; those that were changed before and are not among them get their own weights back. */
  try(changes: readonly WeightChange[]): void {
    const wanted = new Map(changes.map((change) => [change.name, change]));
    for (const [name, change] of this.#changed) {
      if (wanted.has(name)) continue;
      this.#edit(change, null);
      this.#changed.delete(name);
    }
    for (const [name, change] of wanted) {
      if (this.#changed.get(name)?.type === change.type) continue;
      this.#edit(change, change.type);
      this.#changed.set(name, change);
    }
  }

  /** Squared errors in each type, of every so many rows: nothing is changed. */
  errors({ name, types, importance, usage, mostElements, origin }: WeightErrorRequest): number[] {
    const shape = this.#shape(name);
    const { columns, rows, matrices } = shape;
    const step = Math.max(1, Math.ceil((columns * rows * matrices) / mostElements));
    const errors = types.map(() => 0);
    using file = new Origin(origin, this.#read);
    for (let row = 0; row < rows * matrices; row += step) {
      const matrix = Math.floor(row / rows);
      const piece = { matrix, rows: 1, first: row };
      const weights = this.#originalOf(file, shape, piece);
      for (const [index, type] of types.entries()) {
        const packed = this.#quantized(shape, piece, weights, type, importance);
        const tried = this.#toFloat(type, packed, columns, this.#tried);
        errors[index] =
          (errors[index] ?? 0) + step * squaredError(weights, tried, slice(usage, matrix, columns));
      }
    }
    return errors;
  }

  /** @param type null for the tensor's own weights */
  #edit({ name, importance, origin }: WeightChange, type: number | null): void {
    const { api } = this.#llamaCpp;
    const shape = this.#shape(name);
    const rowBytes = api.ggml_row_size(type ?? shape.type, shape.columns);
    const originBytes = api.ggml_row_size(shape.type, shape.columns);
    this.#retype(name, type ?? shape.type);
    using file = new Origin(origin, this.#read);
    for (const piece of piecesOf(shape)) {
      const bytes =
        type === null
          ? file.read(piece.first * originBytes, piece.rows * originBytes)
          : this.#quantized(shape, piece, this.#originalOf(file, shape, piece), type, importance);
      api.ggml_backend_tensor_set(this.#address(name), bytes, piece.first * rowBytes, bytes.byteLength);
    }
  }

  /** The tensor's memory is that of its own type, which no quantized type needs as much of. */
  #retype(name: string, type: number): void {
    const { api } = this.#llamaCpp;
    const address = this.#address(name);
    const tensor = this.#llamaCpp.read('ggml_tensor', address);
    const [columns, rows, matrices] = [Number(tensor.ne[0]), Number(tensor.ne[1]), Number(tensor.ne[2])];
    const rowBytes = api.ggml_row_size(type, columns);
    const strides = [api.ggml_type_size(type), rowBytes, rowBytes * rows, rowBytes * rows * matrices];
    const written = this.#llamaCpp.array('ggml_tensor', [{ ...tensor, type, nb: strides }]);
    new Uint8Array(this.#llamaCpp.view(address, written.byteLength)).set(written);
  }

  #shape(name: string): Shape {
    const known = this.#shapes.get(name);
    if (known !== undefined) return known;
    const { type, ne } = this.#llamaCpp.read('ggml_tensor', this.#address(name));
    if (!FLOATS.has(type)) throw failure(`${name} is quantized already`);
    const [columns, rows, matrices] = [Number(ne[0]), Number(ne[1]), Number(ne[2])];
    const shape = { type, columns, rows, matrices };
    this.#shapes.set(name, shape);
    return shape;
  }

  #originalOf(file: Origin, { type, columns }: Shape, { first, rows }: Piece): Float32Array {
    const rowBytes = this.#llamaCpp.api.ggml_row_size(type, columns);
    return this.#toFloat(type, file.read(first * rowBytes, rows * rowBytes), rows * columns, this.#weights);
  }

  #quantized(
    { columns }: Shape,
    { matrix, rows }: Piece,
    weights: Float32Array,
    type: number,
    importance: Float32Array | null,
  ): Uint8Array {
    const { api } = this.#llamaCpp;
    const packed = this.#packed.ofBytes(api.ggml_row_size(type, columns) * rows);
    api.ggml_quantize_chunk(type, weights, packed, 0, rows, columns, slice(importance, matrix, columns));
    return packed;
  }

  #toFloat(type: number, bytes: Uint8Array, elements: number, into: Scratch): Float32Array {
    if (type === GGML_TYPE_F32) return new Float32Array(bytes.buffer, bytes.byteOffset, elements);
    const floats = new Float32Array(into.ofBytes(elements * 4).buffer, 0, elements);
    if (!toFloats(this.#llamaCpp, type, bytes, floats)) throw failure(`type ${type} has no way to floats`);
    return floats;
  }

  #address(name: string): Pointer {
    const address = this.#tensors.get(name);
    if (address === undefined) throw failure(`no evaluation used a weight ${name}`);
    return address;
  }
}

/** Memory that is used again and again: of new memory for each piece, hundreds of megabytes would wait to be collected. */
class Scratch {
  #memory = lastingMemory(0);

  /** What was there before is written over. */
  ofBytes(sizeBytes: number): Uint8Array<ArrayBuffer> {
    if (this.#memory.buffer.byteLength < sizeBytes) this.#memory = lastingMemory(sizeBytes);
    return new Uint8Array(this.#memory.buffer, 0, sizeBytes);
  }
}

/** A tensor's bytes in its file. */
class Origin {
  readonly #origin: WeightOrigin;
  readonly #into: Scratch;
  readonly #descriptor: number;

  constructor(origin: WeightOrigin, into: Scratch) {
    this.#origin = origin;
    this.#into = into;
    this.#descriptor = openSync(origin.path, 'r');
  }

  read(start: number, sizeBytes: number): Uint8Array {
    const bytes = this.#into.ofBytes(sizeBytes);
    for (let done = 0; done < sizeBytes; ) {
      const at = this.#origin.offsetBytes + start + done;
      const read = readSync(this.#descriptor, bytes, done, sizeBytes - done, at);
      if (read === 0) throw failure(`${this.#origin.path} ends at byte ${at}`);
      done += read;
    }
    return bytes;
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}

function* piecesOf({ columns, rows, matrices }: Shape): Generator<Piece> {
  const most = Math.max(1, Math.floor(PIECE_ELEMENTS / columns));
  for (let matrix = 0; matrix < matrices; matrix++) {
    for (let row = 0; row < rows; row += most) {
      yield { matrix, rows: Math.min(most, rows - row), first: matrix * rows + row };
    }
  }
}

/** What belongs to one matrix of several. */
function slice(values: Float32Array | null, matrix: number, columns: number): Float32Array | null {
  return values?.subarray(matrix * columns, (matrix + 1) * columns) ?? null;
}

/** Of one row, each column weighted by how strongly it is used where that is known. */
function squaredError(weights: Float32Array, tried: Float32Array, usage: Float32Array | null): number {
  let sum = 0;
  for (let column = 0; column < weights.length; column++) {
    const difference = (weights[column] ?? 0) - (tried[column] ?? 0);
    sum += (usage?.[column] ?? 1) * difference * difference;
  }
  return sum;
}

function failure(message: string): EngineError {
  return new EngineError('engine/evaluation-failed', message);
}
