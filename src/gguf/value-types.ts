import type { ScalarType } from './header.ts';

/** The id that stands for an array in a file. */
export const ARRAY_TYPE_ID = 9;

/** Scalar value types by their ids in a file (`enum gguf_type`); 9 is the array. */
const SCALAR_TYPES: readonly (ScalarType | undefined)[] = [
  'uint8',
  'int8',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'float32',
  'bool',
  'string',
  undefined,
  'uint64',
  'int64',
  'float64',
];

/** Bytes of one value; a string has no fixed size. */
export const SCALAR_BYTES = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  bool: 1,
  uint64: 8,
  int64: 8,
  float64: 8,
} as const satisfies Record<Exclude<ScalarType, 'string'>, number>;

/** The scalar type of an id, or undefined for an array and for unknown ids. */
export function scalarTypeById(id: number): ScalarType | undefined {
  return SCALAR_TYPES[id];
}

/** The id a scalar type is written as. */
export function idOfScalarType(type: ScalarType): number {
  return SCALAR_TYPES.indexOf(type);
}
