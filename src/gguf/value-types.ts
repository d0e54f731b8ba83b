import type { Scalar, ScalarType } from './header.ts';

/** The id that stands for an array in a file. */
export const ARRAY_TYPE_ID = 9;

type FixedType = Exclude<ScalarType, 'string'>;

/**
 * The scalar value types but for strings, which have no fixed size: the id in a file (`enum gguf_type`), the fields of a
 * DataView that read and write one value, and the array that holds several. A bool is a byte.
 */
const FIXED = {
  uint8: { id: 0, field: 'Uint8', array: Uint8Array },
  int8: { id: 1, field: 'Int8', array: Int8Array },
  uint16: { id: 2, field: 'Uint16', array: Uint16Array },
  int16: { id: 3, field: 'Int16', array: Int16Array },
  uint32: { id: 4, field: 'Uint32', array: Uint32Array },
  int32: { id: 5, field: 'Int32', array: Int32Array },
  float32: { id: 6, field: 'Float32', array: Float32Array },
  bool: { id: 7, field: 'Uint8', array: Uint8Array },
  uint64: { id: 10, field: 'BigUint64', array: BigUint64Array },
  int64: { id: 11, field: 'BigInt64', array: BigInt64Array },
  float64: { id: 12, field: 'Float64', array: Float64Array },
} as const satisfies Record<FixedType, object>;

const STRING_TYPE_ID = 8;

// The literal has no other keys.
const BY_ID: ReadonlyMap<number, ScalarType> = new Map([
  [STRING_TYPE_ID, 'string'],
  ...(Object.keys(FIXED) as FixedType[]).map((type) => [FIXED[type].id, type] as const),
]);

/** The scalar type of an id, or undefined for an array and for unknown ids. */
export function scalarTypeById(id: number): ScalarType | undefined {
  return BY_ID.get(id);
}

export function idOfScalarType(type: ScalarType): number {
  return type === 'string' ? STRING_TYPE_ID : FIXED[type].id;
}

/** Bytes of one value. */
export function scalarBytes(type: FixedType): number {
  return FIXED[type].array.BYTES_PER_ELEMENT;
}

/** One number or bool at a byte position. */
export function readScalar(view: DataView, type: FixedType, position: number): Scalar {
  // All of them take a byte order; those of one byte have no use for it.
  const get = view[`get${FIXED[type].field}`] as (at: number, isLittleEndian: boolean) => number | bigint;
  const value = get.call(view, position, true);
  return type === 'bool' ? value !== 0 : value;
}

/** Writes one number or bool at the beginning of a view. */
export function writeScalar(view: DataView, type: FixedType, value: Scalar): void {
  const isWide = type === 'uint64' || type === 'int64';
  const set = view[`set${FIXED[type].field}`] as (
    at: number,
    value: unknown,
    isLittleEndian: boolean,
  ) => void;
  set.call(view, 0, isWide ? BigInt(value) : Number(value), true);
}

/** Numbers or bools that stand one after the other: a copy, since elements in a file are not aligned. */
export function readScalars(bytes: Uint8Array, type: FixedType): Scalar[] {
  const typed = new FIXED[type].array(new Uint8Array(bytes).buffer);
  // Array.from takes the iterator's way, five times as long.
  const values = new Array<Scalar>(typed.length);
  for (let index = 0; index < typed.length; index++) values[index] = typed[index] ?? 0;
  return type === 'bool' ? values.map(Boolean) : values;
}
