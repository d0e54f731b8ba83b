import type { ArrayView, GgufHeader, MetadataValue } from './header.ts';

/** What the getters need of a header: its metadata, so that a scan without an end serves too. */
export type HasMetadata = Pick<GgufHeader, 'metadata'>;

/** A string value; undefined where the key is absent or of another type. */
export function getString(header: HasMetadata, key: string): string | undefined {
  const value = header.metadata.get(key);
  return value?.type === 'string' ? value.value : undefined;
}

/**
 * A number of any width. 64-bit integers are narrowed: undefined where a number cannot hold one exactly, as
 * where the key is absent or not a number.
 */
export function getNumber(header: HasMetadata, key: string): number | undefined {
  const value = header.metadata.get(key);
  return value === undefined ? undefined : numberOf(value);
}

/** A bool; undefined where the key is absent or of another type. */
export function getBoolean(header: HasMetadata, key: string): boolean | undefined {
  const value = header.metadata.get(key);
  return value?.type === 'bool' ? value.value : undefined;
}

/** An array, as a view; undefined where the key is absent or not an array. */
export function getArray(header: HasMetadata, key: string): ArrayView | undefined {
  const value = header.metadata.get(key);
  return value?.type === 'array' ? value.value : undefined;
}

/**
 * Numbers of an array, or the one number of a scalar: per-layer values are written either way
 * (`attention.head_count_kv`). 64-bit elements that do not fit, and other types, yield undefined.
 */
export function getNumbers(header: HasMetadata, key: string): readonly number[] | undefined {
  const value = header.metadata.get(key);
  if (value === undefined) return undefined;
  if (value.type !== 'array') {
    const single = numberOf(value);
    return single === undefined ? undefined : [single];
  }
  const numbers: number[] = [];
  for (const element of value.value) {
    const narrowed = typeof element === 'bigint' ? narrow(element) : element;
    if (typeof narrowed !== 'number') return undefined;
    numbers.push(narrowed);
  }
  return numbers;
}

/** Texts of an array of strings; undefined where the key is absent or holds something else. */
export function getStrings(header: HasMetadata, key: string): readonly string[] | undefined {
  const array = getArray(header, key);
  if (array === undefined || array.elementType !== 'string') return undefined;
  return array.toArray().filter((element) => typeof element === 'string');
}

/** A bigint as a number, or undefined where a number cannot hold it exactly. */
export function narrow(value: bigint): number | undefined {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}

function numberOf(value: MetadataValue): number | undefined {
  switch (value.type) {
    case 'uint64':
    case 'int64':
      return narrow(value.value);
    case 'bool':
    case 'string':
    case 'array':
      return undefined;
    default:
      return value.value;
  }
}
