/** Numbers from 0 to 2^32 - 1 that repeat for a seed (mulberry32, public domain). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** Values that break readers: counts at the edges of their types, and the first bytes of other fields. */
const EDGES = [0, 1, 2, 7, 8, 9, 12, 13, 31, 32, 63, 64, 127, 128, 255] as const;
const EDGES_64 = [
  0n,
  1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n,
  2n ** 62n,
  2n ** 63n,
  2n ** 64n - 1n,
] as const;

/**
 * A copy of a file with one to four faults: a byte or a 64-bit field replaced, a bit flipped, a stretch
 * removed, doubled or overwritten, the end cut off.
 */
export function mutate(original: Uint8Array, random: () => number): Uint8Array {
  let bytes = original.slice();
  for (let left = 1 + (random() % 4); left > 0 && bytes.length > 0; left--) bytes = mutateOnce(bytes, random);
  return bytes;
}

function mutateOnce(bytes: Uint8Array<ArrayBuffer>, random: () => number): Uint8Array<ArrayBuffer> {
  const position = random() % bytes.length;
  const length = 1 + (random() % Math.min(64, bytes.length - position));
  switch (random() % 8) {
    case 0:
      bytes[position] = random();
      return bytes;
    case 1:
      bytes[position] = (bytes[position] ?? 0) ^ (1 << (random() % 8));
      return bytes;
    case 2:
      bytes[position] = EDGES[random() % EDGES.length] ?? 0;
      return bytes;
    case 3: {
      if (position + 8 > bytes.length) return bytes;
      new DataView(bytes.buffer).setBigUint64(position, EDGES_64[random() % EDGES_64.length] ?? 0n, true);
      return bytes;
    }
    case 4:
      return bytes.slice(0, position);
    case 5:
      return concatenate(bytes.subarray(0, position), bytes.subarray(position + length));
    case 6:
      return concatenate(bytes.subarray(0, position + length), bytes.subarray(position));
    default:
      bytes.copyWithin(random() % bytes.length, position, position + length);
      return bytes;
  }
}

function concatenate(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
