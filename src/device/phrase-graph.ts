import { F32, type GraphTensor } from './graph-buffer.ts';
import type { GraphPen, Roles } from './graph-pen.ts';
import { stateOf } from './recurrent-graph.ts';

/** Embeddings of the last few tokens together, which a layer adds to all streams (build_ple of models/qwen4exp.cpp). */
export class PhraseGraph {
  readonly #pen: GraphPen;
  readonly #embedded: GraphTensor;

  constructor(pen: GraphPen, outer: Roles) {
    this.#pen = pen;
    const looked = Math.max(0, pen.own('ple.ngram_size') - 1) * pen.own('ple.heads_per_ngram');
    const width = outer.get('per_layer_token_embd')?.columns ?? 0;
    this.#embedded = pen.add(pen.row(looked * width, [pen.input(looked)]));
  }

  added(streams: GraphTensor, roles: Roles): GraphTensor {
    const pen = this.#pen;
    const whole = pen.elements(streams);
    const norm = (source: GraphTensor, role: string) => pen.norm(pen.view(source), roles, `ple_norm_${role}`);
    const value = pen.times(this.#embedded, roles, 'ple_value');
    const key = norm(pen.times(this.#embedded, roles, 'ple_key'), 'key');
    const scores = pen.over([
      pen.row(pen.own('hyper_connection.count'), [pen.over([key, norm(streams, 'query')])]),
    ]);
    const gate = pen.over([pen.over([scores]), pen.over([scores])]);
    const gated = pen.over([pen.row(whole, [pen.view(value)]), gate]);
    const mixed = this.#convolved(pen.view(norm(gated, 'conv')), roles);
    return pen.over([streams, pen.over([gated, mixed])]);
  }

  /** Of the tokens before the batch, as many are kept as the convolution reaches back. */
  #convolved(source: GraphTensor, roles: Roles): GraphTensor {
    const pen = this.#pen;
    const whole = pen.elements(source);
    const taps = roles.get('ple_conv1d')?.columns ?? 1;
    const kept = Math.max(0, taps - 1) * pen.own('ple.ngram_size') * whole;
    const joined = pen.row(whole, [stateOf(pen, kept), pen.view(source)], kept);
    pen.store(pen.graph.node(F32 * kept, [pen.view(joined)]));
    const tap = () => pen.over([pen.row(whole, [pen.view(joined)]), pen.graph.node(F32 * whole, [])]);
    // Further taps take the place of the second.
    const total = taps > 1 ? pen.over([tap(), tap()]) : tap();
    return pen.view(pen.row(whole, [pen.over([total])]));
  }
}
