import type { LayerMemory } from './attention-layers.ts';
import { BlockGraph } from './block-graph.ts';
import { CompressedGraph } from './compressed-graph.ts';
import { EncoderGraph } from './encoder-graph.ts';
import { F16, F32, type GraphTensor, I64 } from './graph-buffer.ts';
import { type GraphPen, isTurned, type Roles, SMALLEST_TURN } from './graph-pen.ts';
import { cachedTokens } from './kv-cache.ts';
import { type AttentionParts, type CacheInputs, LatentGraph } from './latent-graph.ts';
import { PooledGraph } from './pooled-graph.ts';

/** Positions are added, or weigh the scores (llama_model_rope_type: none). */
const UNROTATED =
  /^(gpt2|mpt|refact|bloom|jais|starcoder|jamba|t5|t5encoder|nemotron_h|nemotron_h_moe|kimi-linear|kimi-k3)$/;
/** Layers that see all tokens are without positions, where others are windowed. */
const UNROTATED_WHOLE = /^(cohere2|cohere2moe|exaone4|exaone-moe|afmoe|smallthinker)$/;
/** Texts are encoded without a look at the cache, and no scores of tokens are made. */
const ENCODES = /^(llama-embed|t5encoder)$/;
/** Values are normed as keys are. */
const NORMED_VALUES = /^gemma(3n|4)$/;

/** Attention of all layers over their caches, as build_attn of llama-graph.cpp evaluates it. */
export class AttentionGraph {
  readonly #pen: GraphPen;
  readonly #memories: readonly LayerMemory[];
  readonly #inputs = new Map<number | null, CacheInputs>();
  readonly #turns = new Map<string, GraphTensor>();
  readonly #latent: LatentGraph;
  readonly #blocks: BlockGraph;
  readonly #pools: PooledGraph;
  readonly #compressed: CompressedGraph;
  readonly encoder: EncoderGraph;

  constructor(pen: GraphPen, memories: readonly LayerMemory[]) {
    this.#pen = pen;
    this.#memories = memories;
    this.#compressed = new CompressedGraph(pen);
    this.#pools = new PooledGraph(pen);
    this.#blocks = new BlockGraph(pen);
    this.encoder = new EncoderGraph(pen);
    this.#latent = new LatentGraph(pen, this.#isRotated);
  }

  get #isRotated(): boolean {
    const { architecture, facts } = this.#pen;
    // Of Baichuan's models the one of 32 layers alone is.
    return architecture === 'baichuan' ? facts.layers === 32 : !UNROTATED.test(architecture);
  }

  get #isWindowed(): boolean {
    return this.#memories.some(({ window }) => window !== null);
  }

  get encodes(): boolean {
    return ENCODES.test(this.#pen.architecture);
  }

  /** What goes into the output matrix: a value of every head. */
  attended(source: GraphTensor, roles: Roles, memory: LayerMemory): GraphTensor {
    const pen = this.#pen;
    if (roles.has('attn_kv_a_mqa')) {
      const inputs = this.#cacheInputs(memory);
      const result = this.#latent.attended(source, roles, inputs, (parts) => this.#weighed(parts, memory));
      return this.#gated(result, source, roles);
    }
    if (roles.has('attn_kv'))
      return this.#compressed.attended(source, roles, memory, this.#cacheInputs(memory));
    const { keyElements, valueElements, window } = memory;
    const isWhole = window === null && this.#isWindowed && UNROTATED_WHOLE.test(pen.architecture);
    // Command A's first layers, which have no experts, are rotated all the same.
    const isForced = pen.architecture === 'cohere2moe' && !roles.has('ffn_gate_inp');
    const isRotated = this.#isRotated && (!isWhole || isForced);
    const rows = (role: string) => roles.get(role)?.rows ?? 0;
    const isFused = roles.has('attn_qkv');
    const fused = isFused ? pen.times(source, roles, 'attn_qkv') : null;
    const outputs = roles.get('attn_output')?.columns ?? 0;
    const { heads = 0, keyLength = 0 } = pen.facts;
    // The gate of the results may come out of the matrix of the queries.
    const isGated = !isFused && rows('attn_q') === 2 * outputs;
    const whole = isGated ? pen.times(source, roles, 'attn_q') : null;
    // Keys serve as values where the file has no matrix for those.
    const both = fused === null && !roles.has('attn_v') ? pen.times(source, roles, 'attn_k') : null;
    const part = (role: 'attn_q' | 'attn_k' | 'attn_v', elements: number): GraphTensor => {
      let made = pen.view(
        fused ?? (role === 'attn_q' ? whole : both) ?? pen.times(source, roles, role),
        elements,
      );
      if (fused !== null && roles.has(`${role}.lora_a`))
        made = pen.view(pen.adapted(pen.row(elements, [made]), source, roles, role));
      const shown = made;
      // Of a part of a matrix a new tensor is made.
      if (roles.has(`${role}_norm`)) made = pen.over([pen.over([made])]);
      else if (role === 'attn_v' && NORMED_VALUES.test(pen.architecture)) made = pen.over([made]);
      if (role !== 'attn_v' && isRotated) made = pen.over([made, pen.positions]);
      // A part of a fused matrix is written out before it is turned.
      const isLoose = fused !== null && made === shown;
      return this.#turned(made, role === 'attn_v' ? 'v' : 'k', memory, isLoose);
    };
    const chosen = this.#chosen(source, roles, memory);
    const queries = part('attn_q', isFused ? heads * keyLength : isGated ? outputs : rows('attn_q'));
    // Layers without a cache of their own look at that of a layer before.
    const isShared = keyElements === 0 && !this.encodes;
    const values = isShared ? null : part('attn_v', isFused ? valueElements : rows('attn_v'));
    const keys = isShared ? null : part('attn_k', isFused ? keyElements : rows('attn_k'));
    let current = this.#weighed({ queries, keys, values, outputs }, memory, chosen);
    if (roles.has('attn_sub_norm')) current = pen.norm(current, roles, 'attn_sub_norm');
    if (whole !== null) return pen.over([current, pen.over([pen.row(outputs, [pen.view(whole)])])]);
    return this.#gated(current, source, roles);
  }

  /** The mask of the cells that an indexer chooses, made when it is read; null where all are seen. */
  #chosen(source: GraphTensor, roles: Roles, memory: LayerMemory): GraphTensor | null {
    const pooled = memory.further.find(({ pooledCells = 0 }) => pooledCells > 0)?.pooledCells;
    const inputs = this.#cacheInputs(memory);
    if (pooled !== undefined) return this.#pools.mask(source, roles, pooled, inputs);
    if (!this.#blocks.chooses(roles)) return null;
    return this.#blocks.mask(this.#blocks.asked(source, roles, inputs), inputs);
  }

  #weighed(parts: AttentionParts, memory: LayerMemory, chosen: GraphTensor | null = null): GraphTensor {
    const pen = this.#pen;
    const { queries, keys, values, outputs } = parts;
    if (this.encodes && keys !== null && values !== null)
      return this.encoder.among({ queries, keys, values, outputs });
    pen.add(queries);
    const { mask: whole, keyPlaces, valuePlaces, cells } = this.#cacheInputs(memory);
    const mask = chosen ?? whole;
    const hasGroups = chosen !== null && this.#blocks.isUsed;
    if (keys !== null && values !== null) {
      // Where some layers are windowed, keys come first (the build_attn of llm_graph_input_attn_kv_iswa).
      if (this.#isWindowed || hasGroups) pen.add(keys);
      pen.add(values);
      pen.add(keys);
      pen.store(pen.view(keys), keyPlaces);
      pen.store(pen.view(values), valuePlaces);
    }
    const asked = pen.view(pen.view(queries));
    let current: GraphTensor;
    const isBiased = this.encoder.biased;
    if (pen.load.flashAttention && !isBiased) {
      current = pen.view(pen.row(outputs, [asked, mask]));
      // Where each group of heads has a mask, their results are put in order again.
      if (hasGroups) current = pen.view(pen.row(outputs, [current]));
    } else {
      let scores = pen.row(cells * (pen.facts.heads ?? 0), [asked]);
      if (isBiased) scores = pen.over([scores, this.encoder.distances(cells)]);
      // Where values lie along, they are written across.
      const across = pen.load.flashAttention ? [pen.graph.node(F16 * cells * memory.valueElements, [])] : [];
      const weighed = pen.row(outputs, [...across, pen.over([scores, mask])]);
      current = pen.row(outputs, [pen.view(weighed)]);
    }
    return this.#turned(pen.add(current), 'v', memory);
  }

  #gated(current: GraphTensor, source: GraphTensor, roles: Roles): GraphTensor {
    if (!roles.has('attn_gate')) return current;
    const pen = this.#pen;
    const gate = pen.over([pen.times(source, roles, 'attn_gate')]);
    // With one value for each head the results are shown by heads.
    const isByHead = pen.elements(gate) < pen.elements(current);
    return pen.over([isByHead ? pen.view(current) : current, gate]);
  }

  /** What is turned before it meets a turned cache. */
  #turned(source: GraphTensor, kind: 'k' | 'v', { window }: LayerMemory, isLoose = false): GraphTensor {
    const pen = this.#pen;
    const { keyLength = 0, valueLength = 0 } = pen.facts;
    const length = kind === 'k' ? keyLength : valueLength;
    if (this.encodes || !isTurned(pen.load.cacheType) || length % SMALLEST_TURN !== 0) return source;
    let size = SMALLEST_TURN;
    while (kind === 'k' && length % (2 * size) === 0) size *= 2;
    const name = `${kind} ${window}`;
    const turn = this.#turns.get(name) ?? pen.graph.input(F32 * size ** 2);
    this.#turns.set(name, turn);
    const whole = isLoose ? pen.row(pen.elements(source), [source]) : pen.view(source);
    return pen.view(pen.row(pen.elements(source), [turn, whole]));
  }

  /** One mask, and one set of places, for the layers that see all tokens, and another for windowed ones. */
  #cacheInputs(memory: LayerMemory): CacheInputs {
    const before = this.#inputs.get(memory.window);
    if (before !== undefined) return before;
    const { contextSize, tokens, flashAttention } = this.#pen.load;
    const cells = cachedTokens(memory, contextSize, tokens);
    const widest = Math.max(0, ...this.#memories.map(({ valueElements }) => valueElements));
    const { graph } = this.#pen;
    const inputs = {
      keyPlaces: graph.input(I64 * tokens),
      // Without flash attention values lie across, and each element has a place.
      valuePlaces: graph.input(I64 * tokens * (flashAttention ? 1 : widest)),
      mask: graph.input((flashAttention ? F16 : F32) * tokens * cells),
      cells,
    };
    this.#inputs.set(memory.window, inputs);
    return inputs;
  }
}
