import { fed } from './feed-forward-graph.ts';
import type { GraphTensor } from './graph-buffer.ts';
import type { GraphPen, Roles } from './graph-pen.ts';
import type { LayerFrame, LayerSteps } from './layer-frame.ts';
import { PhraseGraph } from './phrase-graph.ts';

/** What a step reads of the streams, and the weights that its result is added to each with. */
interface Taken {
  readonly source: GraphTensor;
  readonly shares: GraphTensor;
}

/** Several streams of each token, of which a step reads the mean through a gate of low rank (models/qwen4exp.cpp). */
export class GatedStreamsGraph implements LayerFrame {
  readonly #pen: GraphPen;
  readonly #outer: Roles;
  readonly #width: number;
  readonly #streams: number;
  #phrases: PhraseGraph | null = null;

  constructor(pen: GraphPen, outer: Roles) {
    this.#pen = pen;
    this.#outer = outer;
    this.#width = pen.facts.embeddingLength ?? 0;
    this.#streams = pen.own('hyper_connection.count');
  }

  begun(embedded: GraphTensor): GraphTensor {
    const pen = this.#pen;
    if (this.#outer.has('per_layer_token_embd')) this.#phrases = new PhraseGraph(pen, this.#outer);
    return pen.row(this.#width * this.#streams, [pen.view(embedded)]);
  }

  layer(before: GraphTensor, roles: Roles, { isLast, mixed }: LayerSteps): GraphTensor {
    const pen = this.#pen;
    const streams = (roles.has('ple_key') ? this.#phrases?.added(before, roles) : null) ?? before;
    const attending = this.#taken(streams, roles, 'hc_attn');
    const attended = mixed(pen.add(attending.source));
    const ids = pen.input(1);
    const asked = (of: GraphTensor) => (isLast ? pen.row(pen.elements(of), [of, ids]) : of);
    const rest = isLast ? pen.view(asked(pen.view(streams))) : streams;
    const between = this.#given(asked(attended), rest, asked(attending.shares));
    const feeding = this.#taken(between, roles, 'hc_ffn');
    return this.#given(fed(pen, feeding.source, roles), between, feeding.shares);
  }

  /** Here one operation after the other, and in place of a last norm. */
  ended(last: GraphTensor): GraphTensor {
    const pen = this.#pen;
    const { normed, gate } = this.#gate(last, this.#outer, 'output_hc');
    const gated = pen.over([normed, pen.over([gate])]);
    const first = pen.row(this.#width, [pen.view(gated, this.#width)]);
    return pen.over([pen.over([first, pen.view(gated, this.#width)])], true);
  }

  #gate(
    streams: GraphTensor,
    roles: Roles,
    role: string,
  ): { readonly normed: GraphTensor; readonly gate: GraphTensor } {
    const pen = this.#pen;
    const normed = pen.view(pen.norm(streams, roles, `${role}_norm`));
    return {
      normed,
      gate: pen.times(pen.over([pen.times(normed, roles, `${role}_down`)]), roles, `${role}_up`),
    };
  }

  #taken(streams: GraphTensor, roles: Roles, role: string): Taken {
    const pen = this.#pen;
    const { normed, gate } = this.#gate(streams, roles, role);
    const source = pen.row(this.#width, [pen.view(normed), pen.view(gate)]);
    return { source, shares: pen.times(normed, roles, `${role}_inject`) };
  }

  #given(result: GraphTensor, streams: GraphTensor, shares: GraphTensor): GraphTensor {
    const pen = this.#pen;
    return pen.row(pen.elements(streams), [result, streams, pen.over([shares])]);
  }
}
