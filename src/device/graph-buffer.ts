/** A tensor of a graph, as far as its place in memory goes. */
export interface GraphTensor {
  readonly bytes: number;
  readonly sources: readonly GraphTensor[];
  /** The tensor that this one shows a part of. */
  readonly viewOf: GraphTensor | null;
  /** Its operation may write over a source of the same layout. */
  readonly inPlace: boolean;
  /** Placed before all others, and held until its last use; for ever where nothing uses it. */
  readonly isInput: boolean;
  readonly isOutput: boolean;
}

interface Place {
  children: number;
  views: number;
  isHeld: boolean;
  offset: number;
}

interface FreeBlock {
  offset: number;
  bytes: number;
}

/** Of CPU buffers (TENSOR_ALIGNMENT, ggml-cpu). */
const ALIGNMENT = 32;

/** Bytes of an element. */
export const F32 = 4;
export const F16 = 2;
export const I32 = 4;
export const I64 = 8;
const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/**
 * A graph, and the bytes of the buffer that ggml's allocator (ggml-alloc.c) makes for it: inputs are placed first, every
 * other tensor in the smallest gap that is large enough or behind all others; it is freed after its last use, and
 * operations that can write over their input do. A tensor is evaluated when one that is made of it is added.
 */
export class GraphSketch {
  readonly #inputs: GraphTensor[] = [];
  readonly #nodes: GraphTensor[] = [];
  readonly #added = new Set<GraphTensor>();

  input(bytes: number): GraphTensor {
    return { ...sketched(bytes, []), isInput: true };
  }

  /**
   * @param bytes 0 for what is written into a cache
   * @param sources in the operation's order, without weights and caches, which have memory of their own
   */
  node(
    bytes: number,
    sources: readonly GraphTensor[],
    how: Partial<Pick<GraphTensor, 'inPlace' | 'isOutput'>> = {},
  ): GraphTensor {
    return { ...sketched(bytes, sources), ...how };
  }

  /** @param sources of what is written into the tensor that is shown */
  view(of: GraphTensor, bytes = of.bytes, sources: readonly GraphTensor[] = [of]): GraphTensor {
    return { ...sketched(bytes, sources), viewOf: of.viewOf ?? of };
  }

  /** Adds a tensor behind all that it is made of and that is not there yet (ggml_build_forward_expand). */
  add(tensor: GraphTensor): GraphTensor {
    const open = [tensor];
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const missing = top.sources.find((source) => !this.#added.has(source));
      if (missing !== undefined && !this.#added.has(top)) {
        open.push(missing);
        continue;
      }
      open.pop();
      if (this.#added.has(top)) continue;
      this.#added.add(top);
      (top.isInput ? this.#inputs : this.#nodes).push(top);
    }
    return tensor;
  }

  bufferBytes(): number {
    return new Allocation(this.#inputs, this.#nodes).bytes;
  }
}

function sketched(bytes: number, sources: readonly GraphTensor[]): GraphTensor {
  return { bytes, sources, viewOf: null, inPlace: false, isInput: false, isOutput: false };
}

/** One run of ggml_gallocr_alloc_graph_impl. */
class Allocation {
  bytes = 0;
  readonly #places = new Map<GraphTensor, Place>();
  /** By offset; the last has no end. */
  readonly #free: FreeBlock[] = [{ offset: 0, bytes: Number.POSITIVE_INFINITY }];

  constructor(inputs: readonly GraphTensor[], nodes: readonly GraphTensor[]) {
    for (const tensor of [...inputs, ...nodes])
      this.#places.set(tensor, { children: 0, views: 0, isHeld: false, offset: 0 });
    for (const input of inputs) this.#place(input);
    for (const node of nodes) {
      if (node.viewOf !== null) this.#at(node.viewOf).views += 1;
      for (const source of node.sources) this.#at(source).children += 1;
    }
    for (const node of nodes) {
      if (node.viewOf === null && node.bytes > 0) this.#place(node);
      for (const source of node.sources) this.#release(source);
    }
  }

  #at(tensor: GraphTensor): Place {
    const place = this.#places.get(tensor);
    if (place === undefined) throw new RangeError('a tensor of another graph');
    return place;
  }

  #place(tensor: GraphTensor): void {
    const place = this.#at(tensor);
    place.isHeld = true;
    const taken = tensor.inPlace ? tensor.sources.find((source) => this.#canTake(source, tensor)) : undefined;
    if (taken === undefined) {
      place.offset = this.#take(aligned(tensor.bytes));
      return;
    }
    const before = this.#at(taken);
    place.offset = before.offset;
    before.isHeld = false;
  }

  /** Whether nothing else reads what a tensor would be written over. A view is no memory to take. */
  #canTake(source: GraphTensor, { bytes }: GraphTensor): boolean {
    const { children, views, isHeld } = this.#at(source);
    return isHeld && source.bytes === bytes && children === 1 && views === 0 && !source.isOutput;
  }

  /** One reader less; the memory is free after the last. */
  #release(source: GraphTensor): void {
    const place = this.#at(source);
    place.children -= 1;
    if (place.children > 0 || place.views > 0) return;
    const owner = source.viewOf ?? source;
    const held = this.#at(owner);
    if (source.viewOf !== null) held.views -= 1;
    if (held.views > 0 || held.children > 0 || !held.isHeld || owner.isOutput) return;
    held.isHeld = false;
    this.#give(held.offset, aligned(owner.bytes));
  }

  #take(bytes: number): number {
    let best = this.#free.length - 1;
    for (let index = best - 1, least = Number.POSITIVE_INFINITY; index >= 0; index--) {
      const size = this.#free[index]?.bytes ?? 0;
      if (size < bytes || size >= least) continue;
      [best, least] = [index, size];
    }
    const block = this.#free[best];
    if (block === undefined) throw new RangeError('no block without an end');
    const { offset } = block;
    block.offset += bytes;
    block.bytes -= bytes;
    if (block.bytes === 0) this.#free.splice(best, 1);
    this.bytes = Math.max(this.bytes, offset + bytes);
    return offset;
  }

  #give(offset: number, bytes: number): void {
    const found = this.#free.findIndex((block) => block.offset > offset);
    const [before, after] = [this.#free[found - 1], this.#free[found]];
    if (after === undefined) return;
    const joinsBefore = before !== undefined && before.offset + before.bytes === offset;
    const joinsAfter = offset + bytes === after.offset;
    if (joinsBefore) {
      before.bytes += bytes + (joinsAfter ? after.bytes : 0);
      if (joinsAfter) this.#free.splice(found, 1);
    } else if (joinsAfter) {
      after.offset = offset;
      after.bytes += bytes;
    } else this.#free.splice(found, 0, { offset, bytes });
  }
}
