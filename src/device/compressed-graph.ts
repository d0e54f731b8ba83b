import type { FurtherCache, LayerMemory } from './attention-layers.ts';
import { CompressedCells } from './compressed-cells.ts';
import { F16, F32, type GraphTensor } from './graph-buffer.ts';
import { type GraphPen, isTurned, type Roles, turnOf } from './graph-pen.ts';
import { furtherCells, rowBytes } from './kv-cache.ts';
import { type CacheInputs, maskLeaving } from './latent-graph.ts';

/** A further cache, and which of its cells each token sees. */
interface CompressedInputs {
  readonly cells: number;
  readonly filling: CompressedCells;
  readonly mask: GraphTensor;
  readonly turn: GraphTensor | null;
}

/**
 * Attention over the last tokens and, behind them, over cells of several tokens each, which an indexer may choose from
 * (models/deepseek4.cpp). One vector of a token serves all heads as key and as value.
 */
export class CompressedGraph {
  readonly #pen: GraphPen;
  readonly #inputs = new Map<string, CompressedInputs>();
  #turn: GraphTensor | null = null;

  constructor(pen: GraphPen) {
    this.#pen = pen;
  }

  attended(source: GraphTensor, roles: Roles, { further }: LayerMemory, near: CacheInputs): GraphTensor {
    const pen = this.#pen;
    const [cache, index] = further;
    const compressed = pen.norm(pen.times(source, roles, 'attn_q_a'), roles, 'attn_q_a_norm');
    const asking = pen.over([pen.view(pen.times(compressed, roles, 'attn_q_b'))]);
    const queries = pen.over([asking, pen.positions]);
    const latent = pen.norm(pen.times(source, roles, 'attn_kv'), roles, 'attn_kv_a_norm');
    const keys = pen.over([pen.view(latent), pen.positions]);
    const far = cache === undefined ? null : this.#filled('attn_compressor', cache, source, roles);
    const indexed = index === undefined ? null : this.#filled('indexer_compressor', index, source, roles);
    let mask = near.mask;
    if (far !== null) {
      const open =
        indexed === null
          ? far.mask
          : maskLeaving(pen, this.#chosen(source, compressed, roles, indexed), far.mask, this.#maskBytes);
      mask = pen.graph.node(near.mask.bytes + far.mask.bytes, [near.mask, open]);
    }
    if (this.#isTurned) this.#turn ??= turnOf(pen, pen.elements(keys));
    const result = this.#weighed(this.#turned(queries), this.#turned(keys), mask, near, far?.cells ?? 0);
    const placed = pen.over([pen.view(this.#turned(result)), pen.positions]);
    const low = roles.get('attn_output_b')?.columns ?? 0;
    return pen.row(low, [pen.view(pen.row(low, [pen.view(placed)]))]);
  }

  /** Every cache is, where its vectors are as long as the indexer's (llama-kv-cache.cpp tells that one by its length). */
  get #isTurned(): boolean {
    const { load, facts, own } = this.#pen;
    return isTurned(load.cacheType) || facts.keyLength === own('attention.indexer.key_length');
  }

  get #maskBytes(): number {
    return this.#pen.load.flashAttention ? F16 : F32;
  }

  #turned(source: GraphTensor): GraphTensor {
    const pen = this.#pen;
    if (this.#turn === null) return source;
    return pen.view(pen.row(pen.elements(source), [this.#turn, pen.view(source)]));
  }

  /** The cache with what the batch adds to it. */
  #filled(role: string, cache: FurtherCache, source: GraphTensor, roles: Roles): CompressedInputs {
    const pen = this.#pen;
    const { keyElements, tokensPerCell } = cache;
    const key = `${role} ${tokensPerCell}`;
    const isIndex = role === 'indexer_compressor';
    let inputs = this.#inputs.get(key);
    if (inputs === undefined) {
      const cells = furtherCells(cache, pen.load.contextSize);
      const turn = isIndex || this.#isTurned ? turnOf(pen, keyElements) : null;
      inputs = {
        cells,
        turn,
        filling: new CompressedCells(pen, role, tokensPerCell, keyElements, turn),
        mask: pen.graph.input((isIndex ? F16 : this.#maskBytes) * pen.load.tokens * cells),
      };
      this.#inputs.set(key, inputs);
    }
    inputs.filling.store(source, roles);
    return inputs;
  }

  /** The cells with the best scores. */
  #chosen(
    source: GraphTensor,
    compressed: GraphTensor,
    roles: Roles,
    { cells, mask, turn }: CompressedInputs,
  ): GraphTensor {
    const pen = this.#pen;
    const chosen = Math.min(pen.own('attention.indexer.top_k'), cells);
    const asked = pen.over([pen.view(pen.times(compressed, roles, 'indexer.attn_q_b')), pen.positions]);
    const turned = pen.row(pen.elements(asked), [...(turn === null ? [] : [turn]), pen.view(asked)]);
    const weights = pen.over([pen.times(source, roles, 'indexer.proj')]);
    const scores = pen.row(cells, [pen.view(turned), pen.view(weights), mask]);
    return pen.row(chosen, [pen.row(chosen, [scores])]);
  }

  #weighed(
    queries: GraphTensor,
    keys: GraphTensor,
    mask: GraphTensor,
    near: CacheInputs,
    farCells: number,
  ): GraphTensor {
    const pen = this.#pen;
    pen.add(queries);
    pen.add(keys);
    pen.store(pen.view(keys), near.keyPlaces);
    const length = pen.elements(keys);
    const cells = near.cells + farCells;
    // The two caches are put behind each other.
    const all = farCells > 0 ? pen.graph.node(cells * rowBytes(length, pen.load.cacheType), []) : null;
    const shown = () => (all === null ? [] : [pen.graph.view(all)]);
    const outputs = pen.elements(queries);
    const asked = pen.view(pen.view(queries));
    if (pen.load.flashAttention)
      return pen.add(pen.view(pen.row(outputs, [asked, ...shown(), ...shown(), mask])));
    const across = pen.graph.node(F16 * cells * length, shown());
    const scores = pen.over([pen.row(cells * (pen.facts.heads ?? 0), [...shown(), asked]), mask]);
    return pen.add(pen.row(outputs, [pen.view(pen.row(outputs, [across, scores]))]));
  }
}
