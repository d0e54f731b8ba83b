import { F16, F32, type GraphTensor, I32, I64 } from './graph-buffer.ts';
import type { GraphPen, Roles } from './graph-pen.ts';
import type { CacheInputs } from './latent-graph.ts';

/** What the layers that look at blocks have in common. */
interface BlockInputs {
  readonly keyPlaces: GraphTensor;
  /** Of each position the cell, and of each cell the block. */
  readonly cellOf: GraphTensor;
  readonly blockOf: GraphTensor;
  /** Positions and blocks that a token may see. */
  readonly positionMask: GraphTensor;
  readonly blockMask: GraphTensor;
  readonly mask: GraphTensor;
}

/** Positions that a graph has room for before anything was evaluated (llama_kv_cache_msa_context::get_n_pos). */
const POSITIONS = 256;

/** For each group of heads an indexer chooses the blocks of cells that a token looks at (models/minimax-m3.cpp). */
export class BlockGraph {
  readonly #pen: GraphPen;
  #inputs: BlockInputs | null = null;

  constructor(pen: GraphPen) {
    this.#pen = pen;
  }

  get isUsed(): boolean {
    return this.#inputs !== null;
  }

  /** Without flash attention all layers look at all cells. */
  chooses(roles: Roles): boolean {
    return (
      this.#pen.load.flashAttention &&
      this.#pen.own('attention.indexer.block_size') > 0 &&
      roles.has('indexer.q_proj')
    );
  }

  /** Stores the keys of a layer's indexer. @returns what it asks with */
  asked(source: GraphTensor, roles: Roles, { cells, mask }: CacheInputs): GraphTensor {
    const pen = this.#pen;
    const { positions, blocks } = this.#sizes;
    this.#inputs ??= {
      keyPlaces: pen.graph.input(I64 * pen.load.tokens),
      cellOf: pen.graph.input(I32 * positions),
      blockOf: pen.graph.input(I32 * cells),
      positionMask: pen.input(positions),
      blockMask: pen.input(blocks),
      mask: pen.row(cells, [mask]),
    };
    const part = (role: 'q' | 'k') => {
      const made = pen.view(pen.times(source, roles, `indexer.${role}_proj`));
      return pen.over([pen.norm(made, roles, `indexer.${role}_norm`), pen.positions]);
    };
    const asked = part('q');
    pen.store(pen.view(part('k')), this.#inputs.keyPlaces);
    return asked;
  }

  /** The mask that each group of heads has for itself. */
  mask(asked: GraphTensor, { cells }: CacheInputs): GraphTensor {
    const pen = this.#pen;
    const inputs = this.#inputs;
    if (inputs === null) throw new RangeError('nothing was asked');
    const { graph } = pen;
    const { positions, blocks, chosen, groups, length } = this.#sizes;
    const half = (elements: number, sources: readonly GraphTensor[]) =>
      graph.node(F16 * pen.load.tokens * elements, sources);
    const keys = graph.node(F32 * length * positions, [graph.view(inputs.cellOf)]);
    const scores = pen.view(pen.row(positions * groups, [keys, pen.view(asked)]));
    const masked = graph.view(scores, scores.bytes, [scores, pen.view(inputs.positionMask)]);
    const best = pen.row(chosen * groups, [
      pen.over([pen.row(blocks * groups, [masked]), pen.view(inputs.blockMask)]),
    ]);
    const none = half(blocks * groups, [half(blocks, [pen.row(blocks, [pen.view(inputs.blockMask)])])]);
    const zeros = pen.view(pen.over([pen.row(chosen * groups, [best])]));
    const some = graph.view(none, none.bytes, [zeros, pen.view(best), graph.view(none)]);
    const across = half(blocks * groups, [graph.view(half(blocks * groups, [graph.view(some)]))]);
    const spread = pen.row(cells * groups, [across, graph.view(inputs.blockOf)]);
    const open = pen.view(pen.row(cells * groups, [pen.view(spread)]));
    return half(cells * groups, [graph.view(open, open.bytes, [open, pen.view(inputs.mask)])]);
  }

  get #sizes() {
    const own = (suffix: string) => this.#pen.own(`attention.indexer.${suffix}`);
    const size = own('block_size');
    const blocks = Math.ceil(POSITIONS / size);
    return {
      positions: blocks * size,
      blocks,
      chosen: Math.min(own('top_k'), blocks),
      groups: own('head_count'),
      length: own('key_length'),
    };
  }
}
