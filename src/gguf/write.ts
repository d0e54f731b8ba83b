import { alignUp, DEFAULT_ALIGNMENT } from './data-layout.ts';
import type { Scalar, ScalarType } from './header.ts';
import { layoutOf, TENSOR_TYPES, type TensorType } from './tensor-types.ts';
import { ARRAY_TYPE_ID, idOfScalarType, scalarBytes, writeScalar } from './value-types.ts';

/** A value to write: a scalar of a stated type, or an array of one element type. */
export type WritableValue =
  | { readonly type: ScalarType; readonly value: Scalar }
  | { readonly type: 'array'; readonly elementType: ScalarType; readonly values: Iterable<Scalar> };

/** A tensor to write. Its data may be produced while it is written: pieces of any size, in order. */
export interface WritableTensor {
  readonly name: string;
  readonly type: TensorType;
  /** `ne` in ggml's order: columns first. */
  readonly shape: readonly number[];
  readonly data?: Uint8Array | Iterable<Uint8Array>;
}

export interface WritableModel {
  readonly version?: 2 | 3;
  /** Default: 32. Another one is written as `general.alignment` too, unless the metadata already say it. */
  readonly alignment?: number;
  readonly metadata: Iterable<readonly [key: string, value: WritableValue]>;
  readonly tensors: readonly WritableTensor[];
}

const utf8 = new TextEncoder();

/** Bytes of a tensor's data by its type and shape, without padding. */
export function tensorBytes(tensor: Pick<WritableTensor, 'type' | 'shape'>): number {
  const { blockElements, blockBytes } = layoutOf(tensor.type);
  return (tensor.shape.reduce((product, dimension) => product * dimension, 1) / blockElements) * blockBytes;
}

/**
 * The whole file in pieces: the header with its padding first, then the tensors' data as they produce it.
 * A tensor without data becomes zeros. Nothing is kept, so a file larger than memory can be written.
 * @throws RangeError where a tensor's data is longer or shorter than its shape says
 */
export function* writeModel(model: WritableModel): Generator<Uint8Array, void, undefined> {
  const alignment = model.alignment ?? DEFAULT_ALIGNMENT;
  yield writeHeader(model);
  for (const tensor of model.tensors) {
    const sizeBytes = tensorBytes(tensor);
    let written = 0;
    for (const piece of piecesOf(tensor, sizeBytes)) {
      written += piece.length;
      if (written <= sizeBytes) yield piece;
    }
    if (written !== sizeBytes) {
      throw new RangeError(`tensor "${tensor.name}": ${written} bytes of data, its shape takes ${sizeBytes}`);
    }
    yield new Uint8Array(alignUp(sizeBytes, alignment) - sizeBytes);
  }
}

/** The whole file as one array of bytes. */
export function writeModelBytes(model: WritableModel): Uint8Array {
  return joinPieces([...writeModel(model)]);
}

/** The header alone, with the padding up to the data section where there are tensors. */
export function writeHeader(model: WritableModel): Uint8Array {
  const alignment = model.alignment ?? DEFAULT_ALIGNMENT;
  const metadata = new Map(model.metadata);
  if (alignment !== DEFAULT_ALIGNMENT && !metadata.has('general.alignment')) {
    metadata.set('general.alignment', { type: 'uint32', value: alignment });
  }
  const out = new ByteBuilder();
  out.raw(utf8.encode('GGUF'));
  out.u32(model.version ?? 3);
  out.u64(BigInt(model.tensors.length));
  out.u64(BigInt(metadata.size));
  for (const [key, value] of metadata) {
    out.string(key);
    writeValue(out, value);
  }
  let offset = 0;
  for (const tensor of model.tensors) {
    out.string(tensor.name);
    out.u32(tensor.shape.length);
    for (const dimension of tensor.shape) out.u64(BigInt(dimension));
    out.u32(TENSOR_TYPES[tensor.type].id);
    out.u64(BigInt(offset));
    offset = alignUp(offset + tensorBytes(tensor), alignment);
  }
  if (model.tensors.length > 0) out.zeros(alignUp(out.length, alignment) - out.length);
  return out.bytes();
}

function* piecesOf(tensor: WritableTensor, sizeBytes: number): Iterable<Uint8Array> {
  if (tensor.data === undefined) yield* zeroPieces(sizeBytes);
  else if (tensor.data instanceof Uint8Array) yield tensor.data;
  else yield* tensor.data;
}

const ZERO_PIECE_BYTES = 2 ** 20;

function* zeroPieces(sizeBytes: number): Iterable<Uint8Array> {
  for (let left = sizeBytes; left > 0; left -= ZERO_PIECE_BYTES) {
    yield new Uint8Array(Math.min(left, ZERO_PIECE_BYTES));
  }
}

function writeValue(out: ByteBuilder, value: WritableValue): void {
  if (value.type !== 'array') {
    out.u32(idOfScalarType(value.type));
    writeElement(out, value.type, value.value);
    return;
  }
  const values = [...value.values];
  out.u32(ARRAY_TYPE_ID);
  out.u32(idOfScalarType(value.elementType));
  out.u64(BigInt(values.length));
  for (const element of values) writeElement(out, value.elementType, element);
}

function writeElement(out: ByteBuilder, type: ScalarType, value: Scalar): void {
  if (type === 'string') out.string(String(value));
  else writeScalar(out.reserve(scalarBytes(type)), type, value);
}

/** Bytes that grow at their end. */
class ByteBuilder {
  length = 0;
  #buffer = new Uint8Array(4096);

  bytes(): Uint8Array {
    return this.#buffer.slice(0, this.length);
  }

  /** Room for `count` more bytes, to be filled by the caller before the next call. */
  reserve(count: number): DataView {
    const end = this.length + count;
    if (end > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(end, this.#buffer.length * 2));
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    const view = new DataView(this.#buffer.buffer, this.length, count);
    this.length = end;
    return view;
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.#buffer.set(bytes, this.length - bytes.length);
  }

  zeros(count: number): void {
    this.reserve(count);
  }

  u32(value: number): void {
    this.reserve(4).setUint32(0, value, true);
  }

  u64(value: bigint): void {
    this.reserve(8).setBigUint64(0, value, true);
  }

  string(text: string): void {
    const bytes = utf8.encode(text);
    this.u64(BigInt(bytes.length));
    this.raw(bytes);
  }
}

function joinPieces(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let position = 0;
  for (const piece of pieces) {
    joined.set(piece, position);
    position += piece.length;
  }
  return joined;
}
