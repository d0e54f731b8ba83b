import { F16, F32, type GraphTensor, I64 } from './graph-buffer.ts';
import type { GraphPen, Roles } from './graph-pen.ts';

/** What is read of a cache: where keys and values go, and which cells each token sees. */
export interface CacheInputs {
  readonly mask: GraphTensor;
  readonly keyPlaces: GraphTensor;
  readonly valuePlaces: GraphTensor;
  readonly cells: number;
}

/** What attention is made of; no keys and values where a layer looks at the cache of another. */
export interface AttentionParts {
  readonly queries: GraphTensor;
  readonly keys: GraphTensor | null;
  readonly values: GraphTensor | null;
  readonly outputs: number;
}

/** Layers without an indexer look at the cells that the one before them chose. */
const SHARING = /^(glm-dsa|hy_v4)$/;
/** What the indexer compares is not turned by a Hadamard matrix. */
const UNTURNED = /^hy_v4$/;

/**
 * Multi-head latent attention (models/deepseek2.cpp): keys are kept as one short vector a token, and come from it where
 * the file has the matrix to multiply queries with instead, else are written out for every head. An indexer may choose
 * the cells that a token sees (models/deepseek32.cpp).
 */
export class LatentGraph {
  readonly #pen: GraphPen;
  readonly #isRotated: boolean;
  #index: {
    readonly turn: GraphTensor | null;
    readonly places: GraphTensor;
    readonly mask: GraphTensor;
  } | null = null;
  /** The cells that the last layer with an indexer chose. */
  #best: GraphTensor | null = null;

  constructor(pen: GraphPen, isRotated: boolean) {
    this.#pen = pen;
    this.#isRotated = isRotated;
  }

  /** @param whole attention with keys of every head */
  attended(
    source: GraphTensor,
    roles: Roles,
    inputs: CacheInputs,
    whole: (parts: AttentionParts) => GraphTensor,
  ): GraphTensor {
    const pen = this.#pen;
    const { heads = 0 } = pen.facts;
    if (roles.has('indexer.attn_k')) this.#storeIndex(source, roles, inputs);
    const compressed = roles.has('attn_q_a')
      ? pen.norm(pen.times(source, roles, 'attn_q_a'), roles, 'attn_q_a_norm')
      : null;
    const queries = pen.times(compressed ?? source, roles, compressed === null ? 'attn_q' : 'attn_q_b');
    const rank = roles.get('attn_kv_a_norm')?.columns ?? 0;
    const rotary = (roles.get('attn_kv_a_mqa')?.rows ?? 0) - rank;
    const outputs = roles.get('attn_output')?.columns ?? 0;
    const both = pen.times(source, roles, 'attn_kv_a_mqa');
    const latent = pen.norm(pen.view(both, rank), roles, 'attn_kv_a_norm');
    const normed = roles.has('attn_k_norm')
      ? pen.norm(pen.view(both, rotary), roles, 'attn_k_norm')
      : pen.view(both, rotary);
    const placed = this.#placed(normed);
    if (!roles.has('attn_k_b')) {
      const written = pen.times(latent, roles, 'attn_kv_b');
      const values = pen.row(outputs, [pen.view(written)]);
      const repeated = pen.row(rotary * heads, [placed]);
      const keys = pen.row(pen.elements(queries), [pen.view(written), repeated]);
      return whole({ queries: this.#placed(pen.view(queries)), keys, values, outputs });
    }
    const absorbed = pen.view(pen.row(rank * heads, [pen.view(queries)]));
    const asked = pen.row((rank + rotary) * heads, [
      absorbed,
      this.#placed(pen.view(queries, rotary * heads)),
    ]);
    const keys = pen.row(rank + rotary, [pen.view(latent), placed]);
    pen.add(asked);
    pen.add(keys);
    pen.store(pen.view(keys), inputs.keyPlaces);
    const mask = compressed === null ? inputs.mask : this.#chosen(source, compressed, roles, inputs);
    const seen = pen.view(pen.view(asked));
    if (pen.load.flashAttention) {
      const weighed = pen.view(pen.row(rank * heads, [seen, mask]));
      return pen.add(pen.view(pen.row(outputs, [pen.view(pen.row(outputs, [weighed]))])));
    }
    const across = pen.graph.node(F16 * inputs.cells * rank, []);
    const scores = pen.over([pen.row(inputs.cells * heads, [seen]), mask]);
    const weighed = pen.row(outputs, [pen.row(rank * heads, [across, scores])]);
    return pen.add(pen.row(outputs, [pen.view(weighed)]));
  }

  #placed(part: GraphTensor): GraphTensor {
    return this.#isRotated ? this.#pen.over([part, this.#pen.positions]) : part;
  }

  /** The keys that the indexer chooses by. */
  #storeIndex(source: GraphTensor, roles: Roles, { cells }: CacheInputs): void {
    const pen = this.#pen;
    const length = roles.get('indexer.attn_k')?.rows ?? 0;
    this.#index ??= {
      turn: UNTURNED.test(pen.architecture) ? null : pen.graph.input(F32 * length ** 2),
      places: pen.graph.input(I64 * pen.load.tokens),
      // Half precision, whatever the mask of attention is.
      mask: pen.graph.input(F16 * pen.load.tokens * cells),
    };
    const keys = pen.norm(pen.times(source, roles, 'indexer.attn_k'), roles, 'indexer.k_norm');
    pen.store(pen.view(this.#turned(pen.over([pen.view(keys), pen.positions]))), this.#index.places);
  }

  #turned(source: GraphTensor): GraphTensor {
    const turn = this.#index?.turn ?? null;
    return turn === null ? source : this.#pen.row(this.#pen.elements(source), [turn, source]);
  }

  /** The mask that leaves the cells with the best scores. */
  #chosen(source: GraphTensor, compressed: GraphTensor, roles: Roles, inputs: CacheInputs): GraphTensor {
    const pen = this.#pen;
    const isOwn = roles.has('indexer.attn_k');
    if (isOwn) this.#best = this.#scored(source, compressed, roles, inputs);
    const best = isOwn || SHARING.test(pen.architecture) ? this.#best : null;
    return best === null ? inputs.mask : maskLeaving(pen, best, inputs.mask);
  }

  #scored(
    source: GraphTensor,
    compressed: GraphTensor,
    roles: Roles,
    { cells }: CacheInputs,
  ): GraphTensor | null {
    const pen = this.#pen;
    if (this.#index === null) return null;
    const chosen = Math.min(pen.own('attention.indexer.top_k'), cells);
    const asked = pen.over([pen.view(pen.times(compressed, roles, 'indexer.attn_q_b')), pen.positions]);
    const weights = pen.over([pen.view(pen.times(source, roles, 'indexer.proj'))]);
    const scores = pen.row(cells, [pen.view(this.#turned(asked)), weights, this.#index.mask]);
    return pen.row(chosen, [pen.row(chosen, [scores])]);
  }
}

/**
 * A mask that leaves the chosen cells alone (build_attn of llama-graph.cpp for sparse attention).
 * @param zeroBytes of an element that is written into it
 */
export function maskLeaving(
  pen: GraphPen,
  chosen: GraphTensor,
  mask: GraphTensor,
  zeroBytes = F32,
): GraphTensor {
  const zeros = pen.over([pen.graph.input((chosen.bytes / F32) * zeroBytes)]);
  const none = pen.view(pen.over([mask]));
  const some = pen.graph.view(none, none.bytes, [zeros, pen.view(chosen), none]);
  return pen.over([pen.view(some), mask]);
}
