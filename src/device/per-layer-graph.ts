import type { GraphTensor } from './graph-buffer.ts';
import type { GraphPen, Roles } from './graph-pen.ts';
import type { LayerFrame, LayerSteps } from './layer-frame.ts';

/** Layers of Gemma 3n whose feed-forward lets few activations through. */
const SPARSE_LAYERS = 10;

/** Of each token an embedding for every layer, besides the one that the layers hand on (models/gemma3n.cpp, gemma4.cpp). */
export class PerLayerGraph {
  readonly #pen: GraphPen;
  readonly #all: GraphTensor;
  readonly #width: number;

  /** @param embedded what the layers begin with */
  constructor(pen: GraphPen, outer: Roles, embedded: GraphTensor) {
    this.#pen = pen;
    this.#width = outer.get('per_layer_proj_norm')?.columns ?? 0;
    const total = outer.get('per_layer_model_proj')?.rows ?? 0;
    const selected = pen.add(pen.over([pen.view(pen.row(total, [pen.input(1)]))]));
    const projected = pen.over([pen.times(embedded, outer, 'per_layer_model_proj')]);
    const normed = pen.norm(pen.view(projected), outer, 'per_layer_proj_norm');
    this.#all = pen.row(total, [pen.view(pen.over([pen.over([normed, selected])]))]);
  }

  /** What the layer's own embedding adds to a result. */
  added(source: GraphTensor, roles: Roles): GraphTensor {
    const pen = this.#pen;
    const gate = pen.over([pen.times(source, roles, 'inp_gate')]);
    const gated = pen.over([gate, pen.view(this.#all, this.#width)]);
    return pen.norm(pen.times(gated, roles, 'proj'), roles, 'post_norm');
  }
}

/** Several embeddings of a token that are handed on beside each other, of which each layer evaluates one (AltUp). */
export class AlternatingGraph implements LayerFrame {
  readonly #pen: GraphPen;
  readonly #perLayer: PerLayerGraph;
  readonly #width: number;
  readonly #others: number;

  constructor(pen: GraphPen, outer: Roles, perLayer: PerLayerGraph) {
    this.#pen = pen;
    this.#perLayer = perLayer;
    this.#width = pen.facts.embeddingLength ?? 0;
    this.#others = this.#width * (outer.get('altup_proj')?.count ?? 0);
  }

  #magnitude(of: GraphTensor): GraphTensor {
    const pen = this.#pen;
    return pen.over([pen.row(pen.elements(of) / this.#width, [pen.over([of])])]);
  }

  #projected(repeated: GraphTensor, first: GraphTensor): GraphTensor {
    const pen = this.#pen;
    const magnitude = this.#magnitude(first);
    const others = pen.row(this.#others, [repeated]);
    return pen.over([pen.over([others, magnitude]), this.#magnitude(others)]);
  }

  begun(embedded: GraphTensor): GraphTensor {
    const pen = this.#pen;
    const others = this.#projected(pen.row(this.#others, [embedded]), embedded);
    return pen.row(this.#width + this.#others, [embedded, others]);
  }

  ended(stack: GraphTensor): GraphTensor {
    const pen = this.#pen;
    const others = this.#projected(pen.view(stack, this.#others), pen.view(stack, this.#width));
    let current = pen.view(stack, this.#width);
    for (let at = 0; at < this.#others; at += this.#width)
      current = pen.over([current, pen.view(others, this.#width)]);
    return pen.over([current]);
  }

  #router(source: GraphTensor, roles: Roles): GraphTensor {
    const normed = this.#pen.over([this.#pen.norm(source, roles, 'altup_router_norm')]);
    return this.#pen.over([this.#pen.times(normed, roles, 'altup_router')]);
  }

  /** @param attended gives what attention makes of the normed embedding, multiplied by its output matrix */
  layer(stack: GraphTensor, roles: Roles, { index, mixed: attended }: LayerSteps): GraphTensor {
    const pen = this.#pen;
    const all = this.#width + this.#others;
    const across = pen.row(all, [pen.view(stack)]);
    const weights = pen.times(this.#router(pen.view(stack, this.#width), roles), roles, 'altup_predict_coef');
    const mixed = pen.row(all, [pen.view(pen.row(all, [across, pen.view(weights)]))]);
    const predicted = pen.over([mixed, stack]);
    const active = pen.view(predicted, this.#width);
    const normed = pen.norm(active, roles, 'attn_norm');
    const low = pen.times(pen.times(normed, roles, 'laurel_l'), roles, 'laurel_r');
    const laurel = pen.over([pen.norm(low, roles, 'laurel_post_norm'), normed]);
    const gated = pen.over([pen.norm(attended(normed), roles, 'post_attention_norm'), active]);
    const between = pen.over([pen.over([gated, laurel])]);
    const result = pen.over([
      pen.norm(this.#fed(pen.norm(between, roles, 'ffn_norm'), roles, index), roles, 'post_ffw_norm'),
      between,
    ]);
    const innovation = pen.row(all, [pen.over([result, active])]);
    const shares = pen.over([pen.times(this.#router(result, roles), roles, 'altup_correct_coef')]);
    const corrected = pen.over([
      pen.over([innovation, pen.row(pen.elements(shares), [pen.view(shares)])]),
      predicted,
    ]);
    const first = this.#perLayer.added(pen.over([pen.view(corrected, this.#width)]), roles);
    const rest = pen.over([pen.view(corrected, this.#others), first]);
    return pen.row(all, [pen.view(corrected, this.#width), rest]);
  }

  #fed(source: GraphTensor, roles: Roles, index: number): GraphTensor {
    const pen = this.#pen;
    const up = pen.times(source, roles, 'ffn_up');
    let gate = pen.times(source, roles, 'ffn_gate');
    if (index < SPARSE_LAYERS) {
      const mean = pen.row(1, [gate]);
      const spread = pen.over([pen.over([pen.row(1, [pen.over([pen.over([gate, mean])])])])]);
      gate = pen.over([pen.over([gate, pen.over([mean, spread])])]);
    }
    return pen.times(pen.over([up, pen.over([gate])]), roles, 'ffn_down');
  }
}
