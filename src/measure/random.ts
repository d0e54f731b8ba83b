/**
 * Uniform token ids from a 32-bit seed (mulberry32, Tommy Ettinger 2017, public domain; full period of 2^32), so that
 * two runs with the same seed evaluate the same tokens.
 * @param count how many ids
 * @param vocabularySize ids are drawn from 0 .. vocabularySize - 1
 */
export function randomTokens(count: number, vocabularySize: number, seed: number): Uint32Array {
  const random = seededRandom(seed);
  return Uint32Array.from({ length: count }, () => Math.floor(random() * vocabularySize));
}

/** Uniform numbers from 0 to 1, 1 left out, the same for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The same things in an order drawn by lot (Fisher and Yates), the same for the same seed. */
export function shuffled<Each>(things: readonly Each[], seed: number): Each[] {
  const random = seededRandom(seed);
  const drawn = [...things];
  for (let last = drawn.length - 1; last > 0; last--) {
    const at = Math.floor(random() * (last + 1));
    const [taken] = drawn.splice(at, 1, ...drawn.slice(last, last + 1));
    if (taken !== undefined) drawn[last] = taken;
  }
  return drawn;
}
