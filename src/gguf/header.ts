import type { StructureIssue } from './structure-codes.ts';
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
 * vocabulary of 128k tokens costs nothing to step over. Of a large header in a local file the bytes are not kept
 * either: whatever first asks for elements reads them from the file, which may throw QuantscopeError (`io/changed`,
 * `io/not-found`, `io/read-failed`).
 */
export interface ArrayView extends Iterable<Scalar> {
  readonly elementType: ScalarType;
  readonly length: number;
  /** The elements as they stand in the file, strings with their length prefixes. */
  readonly encoded: Uint8Array;
  /** The same bytes by pieces of half a mebibyte, the last one shorter: of an array of any size none is kept. */
  readonly pieces: () => Iterable<Uint8Array>;
  /** @throws RangeError when `index` is outside 0 .. length-1 */
  at(index: number): Scalar;
  /** One element's bytes, without a string's length prefix. Not a copy. @throws RangeError like `at` */
  bytesAt(index: number): Uint8Array;
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

/** Bytes [start, end) of a file. */
export interface ByteExtent {
  readonly start: number;
  readonly end: number;
}

/** The four sections of a file, in its order; padding lies between `tensorInfos` and `data`. */
export interface Sections {
  /** Magic, version and the two counts. */
  readonly fixed: ByteExtent;
  readonly metadata: ByteExtent;
  readonly tensorInfos: ByteExtent;
  /** From the data offset to the end of the file. */
  readonly data: ByteExtent;
}

/** A header as the reader returns it: with where its parts stand and what is doubtful about them. */
export interface ParsedHeader extends GgufHeader {
  /** The whole file's length. */
  readonly fileBytes: number;
  readonly sections: Sections;
  /** Where each key begins in the file. */
  readonly keyOffsets: ReadonlyMap<string, number>;
  /** What is doubtful or, from a lenient scan, wrong. In the file's order. */
  readonly issues: readonly StructureIssue[];
}
