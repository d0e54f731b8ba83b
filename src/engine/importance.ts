import type { WeightImportance } from './engine.ts';
import { EngineError } from './errors.ts';
import { ENUMS } from './llama-cpp/declarations.ts';
import type { LlamaCpp } from './llama-cpp/library.ts';
import type { Pointer, Struct } from './llama-cpp/types.ts';

const { GGML_OP_MUL_MAT, GGML_OP_MUL_MAT_ID, GGML_OP_GET_ROWS } = ENUMS.ggml_op;
const { GGML_TYPE_F32 } = ENUMS.ggml_type;
/** Batches of fewer tokens are not a text's (collect_imatrix, tools/imatrix/imatrix.cpp). */
const LEAST_TOKENS = 16;

type Tensor = Struct<'ggml_tensor'>;

interface Sums {
  /** One per column and matrix. */
  readonly squares: Float64Array;
  /** Tokens, one per matrix. */
  readonly tokens: Float64Array;
}

/**
 * Sums the squared inputs of each weight matrix while llama.cpp evaluates, as llama-imatrix does: its scheduler tells of
 * every node of the graph before and after it is computed.
 */
export class ImportanceCollector {
  /** For `cb_eval` of a context. */
  readonly callback: Pointer;
  readonly #llamaCpp: LlamaCpp;
  readonly #weights = new Map<string, Sums>();
  /** Addresses of all weights that the graphs used, by name. */
  readonly tensors = new Map<string, Pointer>();
  /** Of inputs that several matrices have in common (q, k and v; gate and up), by the input's node. */
  readonly #columnSums = new Map<Pointer, Float64Array>();
  #failure: EngineError | undefined;

  constructor(llamaCpp: LlamaCpp) {
    this.#llamaCpp = llamaCpp;
    this.callback = llamaCpp.callback(
      'ggml_backend_sched_eval_callback',
      (node: Pointer, isAsked: boolean) => {
        try {
          return this.#see(node, isAsked);
        } catch (thrown) {
          // An error must not cross llama.cpp's frames: false ends the evaluation.
          this.#failure ??= thrown instanceof EngineError ? thrown : failure(String(thrown));
          return false;
        }
      },
    );
  }

  /** Before each evaluation: nodes of the next graph may lie where those of the last one lay. */
  begin(): void {
    this.#columnSums.clear();
  }

  /** @throws EngineError of what was met during the evaluation */
  end(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  weights(): WeightImportance[] {
    return [...this.#weights].map(([name, { squares, tokens }]) => ({
      name,
      sums: Float32Array.from(squares),
      counts: Float32Array.from(tokens),
    }));
  }

  free(): void {
    this.#llamaCpp.release(this.callback);
  }

  /** @returns before: whether to be told after; after: whether to go on */
  #see(node: Pointer, isAsked: boolean): boolean {
    const product = this.#llamaCpp.read('ggml_tensor', node);
    if (isAsked) this.#note(product);
    if (product.op === GGML_OP_MUL_MAT_ID) {
      if (!isAsked) this.#addExperts(product);
      return true;
    }
    if (product.op !== GGML_OP_MUL_MAT) return !isAsked;
    const [weightAddress, inputAddress] = product.src;
    if (!weightAddress || !inputAddress) return !isAsked;
    const weight = this.#llamaCpp.read('ggml_tensor', weightAddress);
    const name = nameOf(weight);
    if (!name.startsWith('blk.')) return !isAsked;
    const input = this.#llamaCpp.read('ggml_tensor', inputAddress);
    if (Number(input.ne[1]) < LEAST_TOKENS || input.type !== GGML_TYPE_F32) return !isAsked;
    if (!isAsked) this.#add(name, weight, input, inputAddress);
    return true;
  }

  #note({ op, src: [address] }: Tensor): void {
    if (op !== GGML_OP_MUL_MAT && op !== GGML_OP_MUL_MAT_ID && op !== GGML_OP_GET_ROWS) return;
    if (!address) return;
    const name = nameOf(this.#llamaCpp.read('ggml_tensor', address));
    if (name.endsWith('.weight')) this.tensors.set(name, address);
  }

  #add(name: string, weight: Tensor, input: Tensor, inputAddress: Pointer): void {
    const [columns, rows, planes, blocks] = sizes(input);
    const matrices = sizes(weight)[2] * sizes(weight)[3];
    const sums = this.#sumsOf(name, columns * matrices, 1);
    if (matrices === 1 && isContiguous(input)) {
      let columnSums = this.#columnSums.get(inputAddress);
      if (columnSums === undefined) {
        columnSums = squaredColumnSums(this.#values(input, inputAddress), columns);
        this.#columnSums.set(inputAddress, columnSums);
      }
      addTo(sums.squares, columnSums);
    } else {
      const values = this.#values(input, inputAddress);
      const [, , weightPlanes, weightBlocks] = sizes(weight);
      for (let block = 0; block < blocks; block++) {
        for (let plane = 0; plane < planes; plane++) {
          const matrix = (block % weightBlocks) * weightPlanes + (plane % weightPlanes);
          for (let row = 0; row < rows; row++) {
            addSquares(sums.squares, matrix * columns, values, offsetOf(input, row, plane, block), columns);
          }
        }
      }
    }
    addAt(sums.tokens, 0, (rows * planes * blocks) / matrices);
    requireFinite(name, sums.squares);
  }

  /** ids: [experts used, tokens]; input: [columns, experts used or 1, tokens]. */
  #addExperts(product: Tensor): void {
    const [weightAddress, inputAddress, idsAddress] = product.src;
    if (!weightAddress || !inputAddress || !idsAddress) return;
    const weight = this.#llamaCpp.read('ggml_tensor', weightAddress);
    const input = this.#llamaCpp.read('ggml_tensor', inputAddress);
    const ids = this.#llamaCpp.read('ggml_tensor', idsAddress);
    if (input.type !== GGML_TYPE_F32) return;
    const name = nameOf(weight);
    const [columns, shared, tokens] = sizes(input);
    const experts = sizes(weight)[2];
    const sums = this.#sumsOf(name, columns * experts, experts);
    const values = this.#values(input, inputAddress);
    const chosen = new Int32Array(this.#bytes(ids, idsAddress));
    const used = sizes(ids)[0];
    for (let slot = 0; slot < used; slot++) {
      for (let token = 0; token < tokens; token++) {
        const expert = chosen[(token * Number(ids.nb[1]) + slot * Number(ids.nb[0])) / 4] ?? -1;
        if (expert < 0 || expert >= experts)
          throw failure(`${name}: there is no expert ${expert} of ${experts}`);
        addAt(sums.tokens, expert, 1);
        const offset = offsetOf(input, slot % shared, token, 0);
        addSquares(sums.squares, expert * columns, values, offset, columns);
      }
    }
    requireFinite(name, sums.squares);
  }

  #sumsOf(name: string, values: number, counts: number): Sums {
    let sums = this.#weights.get(name);
    if (sums === undefined) {
      sums = { squares: new Float64Array(values), tokens: new Float64Array(counts) };
      this.#weights.set(name, sums);
    }
    if (sums.squares.length !== values) {
      throw failure(`${name} takes ${values} inputs, and took ${sums.squares.length} before`);
    }
    return sums;
  }

  #values(tensor: Tensor, address: Pointer): Float32Array {
    return new Float32Array(this.#bytes(tensor, address));
  }

  /** A view where the tensor lies in the machine's memory, a copy where it lies in a GPU's. */
  #bytes(tensor: Tensor, address: Pointer): ArrayBuffer {
    const { api } = this.#llamaCpp;
    const [, rows, planes, blocks] = sizes(tensor);
    const last = offsetOf(tensor, rows - 1, planes - 1, blocks - 1) * 4;
    const sizeBytes = last + sizes(tensor)[0] * 4;
    if (typeof tensor.buffer !== 'bigint' || api.ggml_backend_buffer_is_host(tensor.buffer)) {
      if (typeof tensor.data !== 'bigint') throw failure(`${nameOf(tensor)} has no data`);
      return this.#llamaCpp.view(tensor.data, sizeBytes);
    }
    const copy = new Uint8Array(new ArrayBuffer(sizeBytes));
    api.ggml_backend_tensor_get(address, copy, 0, sizeBytes);
    return copy.buffer;
  }
}

function sizes({ ne }: Tensor): readonly [columns: number, rows: number, planes: number, blocks: number] {
  return [Number(ne[0]), Number(ne[1]), Number(ne[2]), Number(ne[3])];
}

/** Of a row's first value, in values of 4 bytes. */
function offsetOf({ nb }: Tensor, row: number, plane: number, block: number): number {
  return (row * Number(nb[1]) + plane * Number(nb[2]) + block * Number(nb[3])) / 4;
}

function isContiguous({ ne, nb }: Tensor): boolean {
  let stride = 4;
  for (let index = 0; index < 4; index++) {
    if (Number(nb[index]) !== stride) return false;
    stride *= Number(ne[index]);
  }
  return true;
}

/** `CUDA0#blk.0.attn_k.weight#0`, as the scheduler calls its copies, is `blk.0.attn_k.weight`. */
function nameOf({ name }: Tensor): string {
  return name.includes('#') ? (name.split('#')[1] ?? name) : name;
}

function squaredColumnSums(values: Float32Array, columns: number): Float64Array {
  const sums = new Float64Array(columns);
  for (let start = 0; start < values.length; start += columns) addSquares(sums, 0, values, start, columns);
  return sums;
}

function addSquares(
  sums: Float64Array,
  sumsStart: number,
  values: Float32Array,
  valuesStart: number,
  count: number,
): void {
  for (let index = 0; index < count; index++) {
    const value = values[valuesStart + index] ?? 0;
    addAt(sums, sumsStart + index, value * value);
  }
}

function addTo(sums: Float64Array, more: Float64Array): void {
  for (let index = 0; index < sums.length; index++) addAt(sums, index, more[index] ?? 0);
}

function addAt(sums: Float64Array, index: number, value: number): void {
  sums[index] = (sums[index] ?? 0) + value;
}

function requireFinite(name: string, sums: Float64Array): void {
  if (!sums.every(Number.isFinite)) throw failure(`the inputs of ${name} are not finite`);
}

function failure(message: string): EngineError {
  return new EngineError('engine/evaluation-failed', message, {
    hint: 'quantscope validate tells what is wrong with the file.',
  });
}
