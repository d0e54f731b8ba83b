import {
  getNumber,
  getString,
  getStrings,
  readHeader,
  type TensorInfo,
  type WritableTensor,
  writeModel,
} from '../gguf/index.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { QuantscopeError } from '../util/errors.ts';

/** Squared activations of one weight matrix, or of each expert's slice of one. */
export interface ImatrixEntry {
  /** Of the weight: `blk.0.attn_qkv.weight`. */
  readonly name: string;
  /** Sums over tokens of the squared inputs, one per column: matrices × columns. */
  readonly sums: Float32Array;
  /** Tokens that were summed, one per matrix; 0 for an expert that no token reached. */
  readonly counts: Float32Array;
}

/** An importance matrix: how strongly the columns of each weight are used on some text. */
export interface Imatrix {
  /** Paths of the texts, as they were given. */
  readonly datasets: readonly string[];
  readonly chunks: number;
  /** Tokens of a chunk; 0 where the older format does not say. */
  readonly chunkSize: number;
  /** In the file's order. */
  readonly entries: readonly ImatrixEntry[];
  /** The format before GGUF (`.dat`): its sums are means, times the number of its chunks. */
  readonly isLegacy: boolean;
}

const SUMS = '.in_sum2';
const COUNTS = '.counts';
const GGUF_MAGIC = 0x4655_4747;
/** Larger than that of any model: 70 billion parameters take 30 MB. */
const LARGEST_BYTES = 2 ** 31;

/**
 * Reads an importance matrix in llama.cpp's GGUF format or the one before it (common/imatrix-loader.cpp of v0.5.0).
 * @throws QuantscopeError `imatrix/invalid`; GgufError; what the source throws
 */
export async function readImatrix(source: ByteSource, signal?: AbortSignal): Promise<Imatrix> {
  if (source.byteLength > LARGEST_BYTES) {
    throw invalid(
      source,
      `it has ${source.byteLength} bytes, an importance matrix has at most ${LARGEST_BYTES}`,
    );
  }
  const magic = source.byteLength < 4 ? new Uint8Array(4) : await source.read(0, 4, signal);
  const isGguf = new DataView(magic.buffer, magic.byteOffset, 4).getUint32(0, true) === GGUF_MAGIC;
  return isGguf ? readGguf(source, signal) : readLegacy(source, signal);
}

async function readGguf(source: ByteSource, signal: AbortSignal | undefined): Promise<Imatrix> {
  const header = await readHeader(source, signal === undefined ? {} : { signal });
  const type = getString(header, 'general.type');
  if (type !== undefined && type !== 'imatrix') {
    throw invalid(source, `its general.type is "${type}", expected "imatrix"`);
  }
  const datasets = getStrings(header, 'imatrix.datasets');
  const chunks = getNumber(header, 'imatrix.chunk_count');
  const chunkSize = getNumber(header, 'imatrix.chunk_size');
  if (datasets === undefined || chunks === undefined || chunkSize === undefined) {
    throw invalid(source, 'it lacks imatrix.datasets, imatrix.chunk_count or imatrix.chunk_size');
  }
  const byName = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
  const entries: ImatrixEntry[] = [];
  const numbers = async (name: string): Promise<Float32Array> => {
    const tensor = byName.get(name);
    if (tensor === undefined) throw invalid(source, `${name} is missing`);
    if (tensor.type !== 'F32') throw invalid(source, `${name} is ${tensor.type}, expected F32`);
    const start = header.dataOffset + tensor.offset;
    // Of the file's own bytes: a tensor that ends behind them is an error of the header.
    const bytes = await source.read(start, start + tensor.sizeBytes, signal);
    return new Float32Array(Uint8Array.from(bytes).buffer);
  };
  for (const { name } of header.tensors) {
    if (name.endsWith(COUNTS)) await requireTwin(source, byName, name, COUNTS, SUMS);
    if (!name.endsWith(SUMS)) continue;
    const weight = name.slice(0, -SUMS.length);
    const [sums, counts] = [await numbers(name), await numbers(`${weight}${COUNTS}`)];
    entries.push(checked(source, { name: weight, sums, counts: counts.map(Math.round) }));
  }
  if (entries.length === 0) throw invalid(source, 'it holds no sums');
  return { datasets, chunks, chunkSize, entries, isLegacy: false };
}

async function requireTwin(
  source: ByteSource,
  byName: ReadonlyMap<string, unknown>,
  name: string,
  from: string,
  to: string,
): Promise<void> {
  const twin = `${name.slice(0, -from.length)}${to}`;
  if (!byName.has(twin)) throw invalid(source, `${name} stands alone: ${twin} is missing`);
}

/**
 * Fields one after another, little-endian: the number of entries; of each the length of its name, the name, its
 * chunks, the number of its values, and these; at the end, perhaps, the chunks and the text's path with its length.
 */
async function readLegacy(source: ByteSource, signal: AbortSignal | undefined): Promise<Imatrix> {
  const bytes = await source.read(0, source.byteLength, signal);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const take = (count: number, what: string): number => {
    if (count < 0 || count > bytes.length - at) {
      throw invalid(source, `byte ${at}: ${what} takes ${count} bytes, ${bytes.length - at} are left`);
    }
    at += count;
    return at - count;
  };
  const int = (what: string): number => view.getInt32(take(4, what), true);
  const text = (what: string): string => {
    const length = int(`the length of ${what}`);
    const start = take(length, what);
    return new TextDecoder().decode(bytes.subarray(start, start + length));
  };
  const count = int('the number of entries');
  const entries: ImatrixEntry[] = [];
  for (let index = 0; index < count; index++) {
    const name = text(`the name of entry ${index + 1}`);
    const chunks = int(`the chunks of ${name}`);
    const values = int(`the number of values of ${name}`);
    const start = take(values * 4, `the values of ${name}`);
    const sums = Float32Array.from({ length: values }, (_, value) =>
      view.getFloat32(start + value * 4, true),
    );
    entries.push(checked(source, { name, sums, counts: Float32Array.of(chunks) }));
  }
  if (entries.length === 0)
    throw invalid(source, 'it is no importance matrix: neither GGUF nor the format before');
  const chunks = at === bytes.length ? 0 : int('the number of chunks');
  const datasets = at === bytes.length ? [] : [text('the path of the text')];
  return { datasets, chunks, chunkSize: 0, entries, isLegacy: true };
}

function checked(source: ByteSource, entry: ImatrixEntry): ImatrixEntry {
  const { name, sums, counts } = entry;
  if (counts.length === 0 || sums.length === 0 || sums.length % counts.length !== 0) {
    throw invalid(source, `${name}: ${sums.length} sums for ${counts.length} matrices`);
  }
  if (!sums.every(Number.isFinite) || !counts.every(Number.isFinite)) {
    throw invalid(source, `${name} holds a value that is not finite`);
  }
  return entry;
}

/** What llama_model_quantize takes for each weight: mean squared inputs; 1 for experts without data (as llama-quantize does). */
export function importanceOf({ entries, isLegacy }: Imatrix): { name: string; values: Float32Array }[] {
  return entries.map(({ name, sums, counts }) => {
    const columns = sums.length / counts.length;
    const values = sums.map((sum, index) => {
      const count = counts[Math.floor(index / columns)] ?? 0;
      if (count > 0) return sum / count;
      return isLegacy ? sum : 1;
    });
    return { name, values };
  });
}

/** The first matrix of a model whose size is not that of its entry: the file is another model's. */
export function misfitOf(
  entries: readonly Pick<ImatrixEntry, 'name' | 'sums'>[],
  tensors: readonly Pick<TensorInfo, 'name' | 'shape'>[],
): { readonly name: string; readonly got: number; readonly expected: number } | undefined {
  const known = new Map(entries.map(({ name, sums }) => [name, sums.length]));
  for (const {
    name,
    shape: [columns = 1, , matrices = 1],
  } of tensors) {
    const got = known.get(name);
    // llama.cpp quantizes an embedding without its importance where that does not fit (llama-quant.cpp).
    if (got === undefined || name.endsWith('token_embd.weight')) continue;
    if (got !== columns * matrices) return { name, got, expected: columns * matrices };
  }
  return undefined;
}

/** Matrices of a model's layers that an importance matrix says nothing of. */
export function matricesWithout(
  entries: readonly Pick<ImatrixEntry, 'name'>[],
  tensors: readonly Pick<TensorInfo, 'name' | 'shape'>[],
): string[] {
  const known = new Set(entries.map(({ name }) => name));
  return tensors
    .filter(({ name, shape }) => name.startsWith('blk.') && name.endsWith('.weight') && shape.length > 1)
    .map(({ name }) => name)
    .filter((name) => !known.has(name));
}

/** The file as llama-imatrix writes it (tools/imatrix/imatrix.cpp, save_imatrix): entries sorted by name. */
export function writeImatrix({
  datasets,
  chunks,
  chunkSize,
  entries,
}: Omit<Imatrix, 'isLegacy'>): Iterable<Uint8Array> {
  const byName = [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
  const bytes = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return writeModel({
    metadata: [
      ['general.type', { type: 'string', value: 'imatrix' }],
      ['imatrix.datasets', { type: 'array', elementType: 'string', values: datasets }],
      ['imatrix.chunk_count', { type: 'uint32', value: chunks }],
      ['imatrix.chunk_size', { type: 'uint32', value: chunkSize }],
    ],
    tensors: byName.flatMap(({ name, sums, counts }): WritableTensor[] => [
      {
        name: `${name}${SUMS}`,
        type: 'F32',
        shape: shapeOf(sums.length / counts.length, counts.length),
        data: bytes(sums),
      },
      { name: `${name}${COUNTS}`, type: 'F32', shape: shapeOf(1, counts.length), data: bytes(counts) },
    ]),
  });
}

/** Without a last dimension of 1, as ggml writes shapes. */
function shapeOf(columns: number, matrices: number): number[] {
  return matrices === 1 ? [columns] : [columns, matrices];
}

function invalid({ name }: ByteSource, fault: string): QuantscopeError {
  return new QuantscopeError('imatrix/invalid', `${name}: ${fault}`, {
    hint: 'Make one with quantscope imatrix MODEL --text FILE.',
  });
}
