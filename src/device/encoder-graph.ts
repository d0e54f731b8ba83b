import { F16, F32, type GraphTensor } from './graph-buffer.ts';
import type { GraphPen, Roles } from './graph-pen.ts';

/** What attention without a cache is made of. */
interface Attending {
  readonly queries: GraphTensor;
  readonly keys: GraphTensor;
  readonly values: GraphTensor;
  readonly outputs: number;
}

/** Attention among tokens that are all there, and of a decoder to what an encoder left (build_attn without a cache). */
export class EncoderGraph {
  readonly #pen: GraphPen;
  #mask: GraphTensor | null = null;
  #encoded: GraphTensor | null = null;
  #distances: GraphTensor | null = null;

  constructor(pen: GraphPen) {
    this.#pen = pen;
  }

  /** What T5 adds to the scores by the distance of two tokens; flash attention has no place for it. */
  distances(seen: number): GraphTensor {
    const pen = this.#pen;
    const scores = seen * (pen.facts.heads ?? 0);
    this.#distances ??= pen.input(seen);
    return pen.row(scores, [pen.view(pen.row(scores, [pen.view(this.#distances)]))]);
  }

  get biased(): boolean {
    return /^t5/.test(this.#pen.architecture);
  }

  among(parts: Attending): GraphTensor {
    const { load } = this.#pen;
    return this.#seen(parts, load.tokens, this.biased);
  }

  /** @param source normed, after the attention among the decoder's own tokens */
  crossed(source: GraphTensor, roles: Roles): GraphTensor {
    const pen = this.#pen;
    const { embeddingLength = 0, contextLength = 0 } = pen.facts;
    this.#encoded ??= pen.graph.input(F32 * embeddingLength * contextLength);
    const encoded = this.#encoded;
    const queries = pen.view(pen.times(source, roles, 'cross_attn_q'));
    const outputs = pen.elements(queries);
    const written = (role: string) =>
      pen.view(pen.graph.node(F32 * (roles.get(role)?.rows ?? 0) * contextLength, [encoded]));
    const parts = { queries, keys: written('cross_attn_k'), values: written('cross_attn_v'), outputs };
    return pen.times(this.#seen(parts, contextLength, false), roles, 'cross_attn_output');
  }

  #seen({ queries, keys, values, outputs }: Attending, seen: number, isBiased: boolean): GraphTensor {
    const pen = this.#pen;
    for (const part of [queries, keys, values]) pen.add(part);
    const { flashAttention, tokens } = pen.load;
    this.#mask ??= pen.graph.input((flashAttention ? F16 : F32) * tokens * seen);
    const half = (part: GraphTensor) => pen.graph.node(part.bytes / 2, [pen.view(part)]);
    if (flashAttention && !isBiased) {
      const sources = [pen.view(queries), half(keys), half(values), this.#mask];
      return pen.add(pen.view(pen.row(outputs, sources)));
    }
    const across = pen.graph.node(values.bytes, [pen.view(values)]);
    const scores = pen.row(seen * (pen.facts.heads ?? 0), [pen.view(keys), pen.view(queries)]);
    const biased = isBiased ? pen.over([scores, this.distances(seen)]) : scores;
    const weighed = pen.row(outputs, [across, pen.over([biased, this.#mask])]);
    return pen.add(pen.row(outputs, [pen.view(weighed)]));
  }
}
