import { type HeaderScan, layoutOf, type TensorType } from '../gguf/index.ts';
import type { ZeroRun } from './zero-runs.ts';

/** Where one tensor's bytes are: what a content check needs of a header, small enough to send to a worker. */
export interface TensorExtent {
  readonly name: string;
  readonly type: TensorType;
  /** Bytes [start, end) of the file. */
  readonly start: number;
  readonly end: number;
  /** Where its padding ends, which is zero by the specification. */
  readonly paddedEnd: number;
  /** Bytes of one expert’s slice; 0 for a tensor without slices. */
  readonly sliceBytes: number;
}

/** What a pass over one tensor's bytes found. */
export interface TensorContent {
  readonly name: string;
  readonly type: TensorType;
  /** Weights, or block scales, that are not a number. */
  readonly nan: number;
  /** Weights, or block scales, that are infinite. */
  readonly infinite: number;
  /** Where the first of either stands in the file; null where there is none. */
  readonly firstBadOffset: number | null;
  /** Weights near the largest that their type can hold. */
  readonly huge: number;
  readonly firstHugeOffset: number | null;
  /** Every byte of it is zero. */
  readonly allZero: boolean;
  /** The longest run of zero pages in it; null where there is none. */
  readonly zeroRun: ZeroRun | null;
  /** Slices of experts, from 0, of which every byte is zero. */
  readonly zeroSlices: readonly number[];
  /** Where the first byte of its padding stands that is not zero; null where there is none. */
  readonly paddingOffset: number | null;
  /** Of its bytes, in lower-case hexadecimal; null where it was not asked for. */
  readonly sha256: string | null;
}

/** What a pass over one file found. */
export interface ContentReport {
  /** Of the whole file, in lower-case hexadecimal; null where it was not asked for. */
  readonly sha256: string | null;
  /** In the file's order; empty where the header does not say reliably where the tensors are. */
  readonly tensors: readonly TensorContent[];
}

/** What the content check has to look at; empty where the header's faults leave in doubt where the tensors are. */
export function tensorExtents({ header, issues }: HeaderScan): TensorExtent[] {
  if (header === null) return [];
  const inDoubt = issues.some(
    ({ code, severity }) =>
      severity === 'error' && code !== 'data/final-padding-cut' && !code.startsWith('metadata/'),
  );
  if (inDoubt) return [];
  return header.tensors
    .filter(({ sizeBytes }) => sizeBytes > 0)
    .map(({ name, type, shape, offset, sizeBytes }) => {
      const start = header.dataOffset + offset;
      const end = start + sizeBytes;
      const paddedEnd = Math.ceil(end / header.alignment) * header.alignment;
      const slices = shape[2] ?? 1;
      return { name, type, start, end, paddedEnd, sliceBytes: slices > 1 ? sizeBytes / slices : 0 };
    })
    .sort((a, b) => a.start - b.start);
}

/** Whether a type keeps its weights as floats, one by one; the others keep blocks with scales. */
export function isFloatType(type: TensorType): boolean {
  return layoutOf(type).blockElements === 1 && !type.startsWith('I');
}
