import type { TensorType } from './tensor-types.ts';

/** The scalar value types of GGUF metadata, by the names of the specification. */
export type ScalarType =
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'uint32'
  | 'int32'
  | 'float32'
  | 'bool'
  | 'string'
  | 'uint64'
  | 'int64'
  | 'float64';

/** One element: 64-bit integers are bigint, the other numbers number. */
export type Scalar = number | bigint | boolean | string;

/**
 * An array of the metadata, as a view over the header's bytes: nothing is decoded until asked for, so a
 * vocabulary of 128k tokens costs nothing to step over.
 */
export interface ArrayView {
  readonly elementType: ScalarType;
  readonly length: number;
  /** @throws RangeError when `index` is outside 0 .. length-1 */
  at(index: number): Scalar;
  slice(start: number, end: number): Scalar[];
  toArray(): Scalar[];
}

export type MetadataValue =
  | { readonly type: Exclude<ScalarType, 'uint64' | 'int64' | 'bool' | 'string'>; readonly value: number }
  | { readonly type: 'uint64' | 'int64'; readonly value: bigint }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'array'; readonly value: ArrayView };

/** Where a tensor is and what it holds. */
export interface TensorInfo {
  readonly name: string;
  readonly type: TensorType;
  /** `ne` in ggml's order, fastest dimension first: [columns, rows, ...]. */
  readonly shape: readonly number[];
  /** From the start of the data section, as written in the file. */
  readonly offset: number;
  /** Bytes of its data, without padding. */
  readonly sizeBytes: number;
  /** Product of the shape. */
  readonly elements: number;
}

/** All that stands before the data section of one GGUF file. */
export interface GgufHeader {
  readonly version: 2 | 3;
  readonly alignment: number;
  /** Where the data section begins, in bytes from the start of the file. */
  readonly dataOffset: number;
  /** A Map, so that a key named `__proto__` is a key like any other. In the file's order. */
  readonly metadata: ReadonlyMap<string, MetadataValue>;
  readonly tensors: readonly TensorInfo[];
}
