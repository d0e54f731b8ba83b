/**
 * What became of one tensor of the base. `copied` and `quantized`: byte for byte what llama-quantize makes of it;
 * `undecided`: that depends on an importance matrix that is not at hand.
 */
export interface DerivedTensor {
  readonly name: string;
  readonly type: string;
  readonly status: 'copied' | 'quantized' | 'different' | 'undecided' | 'other-shape' | 'added' | 'left-out';
}

/** A file compared with the model that it is to come from. */
export interface DerivedFrom {
  /** The ref of the base. */
  readonly base: string;
  readonly tensors: readonly DerivedTensor[];
  /** Whether the file states an importance matrix. */
  readonly imatrix: boolean;
  /** Parts of the vocabulary that are not the base's. */
  readonly vocabulary: readonly string[];
}
