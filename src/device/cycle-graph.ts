import { fed } from './feed-forward-graph.ts';
import type { GraphTensor } from './graph-buffer.ts';
import type { GraphPen, Roles } from './graph-pen.ts';
import type { LayerFrame, LayerSteps } from './layer-frame.ts';

/** Two stacks that are gone through in turn, the fast one several times for each time of the slow one (models/hrm-text.cpp). */
export class CycleGraph implements LayerFrame {
  readonly #pen: GraphPen;
  #slow: GraphTensor | null = null;
  /** Learned at first. */
  #fast: GraphTensor | null = null;

  constructor(pen: GraphPen) {
    this.#pen = pen;
  }

  begun(embedded: GraphTensor): GraphTensor {
    this.#slow = embedded;
    return embedded;
  }

  layer(before: GraphTensor, roles: Roles, { index, mixed }: LayerSteps): GraphTensor {
    const pen = this.#pen;
    const layers = pen.own('hrm.layers_per_stack');
    const place = index % layers;
    const isSlow = Math.floor(index / layers) % (pen.own('hrm.l_cycles') + 1) === pen.own('hrm.l_cycles');
    const sources = [this.#slow, this.#fast].filter((source) => source !== null);
    const source = place === 0 ? pen.over([sources[0] ?? before, ...sources.slice(1)]) : before;
    const between = pen.over([mixed(pen.over([source])), source]);
    const result = pen.over([fed(pen, pen.over([between]), roles), between]);
    if (place < layers - 1) return result;
    const normed = pen.over([result]);
    if (isSlow) this.#slow = normed;
    else this.#fast = normed;
    return normed;
  }

  ended(last: GraphTensor): GraphTensor {
    return this.#slow ?? last;
  }
}
