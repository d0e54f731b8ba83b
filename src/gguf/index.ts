export { type Dequantizer, dequantize, dequantizerOf } from './dequantize.ts';
export { GgufError, isGgufError } from './errors.ts';
export {
  chatTemplate,
  type ImatrixFacts,
  type ModelFacts,
  modelFacts,
  parameterCount,
} from './facts.ts';
export { type FileIdentity, type FileKind, fileIdentity, isCompanion } from './file-identity.ts';
export { type FileType, fileTypeById, fileTypeByLabel, labelInFileName } from './file-types.ts';
export type {
  ArrayView,
  ByteExtent,
  GgufHeader,
  MetadataValue,
  ParsedHeader,
  Scalar,
  ScalarType,
  Sections,
  TensorInfo,
} from './header.ts';
export { DEFAULT_LIMITS, type HeaderScan, type ParseLimits } from './header-parser.ts';
export { END_OF_GENERATION } from './known-tokens.ts';
export {
  getArray,
  getBoolean,
  getNumber,
  getNumbers,
  getString,
  getStrings,
  type HasMetadata,
  narrow,
} from './metadata.ts';
export { type ParseOptions, parseHeader, scanHeader } from './parse.ts';
export {
  type LayerMix,
  layerMixes,
  type Quantization,
  quantizationOf,
  type RoleShare,
  sharesByRole,
  sharesByType,
  type TypeShare,
} from './quantization.ts';
export { type QuantizationLabel, quantizationLabel } from './quantization-label.ts';
export { type ReadOptions, readHeader, scanSource } from './read.ts';
export { type RopeFacts, ropeFactorsFor, ropeFacts, unstretchedContext } from './rope.ts';
export {
  mergeShards,
  parseShardName,
  readShards,
  type ShardedHeader,
  type ShardedTensor,
  type ShardName,
  shardIssues,
  shardNames,
} from './shards.ts';
export {
  type SpecialId,
  type SpecialToken,
  type SpecialTokens,
  specialTokens,
  tokensByText,
} from './special-tokens.ts';
export { LENGTH_BYTES, lengthAt } from './string-lengths.ts';
export {
  STRUCTURE_CODES,
  type StructureCode,
  type StructureIssue,
  type StructureSeverity,
} from './structure-codes.ts';
export { placeOfTensor, type TensorPlace } from './tensor-names.ts';
export {
  bitsPerWeightOf,
  bytesForElements,
  isTensorType,
  layoutOf,
  REMOVED_TENSOR_TYPES,
  TENSOR_TYPE_NAMES,
  TENSOR_TYPES,
  type TensorType,
  type TensorTypeLayout,
  tensorTypeById,
} from './tensor-types.ts';
export { isUtf8 } from './utf8.ts';
export {
  isNamedPhi3,
  type VocabularyDifference,
  type VocabularyParts,
  vocabularyDifferences,
  vocabularyFingerprint,
  vocabularyParts,
} from './vocabulary.ts';
export {
  tensorBytes,
  type WritableModel,
  type WritableTensor,
  type WritableValue,
  writeHeader,
  writeModel,
  writeModelBytes,
} from './write.ts';
