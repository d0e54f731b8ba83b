/** How bad a structural fault is: an error makes the file unusable, a warning makes it doubtful. */
export type StructureSeverity = 'error' | 'warning';

/**
 * Every structural fault that the reader knows, by its stable code, and how bad it is. `readHeader` throws the first
 * error; `scanHeader` reports all of them; the validator has the codes as rule ids, and data/rules.json says of each
 * what must hold and where llama.cpp requires it.
 */
export const STRUCTURE_CODES = {
  'header/empty': 'error',
  'header/magic': 'error',
  'header/big-endian': 'error',
  'header/version': 'error',
  'header/truncated': 'error',
  'header/too-large': 'error',
  'header/metadata-count': 'error',
  'header/tensor-count': 'error',
  'metadata/key-empty': 'error',
  'metadata/key-duplicate': 'error',
  'metadata/key-nul': 'error',
  'metadata/key-utf8': 'error',
  'metadata/key-length': 'warning',
  'metadata/value-type': 'error',
  'metadata/nested-array': 'error',
  'metadata/array-length': 'error',
  'metadata/string-length': 'error',
  'metadata/string-utf8': 'warning',
  'metadata/bool': 'warning',
  'metadata/alignment-type': 'error',
  'metadata/alignment-value': 'error',
  'tensor/name-length': 'error',
  'tensor/name-empty': 'warning',
  'tensor/name-duplicate': 'error',
  'tensor/name-nul': 'error',
  'tensor/name-utf8': 'error',
  'tensor/dimensions': 'error',
  'tensor/scalar': 'warning',
  'tensor/dimension-negative': 'error',
  'tensor/dimension-zero': 'warning',
  'tensor/element-overflow': 'error',
  'tensor/size-overflow': 'error',
  'tensor/type-removed': 'error',
  'tensor/type-unknown': 'error',
  'tensor/block-size': 'error',
  'tensor/offset': 'error',
  'data/start': 'error',
  'data/truncated': 'error',
  'data/final-padding': 'warning',
  'data/final-padding-cut': 'error',
  'data/trailing': 'warning',
  'data/header-padding': 'warning',
  'shard/key': 'error',
  'shard/number': 'error',
  'shard/count': 'error',
  'shard/tensor-count': 'error',
  'shard/tensor-duplicate': 'error',
  'shard/name': 'error',
} as const satisfies Record<string, StructureSeverity>;

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
  return STRUCTURE_CODES[code];
}
