/** Bytes [start, end) of a file. */
export type ByteRange = readonly [start: number, end: number];

/** A set of bytes of a file, kept as disjoint ranges in order. */
export class RangeSet {
  #ranges: ByteRange[] = [];

  constructor(ranges: Iterable<ByteRange> = []) {
    for (const [start, end] of ranges) this.add(start, end);
  }

  get ranges(): readonly ByteRange[] {
    return this.#ranges;
  }

  get bytes(): number {
    return this.#ranges.reduce((sum, [start, end]) => sum + end - start, 0);
  }

  add(start: number, end: number): void {
    if (end <= start) return;
    const before = this.#ranges.filter((range) => range[1] < start);
    const after = this.#ranges.filter((range) => range[0] > end);
    const touching = this.#ranges.slice(before.length, this.#ranges.length - after.length);
    const from = Math.min(start, touching[0]?.[0] ?? start);
    const to = Math.max(end, touching.at(-1)?.[1] ?? end);
    this.#ranges = [...before, [from, to], ...after];
  }

  clear(): void {
    this.#ranges = [];
  }

  /** How far the set reaches from a position on without a gap; the position itself where it is not in the set. */
  reachFrom(position: number): number {
    return this.#ranges.find(([start, end]) => start <= position && position < end)?.[1] ?? position;
  }

  /** What of [0, length) is not in the set, in order. */
  gaps(length: number): ByteRange[] {
    const gaps: ByteRange[] = [];
    let position = 0;
    for (const [start, end] of this.#ranges) {
      if (start > position) gaps.push([position, start]);
      position = Math.max(position, end);
    }
    if (position < length) gaps.push([position, length]);
    return gaps;
  }
}

/** A range that one connection works on. Its end may be moved nearer while it does. */
export interface Claim {
  position: number;
  end: number;
}

/** Less than this is not worth a request of its own. */
const LEAST_CLAIM_BYTES = 1024 * 1024;

/** Hands out the missing ranges of a file, the first ones first, so that hashing follows close behind. */
export class RangeQueue {
  #free: ByteRange[];
  readonly #claims = new Set<Claim>();

  constructor(gaps: readonly ByteRange[]) {
    this.#free = [...gaps];
  }

  /** At most so many bytes of what is missing; where nothing is free, half of the largest claim of another. */
  claim(mostBytes: number): Claim | undefined {
    const first = this.#free.shift();
    let claim: Claim | undefined;
    if (first !== undefined) {
      const [start, end] = first;
      const to = Math.min(end, start + Math.max(1, mostBytes));
      if (to < end) this.#free.unshift([to, end]);
      claim = { position: start, end: to };
    } else {
      claim = this.#halfOfLargest();
    }
    if (claim !== undefined) this.#claims.add(claim);
    return claim;
  }

  /** Ends a claim; what is left of it is free again. */
  release(claim: Claim): void {
    if (!this.#claims.delete(claim)) return;
    if (claim.position < claim.end) this.#giveBack([claim.position, claim.end]);
  }

  /** Leaves each claim at most so many bytes, and frees the rest: for connections that are about to join in. */
  shorten(mostBytes: number): void {
    for (const claim of this.#claims) {
      const end = claim.position + mostBytes;
      if (end >= claim.end) continue;
      this.#giveBack([end, claim.end]);
      claim.end = end;
    }
  }

  #halfOfLargest(): Claim | undefined {
    let largest: Claim | undefined;
    for (const claim of this.#claims) {
      if (largest === undefined || claim.end - claim.position > largest.end - largest.position)
        largest = claim;
    }
    if (largest === undefined || largest.end - largest.position < 2 * LEAST_CLAIM_BYTES) return undefined;
    const middle = Math.ceil((largest.position + largest.end) / 2);
    const half = { position: middle, end: largest.end };
    largest.end = middle;
    return half;
  }

  #giveBack(range: ByteRange): void {
    this.#free.push(range);
    this.#free.sort((a, b) => a[0] - b[0]);
  }
}
