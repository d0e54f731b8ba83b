/** How bad a structural fault is: an error makes the file unusable, a warning makes it doubtful. */
export type StructureSeverity = 'error' | 'warning';

interface StructureRule {
  readonly severity: StructureSeverity;
  /** One line: what must hold. Where llama.cpp requires it is in the validator's texts (`checkedBy`). */
  readonly reason: string;
}

/**
 * Every structural fault that the reader knows, by its stable code. `readHeader` throws the first error;
 * `scanHeader` reports all of them; the validator uses the codes as rule ids.
 */
export const STRUCTURE_CODES = {
  'header/empty': { severity: 'error', reason: 'A file has at least its 24 fixed bytes.' },
  'header/magic': { severity: 'error', reason: 'A file begins with the bytes GGUF.' },
  'header/big-endian': {
    severity: 'error',
    reason: 'Big-endian files exist (s390x); no little-endian reader loads them.',
  },
  'header/version': {
    severity: 'error',
    reason: 'Versions 2 and 3 are read; 1 had 32-bit counts.',
  },
  'header/truncated': { severity: 'error', reason: 'Every field of the header lies inside the file.' },
  'header/too-large': {
    severity: 'error',
    reason: 'A header past the limit is refused before memory is given to it.',
  },
  'header/metadata-count': {
    severity: 'error',
    reason: 'A key-value pair takes at least 14 bytes, so its count fits the bytes that remain.',
  },
  'header/tensor-count': {
    severity: 'error',
    reason: 'A tensor info takes at least 24 bytes, so its count fits the bytes that remain.',
  },
  'metadata/key-empty': { severity: 'error', reason: 'A key has at least one character.' },
  'metadata/key-duplicate': { severity: 'error', reason: 'A key occurs once.' },
  'metadata/key-nul': {
    severity: 'error',
    reason: 'A key has no NUL: C readers would see a shorter key, perhaps another one.',
  },
  'metadata/key-utf8': {
    severity: 'error',
    reason: 'A key is valid UTF-8 (the specification asks for ASCII).',
  },
  'metadata/key-length': {
    severity: 'warning',
    reason: 'The specification limits a key to 65535 bytes.',
  },
  'metadata/value-type': { severity: 'error', reason: 'A value type is one of 0 to 12.' },
  'metadata/nested-array': { severity: 'error', reason: 'An array does not hold arrays.' },
  'metadata/array-length': {
    severity: 'error',
    reason: 'An array fits the bytes that remain before anything is allocated for it.',
  },
  'metadata/string-length': { severity: 'error', reason: 'A string fits the bytes that remain.' },
  'metadata/string-utf8': { severity: 'warning', reason: 'A string value is valid UTF-8.' },
  'metadata/bool': { severity: 'warning', reason: 'A bool is the byte 0 or 1.' },
  'metadata/alignment-type': { severity: 'error', reason: 'general.alignment is a uint32.' },
  'metadata/alignment-value': { severity: 'error', reason: 'general.alignment is a power of two.' },
  'tensor/name-length': { severity: 'error', reason: 'A tensor name has at most 63 bytes.' },
  'tensor/name-empty': { severity: 'warning', reason: 'A tensor has a name.' },
  'tensor/name-duplicate': { severity: 'error', reason: 'A tensor name occurs once.' },
  'tensor/name-nul': {
    severity: 'error',
    reason: 'A tensor name has no NUL: C readers would see a shorter one.',
  },
  'tensor/name-utf8': { severity: 'error', reason: 'A tensor name is valid UTF-8.' },
  'tensor/dimensions': { severity: 'error', reason: 'A tensor has at most 4 dimensions.' },
  'tensor/scalar': { severity: 'warning', reason: 'A tensor has at least one dimension.' },
  'tensor/dimension-negative': { severity: 'error', reason: 'A dimension is below 2^63.' },
  'tensor/dimension-zero': { severity: 'warning', reason: 'A tensor without elements is legal and useless.' },
  'tensor/element-overflow': {
    severity: 'error',
    reason:
      'The product of the dimensions, computed exactly, is below 2^63 (llama.cpp’s own check misses shapes that wrap).',
  },
  'tensor/size-overflow': {
    severity: 'error',
    reason: 'A tensor and the sum of all tensors are below 2^53 bytes: no file holds more.',
  },
  'tensor/type-removed': { severity: 'error', reason: 'Types 4, 5, 31-33 and 36-38 were removed from ggml.' },
  'tensor/type-unknown': { severity: 'error', reason: 'A tensor type is one that ggml knows.' },
  'tensor/block-size': {
    severity: 'error',
    reason: 'The first dimension is a whole number of the type’s blocks.',
  },
  'tensor/offset': {
    severity: 'error',
    reason: 'Each offset is the padded sum of the tensors before it: aligned, in order, no overlap, no gap.',
  },
  'data/start': { severity: 'error', reason: 'The data section begins inside the file.' },
  'data/truncated': { severity: 'error', reason: 'Every tensor’s bytes lie inside the file.' },
  'data/final-padding': {
    severity: 'warning',
    reason: 'The last tensor is padded too; some writers leave that out, and llama.cpp loads their files.',
  },
  'data/final-padding-cut': {
    severity: 'error',
    reason:
      'Padding that begins and does not end: the file was cut there, and gguf_init with data refuses it.',
  },
  'data/trailing': { severity: 'warning', reason: 'Nothing follows the last tensor and its padding.' },
  'data/header-padding': { severity: 'warning', reason: 'The bytes between header and data are zero.' },
  'shard/key': {
    severity: 'error',
    reason: 'split.no and split.count are uint16, split.tensors.count is int32.',
  },
  'shard/number': { severity: 'error', reason: 'split.no is the shard’s place, from 0.' },
  'shard/count': { severity: 'error', reason: 'split.count is the number of shards.' },
  'shard/tensor-count': {
    severity: 'error',
    reason: 'split.tensors.count is the number of tensors in all shards together.',
  },
  'shard/tensor-duplicate': { severity: 'error', reason: 'A tensor is in one shard only.' },
  'shard/name': {
    severity: 'error',
    reason: 'A shard’s file name says its place: model-00001-of-00002.gguf.',
  },
} as const satisfies Record<string, StructureRule>;

/** A stable code of a structural fault; also the validator's rule id. */
export type StructureCode = keyof typeof STRUCTURE_CODES;

/** One structural fault of a file, as data. */
export interface StructureIssue {
  readonly code: StructureCode;
  readonly severity: StructureSeverity;
  /** What, where, got and expected: `tensor "a": 3 bytes left, need 8 (byte 1432)`. */
  readonly message: string;
  /** Where in the file the faulty field begins, in bytes. */
  readonly offset: number;
  readonly key?: string;
  readonly tensor?: string;
  /** What would mend it, as a full sentence. */
  readonly hint?: string;
}

/** Severity of a code, from the table above. */
export function severityOf(code: StructureCode): StructureSeverity {
  return STRUCTURE_CODES[code].severity;
}
