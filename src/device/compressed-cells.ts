import { F32, type GraphTensor, I32, I64 } from './graph-buffer.ts';
import type { GraphPen, Roles } from './graph-pen.ts';

/** Tokens that a cell is made of, and those before them that take part in it too. */
const OVERLAPPING = 4;

/**
 * A cache of cells for several tokens each (models/deepseek4.cpp): keys wait in a state until a cell is full, and are
 * then weighed by scores of their own and put together.
 */
export class CompressedCells {
  readonly #pen: GraphPen;
  readonly #role: string;
  readonly #tokensPerCell: number;
  readonly #length: number;
  readonly #turn: GraphTensor | null;
  /** Cells that a batch may complete. */
  readonly #filled: number;
  readonly #inputs: Readonly<
    Record<'places' | 'reads' | 'writes' | 'positions' | 'kept' | 'keptPlaces', GraphTensor>
  >;

  /** @param turn what is kept in a quantized cache is multiplied with */
  constructor(pen: GraphPen, role: string, tokensPerCell: number, length: number, turn: GraphTensor | null) {
    this.#pen = pen;
    this.#role = role;
    this.#tokensPerCell = tokensPerCell;
    this.#length = length;
    this.#turn = turn;
    const { graph, load } = pen;
    this.#filled = Math.floor(load.tokens / tokensPerCell) + 1;
    this.#inputs = {
      places: graph.input(I32 * load.tokens),
      reads: graph.input(I32 * this.#waiting * this.#filled),
      writes: graph.input(I64 * this.#filled),
      positions: graph.input(I32 * this.#filled),
      kept: graph.input(I32 * this.#keptTokens),
      keptPlaces: graph.input(I32 * this.#keptTokens),
    };
  }

  /** Tokens that a cell is read from. */
  get #waiting(): number {
    return this.#tokensPerCell * (this.#tokensPerCell === OVERLAPPING ? 2 : 1);
  }

  get #keptTokens(): number {
    return Math.min(this.#pen.load.tokens, this.#waiting);
  }

  store(source: GraphTensor, roles: Roles): void {
    const pen = this.#pen;
    const { places, writes, positions, kept, keptPlaces } = this.#inputs;
    const keys = pen.times(source, roles, `${this.#role}_kv`);
    const gate = pen.times(source, roles, `${this.#role}_gate`);
    const scores = pen.over([gate, pen.row(pen.elements(gate), [places])]);
    const weighed = pen.over([this.#read(keys), pen.over([this.#read(scores)])]);
    const cells = this.#node(this.#length, [pen.view(this.#node(this.#length, [weighed]))]);
    const placed = pen.over([pen.norm(cells, roles, `${this.#role}_norm`), positions]);
    const turned =
      this.#turn === null ? placed : this.#node(this.#length, [this.#turn, pen.graph.view(placed)]);
    pen.store(pen.graph.view(turned), writes);
    for (const state of [keys, scores]) {
      const last = pen.graph.node(F32 * pen.elements(state) * this.#keptTokens, [state, kept]);
      pen.store(last, keptPlaces);
    }
  }

  /** So many elements for each cell. */
  #node(elements: number, sources: readonly GraphTensor[]): GraphTensor {
    return this.#pen.graph.node(F32 * elements * this.#filled, sources);
  }

  /** What waited and what is new, in the order of the cells. */
  #read(state: GraphTensor): GraphTensor {
    const pen = this.#pen;
    const { graph } = pen;
    const elements = pen.elements(state);
    const waiting = this.#waiting;
    let joined = pen.row(elements, [state], waiting * elements);
    const size = this.#length * waiting;
    const isOverlapping = this.#tokensPerCell === OVERLAPPING;
    if (isOverlapping) {
      const none = graph.view(graph.node(F32 * elements, [graph.view(joined)]));
      joined = pen.row(elements, [joined, none], (waiting + 1) * elements);
    }
    const read = this.#node(elements * waiting, [joined, this.#inputs.reads]);
    if (!isOverlapping) return this.#node(size, [graph.view(read)]);
    const half = () => graph.view(this.#node(size / 2, [graph.view(read)]));
    return this.#node(size, [graph.view(this.#node(size, [half(), half()]))]);
  }
}
