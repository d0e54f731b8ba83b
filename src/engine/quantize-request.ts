/** What `llama_model_quantize` is asked; types are numbers of `enum ggml_type`, the recipe one of `enum llama_ftype`. */
export interface QuantizeRequest {
  /** The file, or the first shard. */
  readonly sourcePath: string;
  /** Without `.gguf` where `keepSplit`: llama.cpp adds the number of the shard. */
  readonly outputPath: string;
  readonly fileType: number;
  readonly threads: number;
  readonly outputType: number | null;
  readonly embeddingType: number | null;
  readonly allowRequantize: boolean;
  readonly quantizeOutput: boolean;
  readonly copyOnly: boolean;
  readonly pure: boolean;
  readonly keepSplit: boolean;
  /** Tells the types and writes nothing. */
  readonly dryRun: boolean;
  /** The first pattern that is found in a tensor's name decides. */
  readonly tensorTypes: readonly { readonly pattern: string; readonly type: number }[];
  readonly overrides: readonly (
    | { readonly key: string; readonly type: 'int' | 'float'; readonly value: number }
    | { readonly key: string; readonly type: 'bool'; readonly value: boolean }
    | { readonly key: string; readonly type: 'str'; readonly value: string }
  )[];
  /** Mean squared inputs of each weight's columns; empty for none. */
  readonly imatrix: readonly { readonly name: string; readonly values: Float32Array }[];
}

/** Rows of weights, and the types that they have and get, as ggml numbers them. */
export interface RowsToQuantize {
  readonly from: number;
  readonly to: number;
  readonly columns: number;
  readonly rows: number;
  readonly data: Uint8Array;
}

export interface QuantizeStep {
  /** Tensors that are written. */
  readonly done: number;
  readonly total: number;
  /** The tensor that it is at. */
  readonly name: string;
}

/** What llama.cpp says of each tensor, types by ggml's names. */
export interface QuantizeOutcome {
  readonly tensors: readonly { readonly name: string; readonly from: string; readonly to: string }[];
  /** Tensors whose rows are no whole number of the wanted type's blocks. */
  readonly fallbacks: readonly {
    readonly name: string;
    readonly columns: number;
    readonly blockElements: number;
    readonly wanted: string;
    readonly taken: string;
  }[];
  /** Whether the real run would refuse without an importance matrix: dry runs tell. */
  readonly needsImatrix: boolean;
}
