import { F32, type GraphTensor, I32, I64 } from './graph-buffer.ts';
import type { GraphPen, Roles } from './graph-pen.ts';
import { type CacheInputs, maskLeaving } from './latent-graph.ts';

/** What layers that pool as many cells have in common. */
interface PooledInputs {
  readonly places: GraphTensor;
  readonly poolOf: GraphTensor;
  readonly members: GraphTensor;
  readonly positions: GraphTensor;
  /** Pools that a token may see. */
  readonly bias: GraphTensor;
}

/** Of a place in an image: time, height, width, and one that is not used. */
const COORDINATES = 4;

/** An indexer scores the mean key of every few cells, and chooses the cells that a token looks at (models/qwen4exp.cpp). */
export class PooledGraph {
  readonly #pen: GraphPen;
  readonly #inputs = new Map<number, PooledInputs>();

  constructor(pen: GraphPen) {
    this.#pen = pen;
  }

  /**
   * Stores what a layer's indexer keeps.
   * @param size cells of a pool
   * @returns the mask of the chosen cells
   */
  mask(source: GraphTensor, roles: Roles, size: number, { cells, mask }: CacheInputs): GraphTensor {
    const pen = this.#pen;
    const { graph } = pen;
    const pools = Math.ceil(cells / size);
    const inputs = this.#inputs.get(size) ?? {
      places: graph.input(I64 * pen.load.tokens),
      poolOf: graph.input(I32 * cells),
      members: graph.input(I32 * size * pools),
      positions: graph.input(I32 * COORDINATES * pools),
      bias: pen.input(pools),
    };
    this.#inputs.set(size, inputs);
    const keys = pen.times(source, roles, 'indexer.k_proj');
    const length = pen.elements(keys);
    pen.store(pen.view(keys), inputs.places);
    const members = graph.node(F32 * length * size * pools, [inputs.members]);
    const slice = () => graph.node(F32 * length * pools, [graph.view(members)]);
    // Further slices take the place of the second.
    const sum = size > 1 ? pen.over([slice(), slice()]) : slice();
    const normed = pen.norm(graph.view(pen.over([sum])), roles, 'indexer.k_norm');
    const pooled = graph.view(pen.over([graph.view(normed), inputs.positions]));
    const asking = pen.norm(pen.view(pen.times(source, roles, 'indexer.q_proj')), roles, 'indexer.q_norm');
    const asked = pen.view(pen.over([asking, pen.positions]));
    const each = pen.over([
      pen.view(pen.row(pools * pen.own('attention.indexer.head_count'), [pooled, asked])),
    ]);
    const first = pen.row(pools, [pen.view(each, pools)]);
    const scores = pen.over([pen.over([first, pen.view(each, pools)]), inputs.bias]);
    const spread = pen.row(cells, [pen.row(pools, [pen.view(scores)]), inputs.poolOf]);
    const whole = pen.load.flashAttention ? pen.row(cells, [mask]) : mask;
    const seen = pen.over([pen.row(cells, [pen.view(spread)]), pen.view(whole)]);
    const chosen = Math.min(cells, pen.own('attention.indexer.top_k') + size - 1);
    return maskLeaving(pen, pen.view(pen.row(chosen, [pen.row(chosen, [seen])])), mask);
  }
}
