import type { EngineSession } from '../../engine/engine.ts';
import { startEngineProcess } from '../../engine/index.ts';
import {
  bytesForElements,
  getArray,
  modelFacts,
  type ParsedHeader,
  TENSOR_TYPES,
  type TensorInfo,
  type TensorType,
  vocabularyDifferences,
} from '../../gguf/index.ts';
import type { ByteSource } from '../../io/index.ts';
import { findModel } from '../../model/locate.ts';
import { type OpenModel, readHeaders } from '../../model/model.ts';
import type { DerivedFrom, DerivedTensor } from '../../validate/derived-from.ts';

/** Weights that are quantized at once. */
const PIECE_ELEMENTS = 4 * 1024 * 1024;

type BaseHeader = Awaited<ReturnType<typeof readHeaders>>;

/** Types whose quantization looks at no importance matrix (`ggml_quantize_chunk`, ggml.c). */
const WITHOUT_IMATRIX: ReadonlySet<TensorType> = new Set<TensorType>([
  ...(['F32', 'F16', 'BF16', 'Q8_0', 'TQ1_0', 'TQ2_0', 'MXFP4', 'NVFP4'] as const),
]);

/** The model that quantized files are to come from, open for all of them, and an engine that quantizes. */
export class Base implements AsyncDisposable {
  readonly #ref: string;
  readonly #open: OpenModel;
  readonly #header: BaseHeader;
  readonly #session: EngineSession;

  private constructor(ref: string, open: OpenModel, header: BaseHeader, session: EngineSession) {
    this.#ref = ref;
    this.#open = open;
    this.#header = header;
    this.#session = session;
  }

  /** @throws UsageError where the ref stands for no one model; GgufError; EngineError */
  static async open(ref: string, timeoutMs: number, signal: AbortSignal): Promise<Base> {
    const model = await findModel(ref, { signal });
    const open = await model.open();
    try {
      const header = await readHeaders(open.sources, signal);
      const session = await startEngineProcess({ gpu: 'off', signal, callTimeoutMs: timeoutMs });
      return new Base(ref, open, header, session);
    } catch (thrown) {
      await open[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
    await this.#open[Symbol.asyncDispose]();
  }

  /** Compares a file with the base, tensor by tensor, byte for byte. */
  async compare(header: ParsedHeader, source: ByteSource, signal: AbortSignal): Promise<DerivedFrom> {
    const byName = new Map(this.#header.tensors.map((tensor) => [tensor.name, tensor]));
    const tensors: DerivedTensor[] = [];
    for (const tensor of header.tensors) {
      const base = byName.get(tensor.name);
      byName.delete(tensor.name);
      tensors.push({
        name: tensor.name,
        type: tensor.type,
        ...(await this.#judge(tensor, base, header, source, signal)),
      });
    }
    for (const { name, type } of byName.values()) tensors.push({ name, type, status: 'left-out' });
    const imatrix = modelFacts(header).imatrix !== null;
    return {
      base: this.#ref,
      tensors: imatrix || isMadeWithout(tensors) ? tensors : tensors.map(perhapsWeighted),
      imatrix,
      vocabulary:
        getArray(header, 'tokenizer.ggml.tokens') === undefined
          ? []
          : vocabularyDifferences(header, this.#header),
    };
  }

  async #judge(
    tensor: TensorInfo,
    base: (TensorInfo & { readonly shard?: number }) | undefined,
    header: ParsedHeader,
    source: ByteSource,
    signal: AbortSignal,
  ): Promise<Pick<DerivedTensor, 'status'>> {
    if (base === undefined) return { status: 'added' };
    if (base.elements !== tensor.elements || base.shape.some((size, at) => size !== (tensor.shape[at] ?? 1)))
      return { status: 'other-shape' };
    const baseSource = this.#open.sources[base.shard ?? 0];
    const parts = 'shards' in this.#header ? this.#header.shards : [this.#header];
    const baseStart = (parts[base.shard ?? 0]?.dataOffset ?? 0) + base.offset;
    const start = header.dataOffset + tensor.offset;
    if (baseSource === undefined) return { status: 'undecided' };
    const columns = tensor.shape[0] ?? 1;
    const step = Math.max(1, Math.floor(PIECE_ELEMENTS / columns));
    const rows = tensor.elements / columns;
    const isSame = base.type === tensor.type;
    for (let row = 0; row < rows; row += step) {
      signal.throwIfAborted();
      const count = Math.min(step, rows - row);
      const read = (from: ByteSource, at: number, type: TensorType): Promise<Uint8Array> => {
        const before = bytesForElements(type, row * columns);
        return from.read(at + before, at + before + bytesForElements(type, count * columns), signal);
      };
      const [own, original] = await Promise.all([
        read(source, start, tensor.type),
        read(baseSource, baseStart, base.type),
      ]);
      const wanted = isSame
        ? original
        : await this.#quantized(base.type, tensor.type, columns, count, original);
      if (wanted === null) return { status: 'undecided' };
      if (Buffer.compare(own, wanted) === 0) continue;
      // The same type is a copy, and types without an importance matrix have one outcome.
      const isDecided = isSame || WITHOUT_IMATRIX.has(tensor.type);
      return { status: isDecided || modelFacts(header).imatrix === null ? 'different' : 'undecided' };
    }
    return { status: isSame ? 'copied' : 'quantized' };
  }

  /** null where that takes an importance matrix. */
  async #quantized(
    from: TensorType,
    to: TensorType,
    columns: number,
    rows: number,
    data: Uint8Array,
  ): Promise<Uint8Array | null> {
    if (NEEDS_IMATRIX.has(to)) return null;
    const types = { from: TENSOR_TYPES[from].id, to: TENSOR_TYPES[to].id };
    return this.#session.quantizeRows({ ...types, columns, rows, data });
  }
}

/** Whether a layer’s matrix is proven whose type an importance matrix would have changed: then there was none. */
function isMadeWithout(tensors: readonly DerivedTensor[]): boolean {
  return tensors.some(
    ({ name, type, status }) => status === 'quantized' && name.startsWith('blk.') && isWeighted(type),
  );
}

/** Publishers leave out that they had an importance matrix: what it may have changed proves nothing. */
function perhapsWeighted(tensor: DerivedTensor): DerivedTensor {
  return tensor.status === 'different' && isWeighted(tensor.type)
    ? { ...tensor, status: 'undecided' }
    : tensor;
}

function isWeighted(type: string): boolean {
  return ![...WITHOUT_IMATRIX].some((each) => each === type);
}

/** `ggml_quantize_requires_imatrix`, ggml.c. */
const NEEDS_IMATRIX: ReadonlySet<TensorType> = new Set(['IQ2_XXS', 'IQ2_XS', 'IQ1_S'] as const);
