import type { GraphTensor } from './graph-buffer.ts';
import type { Roles } from './graph-pen.ts';

/** What a layer is asked to evaluate within a frame. */
export interface LayerSteps {
  readonly index: number;
  readonly isLast: boolean;
  /** What tokens learn of each other: attention or a scan, with its output matrix. */
  readonly mixed: (normed: GraphTensor) => GraphTensor;
}

/** How layers hand on what they make of a token, where that is more than one sum that all add to. */
export interface LayerFrame {
  /** @param embedded the embedding of each token */
  begun(embedded: GraphTensor): GraphTensor;
  layer(before: GraphTensor, roles: Roles, steps: LayerSteps): GraphTensor;
  /** One result of each token. */
  ended(last: GraphTensor): GraphTensor;
}
