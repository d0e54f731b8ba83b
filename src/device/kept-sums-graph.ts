import { fed } from './feed-forward-graph.ts';
import type { GraphTensor } from './graph-buffer.ts';
import type { GraphPen, Roles } from './graph-pen.ts';
import type { LayerFrame, LayerSteps } from './layer-frame.ts';

/** Every few layers the sum is kept and begun anew; each step reads a weighed mean of all of them (models/kimi-k3.cpp). */
export class KeptSumsGraph implements LayerFrame {
  readonly #pen: GraphPen;
  readonly #width: number;
  readonly #every: number;
  #kept: GraphTensor | null = null;

  constructor(pen: GraphPen) {
    this.#pen = pen;
    this.#width = pen.facts.embeddingLength ?? 0;
    this.#every = pen.own('attn_res.block_size');
  }

  begun(embedded: GraphTensor): GraphTensor {
    return embedded;
  }

  layer(before: GraphTensor, roles: Roles, { index, mixed }: LayerSteps): GraphTensor {
    const pen = this.#pen;
    const source = this.#mean(before);
    const isKept = index % this.#every === 0;
    if (isKept) this.#keep(pen.view(before));
    const attended = mixed(pen.add(pen.norm(source, roles, 'attn_norm')));
    const between = isKept ? attended : pen.over([before, attended]);
    return pen.over([between, fed(pen, pen.norm(this.#mean(between), roles, 'ffn_norm'), roles)]);
  }

  ended(last: GraphTensor): GraphTensor {
    return this.#mean(last);
  }

  #keep(sum: GraphTensor): void {
    const kept = this.#kept;
    this.#kept = kept === null ? sum : this.#pen.row(this.#pen.elements(kept) + this.#width, [kept, sum]);
  }

  #mean(current: GraphTensor): GraphTensor {
    const pen = this.#pen;
    const kept = this.#kept;
    if (kept === null) return current;
    const count = pen.elements(kept) / this.#width;
    const scored = (of: GraphTensor, sums: number) => pen.row(sums, [pen.over([pen.over([of])])]);
    const scores = pen.row(count + 1, [pen.view(scored(kept, count)), scored(current, 1)]);
    const shares = pen.over([scores]);
    const shareOf = (sums: number) => pen.row(sums, [pen.view(shares, sums)]);
    const before = pen.row(this.#width, [kept, shareOf(count)]);
    return pen.over([before, pen.over([current, shareOf(1)])]);
  }
}
