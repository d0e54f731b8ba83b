import { fed } from './feed-forward-graph.ts';
import type { GraphTensor } from './graph-buffer.ts';
import type { GraphPen, Roles } from './graph-pen.ts';
import type { LayerFrame, LayerSteps } from './layer-frame.ts';

/** What a step reads of the streams, and what it is given back by. */
interface Taken {
  readonly source: GraphTensor;
  readonly shares: readonly GraphTensor[];
}

/** A file may claim any number. */
const MOST_STREAMS = 64;

/**
 * Several streams of each token that are handed on beside each other: a step reads a weighed sum of all, and its result
 * is added to each by a weight (hyper-connections: models/deepseek4.cpp, hy-v4.cpp).
 */
export class HyperGraph implements LayerFrame {
  readonly #pen: GraphPen;
  readonly #outer: Roles;
  readonly #width: number;
  readonly #streams: number;

  constructor(pen: GraphPen, outer: Roles) {
    this.#pen = pen;
    this.#outer = outer;
    this.#width = pen.facts.embeddingLength ?? 0;
    this.#streams = Math.min(pen.own('hyper_connection.count'), MOST_STREAMS);
  }

  begun(embedded: GraphTensor): GraphTensor {
    return this.#pen.row(this.#width * this.#streams, [this.#pen.view(embedded)]);
  }

  layer(before: GraphTensor, roles: Roles, { mixed }: LayerSteps): GraphTensor {
    const pen = this.#pen;
    const attending = this.#taken(before, roles, 'hc_attn_fn');
    const attended = mixed(pen.norm(attending.source, roles, 'attn_norm'));
    const between = this.#given(attended, before, attending.shares);
    const feeding = this.#taken(between, roles, 'hc_ffn_fn');
    if (this.#mixesStreams(roles)) for (const tensor of [between, ...feeding.shares]) pen.add(tensor);
    const result = fed(pen, pen.norm(feeding.source, roles, 'ffn_norm'), roles);
    return this.#given(result, between, feeding.shares);
  }

  ended(last: GraphTensor): GraphTensor {
    const pen = this.#pen;
    const asked = pen.view(pen.row(pen.elements(last), [pen.view(last), pen.input(1)]));
    const weights = pen.over([pen.times(pen.over([pen.view(asked)]), this.#outer, 'output_hc_fn')]);
    return this.#sum(asked, weights, pen.architecture === 'hy_v4');
  }

  /** Whether streams are given parts of each other too, in one operation with the result. */
  #mixesStreams(roles: Roles): boolean {
    return (roles.get('hc_attn_fn')?.rows ?? 0) > 2 * this.#streams;
  }

  #taken(streams: GraphTensor, roles: Roles, role: string): Taken {
    const pen = this.#pen;
    const count = this.#streams;
    const weights = pen.times(pen.over([pen.view(streams)]), roles, role);
    const share = () => pen.row(count, [pen.view(weights, count)]);
    if (!this.#mixesStreams(roles)) return { source: this.#sum(streams, share(), true), shares: [share()] };
    const source = pen.row(this.#width, [streams, share()]);
    return { source, shares: [share(), pen.row(count * count, [weights])] };
  }

  #given(result: GraphTensor, streams: GraphTensor, shares: readonly GraphTensor[]): GraphTensor {
    const pen = this.#pen;
    const whole = pen.elements(streams);
    const [share, ...mixing] = shares;
    if (share === undefined || mixing.length > 0) return pen.row(whole, [result, streams, ...shares]);
    // HY 4 copies all parts to full precision, and evaluates one stream after the other.
    const parts = [result, share, streams].map((part) => pen.row(pen.elements(part), [part]));
    const [given = result, weights = share, before = streams] = parts;
    let joined: GraphTensor | null = null;
    for (let stream = 1; stream <= this.#streams; stream++) {
      const weighed = pen.over([given, pen.view(weights, 1)]);
      const one = pen.view(pen.over([pen.view(before, this.#width), weighed]));
      joined = joined === null ? one : pen.row(stream * this.#width, [joined, one]);
    }
    return pen.row(whole, [joined ?? streams]);
  }

  /** One stream after the other, in copies where the model wants full precision. */
  #sum(streams: GraphTensor, shares: GraphTensor, isCopied: boolean): GraphTensor {
    const pen = this.#pen;
    const from = isCopied ? pen.row(pen.elements(streams), [streams]) : streams;
    let total: GraphTensor | null = null;
    for (let stream = 0; stream < this.#streams; stream++) {
      const part = pen.row(this.#width, [pen.view(from, this.#width), pen.view(shares, 1)]);
      total = total === null ? part : pen.over([total, part]);
    }
    if (total === null) return streams;
    return isCopied ? pen.row(this.#width, [total]) : total;
  }
}
