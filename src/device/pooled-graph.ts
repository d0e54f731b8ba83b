import { F32, type GraphTensor, I32, I64 } from './graph-buffer.ts';
import type { GraphPen, Roles } from './graph-pen.ts';
import { type CacheInputs, maskLeaving } from './latent-graph.ts';

/** Of a place in an image: time, height, width, and one that is not used. */
const COORDINATES = 4;

/** An indexer scores the mean key of every few cells, and chooses the cells that a token looks at (models/qwen4exp.cpp). */
export class PooledGraph {
  readonly #pen: GraphPen;

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
    // Layers that pool as many cells have them in common.
    const input = (name: string, bytes: number) => pen.shared(`pools of ${size}: ${name}`, bytes);
    const places = input('places', I64 * pen.load.tokens);
    const poolOf = input('pool of each cell', I32 * cells);
    const memberCells = input('members', I32 * size * pools);
    const positions = input('positions', I32 * COORDINATES * pools);
    const bias = input('which a token may see', F32 * pen.load.tokens * pools);
    const keys = pen.times(source, roles, 'indexer.k_proj');
    const length = pen.elements(keys);
    pen.store(pen.view(keys), places);
    const members = graph.node(F32 * length * size * pools, [memberCells]);
    const slice = () => graph.node(F32 * length * pools, [graph.view(members)]);
    // Further slices take the place of the second.
    const sum = size > 1 ? pen.over([slice(), slice()]) : slice();
    const normed = pen.norm(graph.view(pen.over([sum])), roles, 'indexer.k_norm');
    const pooled = graph.view(pen.over([graph.view(normed), positions]));
    const asking = pen.norm(pen.view(pen.times(source, roles, 'indexer.q_proj')), roles, 'indexer.q_norm');
    const asked = pen.view(pen.over([asking, pen.positions]));
    const each = pen.over([
      pen.view(pen.row(pools * pen.own('attention.indexer.head_count'), [pooled, asked])),
    ]);
    const first = pen.row(pools, [pen.view(each, pools)]);
    const scores = pen.over([pen.over([first, pen.view(each, pools)]), bias]);
    const spread = pen.row(cells, [pen.row(pools, [pen.view(scores)]), poolOf]);
    const whole = pen.load.flashAttention ? pen.row(cells, [mask]) : mask;
    const seen = pen.over([pen.row(cells, [pen.view(spread)]), pen.view(whole)]);
    const chosen = Math.min(cells, pen.own('attention.indexer.top_k') + size - 1);
    return maskLeaving(pen, pen.view(pen.row(chosen, [pen.row(chosen, [seen])])), mask);
  }
}
