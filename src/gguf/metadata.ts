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

/** More layers than any model has: what a file says of its layers is read up to here, whatever it counts. */
export const MOST_LAYERS = 4096;

/**
 * Numbers of an array, or the one number of a scalar: per-layer values are written either way
 * (`attention.head_count_kv`). 64-bit elements that do not fit, and other types, yield undefined.
 * @param most elements that are read of an array; its length is the file's to choose
 */
export function getNumbers(
  header: HasMetadata,
  key: string,
  most: number = MOST_LAYERS,
): readonly number[] | undefined {
  const value = header.metadata.get(key);
  if (value === undefined) return undefined;
  if (value.type !== 'array') {
    const single = numberOf(value);
    return single === undefined ? undefined : [single];
  }
  const numbers: number[] = [];
  for (const element of value.value.slice(0, most)) {
    const narrowed = typeof element === 'bigint' ? narrow(element) : element;
    if (typeof narrowed !== 'number') return undefined;
    numbers.push(narrowed);
  }
  return numbers;
}

/** Lists of tags, languages and data sets have some dozen short texts. */
const MOST_TEXTS = 256;
const MOST_TEXT_BYTES = 4 * 1024 * 1024;

/**
 * Texts of an array of strings, the first 256 and at most 4 MiB of them; undefined where the key is absent or
 * holds something else.
 */
export function getStrings(header: HasMetadata, key: string): readonly string[] | undefined {
  const array = getArray(header, key);
  if (array === undefined || array.elementType !== 'string') return undefined;
  const texts: string[] = [];
  let bytes = 0;
  for (let index = 0; index < Math.min(array.length, MOST_TEXTS); index++) {
    bytes += array.bytesAt(index).length;
    if (bytes > MOST_TEXT_BYTES) break;
    texts.push(String(array.at(index)));
  }
  return texts;
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
