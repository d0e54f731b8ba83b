import { modelFacts } from '../gguf/facts.ts';
import type { GgufHeader } from '../gguf/header.ts';
import { getNumber } from '../gguf/metadata.ts';
import { perHeader } from '../gguf/per-header.ts';
import { placeOfTensor } from '../gguf/tensor-names.ts';
import { layoutOf } from '../gguf/tensor-types.ts';
import type { CacheType } from '../schema/terms.ts';
import type { LayerMemory } from './attention-layers.ts';
import { GraphSketch, type GraphTensor } from './graph-buffer.ts';
import { cachedTokens } from './kv-cache.ts';

export interface DecoderLoad {
  readonly contextSize: number;
  /** Tokens evaluated at once. */
  readonly tokens: number;
  readonly flashAttention: boolean;
  /** Of keys and values. */
  readonly cacheType: CacheType;
}

/** Columns and rows of matrices by role: `attn_q`; biases and vectors with rows 1. */
type Roles = ReadonlyMap<string, { readonly columns: number; readonly rows: number }>;

/** What the sketch of a layer has a place for; a file with any other tensor is none that it describes. */
const KNOWN =
  /^(token_embd|token_embd_norm|position_embd|output|output_norm|rope_freqs|rope_factors_(long|short)|(attn|ffn)_norm|attn_norm_2|attn_(q|k|v|qkv|output)|attn_[qk]_norm|attn_gate|attn_output_norm|attn_sinks|attn_rot_embd|attn_sub_norm|ffn_sub_norm|(post_attention|post_ffw)_norm|ffn_(gate|up|down)|ffn_gate_inp|ffn_(gate|up|down)_exps|ffn_gate_inp_shexp|ffn_(gate|up|down)_shexp|exp_probs_b)(\.(bias|scale))?$/;
/** Positions are added, or weigh the scores (llama_model_rope_type: none). */
const UNROTATED = /^(gpt2|mpt|refact|bloom|jais)$/;
/** Norms with a mean, though without a bias. */
const LAYER_NORMS = /^(command-r|cohere2|cohere2moe|dbrx|mpt|olmo|phimoe|stablelm)$/;
/** Results are added to the residual, not the residual to them: its memory is written over (Phi-3: behind the experts alone). */
const RESIDUAL_FIRST = /^(phi3|openelm)$/;
/** What the last layer leaves is kept for predictions of further tokens. */
const KEEPS_LAST = /^gpt-oss$/;
/** Texts are encoded without a look at the cache, and no scores of tokens are made. */
const ENCODES = /^llama-embed$/;
/** Of feed-forwards beside the attention those that are evaluated before its output is multiplied. */
const FEED_FIRST = /^(falcon|plamo|command-r)$/;
const FEED_NORMS = ['ffn_norm', 'post_attention_norm', 'attn_output_norm'] as const;
const F32 = 4;
const SMALLEST_TURN = 64;
const I64 = 8;

interface Described {
  readonly outer: Roles;
  readonly layers: readonly Roles[];
  /** Of each layer, the same text for those that have the same matrices. */
  readonly kinds: readonly string[];
}

const described: (header: GgufHeader) => Described | null = perHeader((header) => {
  const layers: Map<string, { columns: number; rows: number }>[] = [];
  const outer = new Map<string, { columns: number; rows: number }>();
  for (const { name, shape } of header.tensors) {
    const { layer, role } = placeOfTensor(name);
    if (!KNOWN.test(role) || (layer ?? 0) > MOST_LAYERS) return null;
    const [columns = 1, rows = 1] = shape;
    const own = layer === undefined ? outer : (layers[layer] ?? new Map());
    if (layer !== undefined) layers[layer] = own;
    own.set(role, { columns, rows });
  }
  const known = Array.from(layers, (own) => own ?? new Map());
  return { outer, layers: known, kinds: known.map((own) => JSON.stringify([...own])) };
});

/** A file may claim any number. */
const MOST_LAYERS = 1000;
/** Layers of one kind in a row after which another changes nothing any more. */
const ENOUGH_LAYERS = 3;

/**
 * Bytes of the buffer for the graph of a decoder of attention and feed-forward layers or experts, as src/models and
 * llama-graph.cpp of llama.cpp v0.5.0 build it for a whole batch of which every token asks for output, on a CPU.
 * @param memories of the layers that are loaded
 * @returns null for a file with tensors of other kinds, whose graph has more in it
 */
export function decoderBufferBytes(
  header: GgufHeader,
  memories: readonly LayerMemory[],
  load: DecoderLoad,
): number | null {
  const known = described(header);
  // Without it a header is not that of a model that could be loaded.
  if (known === null || !memories.every((_, layer) => known.layers[layer]?.has('attn_output'))) return null;
  const { contextSize, tokens, flashAttention, cacheType } = load;
  const key = `${contextSize} ${tokens} ${flashAttention} ${isTurned(cacheType)}`;
  const answers = answersOf(header);
  const before = answers.get(key);
  if (before !== undefined) return before;
  const bytes = new Decoder(header, known, memories, load).bufferBytes();
  answers.set(key, bytes);
  return bytes;
}

/** Pages ask for every context with every type of cache, of which all that are turned have one graph. */
const answersOf = perHeader(() => new Map<string, number>());

/** Keys and values of a quantized cache are turned by a Hadamard matrix (llama-kv-cache.cpp). */
function isTurned(cacheType: CacheType): boolean {
  return layoutOf(cacheType.toUpperCase() as Uppercase<CacheType>).blockElements > 1;
}

interface AttentionInputs {
  readonly mask: GraphTensor;
  readonly keyPlaces: GraphTensor;
  readonly valuePlaces: GraphTensor;
  readonly cells: number;
}

class Decoder {
  readonly #graph = new GraphSketch();
  readonly #known: Described;
  readonly #memories: readonly LayerMemory[];
  readonly #load: DecoderLoad;
  readonly #facts: ReturnType<typeof modelFacts>;
  readonly #own: (suffix: string) => number;
  readonly #inputs = new Map<number | null, AttentionInputs>();
  #positions: GraphTensor | null = null;
  readonly #turns: { k?: GraphTensor; v?: GraphTensor } = {};

  constructor(header: GgufHeader, known: Described, memories: readonly LayerMemory[], load: DecoderLoad) {
    this.#facts = modelFacts(header);
    this.#own = (suffix) => getNumber(header, `${this.#facts.architecture}.${suffix}`) ?? 0;
    this.#known = known;
    this.#memories = memories;
    // Grok is evaluated without flash attention, whatever is asked (llama-context.cpp).
    this.#load = this.#facts.architecture === 'grok' ? { ...load, flashAttention: false } : load;
  }

  bufferBytes(): number {
    const { embeddingLength = 0, vocabularySize = 0 } = this.#facts;
    const ids = this.#input(1);
    // What embeddings in place of tokens would come in.
    this.#input(embeddingLength * (1 + this.#own('n_deepstack_layers')));
    let current = this.#row(embeddingLength, [ids]);
    const { outer } = this.#known;
    if (outer.has('position_embd')) {
      this.#positions = this.#input(1);
      current = this.#over(embeddingLength, [current, this.#row(embeddingLength, [this.#positions])]);
    }
    if (outer.has('token_embd_norm')) current = this.#norm(current, outer, 'token_embd_norm');
    for (const layer of this.#layersThatCount()) current = this.#layer(current, layer);
    const last = this.#norm(current, outer, 'output_norm', true);
    const scores = this.#encodes ? 0 : vocabularySize;
    this.#graph.node(F32 * this.#load.tokens * scores, [last], { isOutput: true });
    return this.#graph.bufferBytes();
  }

  get #encodes(): boolean {
    return ENCODES.test(this.#facts.architecture ?? '');
  }

  /** All but those behind a few of the same kind: the allocator's state repeats itself. */
  #layersThatCount(): number[] {
    const kinds = this.#memories.map(
      ({ window, keyElements }, layer) => `${window} ${keyElements} ${this.#known.kinds[layer]}`,
    );
    return kinds.flatMap((kind, layer) =>
      kinds.slice(Math.max(0, layer - ENOUGH_LAYERS), layer).filter((before) => before === kind).length <
        ENOUGH_LAYERS || layer === kinds.length - 1
        ? [layer]
        : [],
    );
  }

  #input(elements: number): GraphTensor {
    return this.#graph.input(F32 * this.#load.tokens * elements);
  }

  /** So many elements a token. */
  #row(elements: number, sources: readonly GraphTensor[]): GraphTensor {
    return this.#graph.node(F32 * this.#load.tokens * elements, sources);
  }

  /** The same, over one of the sources where nothing else reads it. */
  #over(elements: number, sources: readonly GraphTensor[], isOutput = false): GraphTensor {
    return this.#graph.node(F32 * this.#load.tokens * elements, sources, { inPlace: true, isOutput });
  }

  #elements({ bytes }: GraphTensor): number {
    return bytes / F32 / this.#load.tokens;
  }

  /** A matrix times what came before, with its bias. */
  #times(source: GraphTensor, roles: Roles, role: string, sources: readonly GraphTensor[] = []): GraphTensor {
    const rows = roles.get(role)?.rows ?? 0;
    const product = this.#row(rows, [source, ...sources]);
    return roles.has(`${role}.bias`) ? this.#over(rows, [product]) : product;
  }

  #norm(source: GraphTensor, roles: Roles, role: string, isOutput = false): GraphTensor {
    const elements = this.#elements(source);
    const hasBias = roles.has(`${role}.bias`);
    const hasMean = hasBias || LAYER_NORMS.test(this.#facts.architecture ?? '');
    let current = hasMean ? this.#row(elements, [source]) : this.#over(elements, [source]);
    if (roles.has(role)) current = this.#over(elements, [current], isOutput && !hasBias);
    return hasBias ? this.#over(elements, [current], isOutput) : current;
  }

  #layer(before: GraphTensor, index: number): GraphTensor {
    let source = before;
    const roles = this.#known.layers[index] ?? new Map();
    const memory = this.#memories[index];
    const width = this.#elements(source);
    const normed = roles.has('attn_norm') ? this.#norm(source, roles, 'attn_norm') : source;
    const hasAttention = roles.has('attn_output');
    const attended = hasAttention && memory !== undefined ? this.#attention(normed, roles, memory) : null;
    const isParallel = FEED_NORMS.every((role) => !roles.has(role));
    const isFeedFirst = FEED_FIRST.test(this.#facts.architecture ?? '');
    const feedBeside = () =>
      this.#feed(roles.has('attn_norm_2') ? this.#norm(source, roles, 'attn_norm_2') : normed, roles);
    const fedBefore = isParallel && isFeedFirst ? feedBeside() : null;
    let mixed = attended === null ? normed : this.#times(attended, roles, 'attn_output');
    const isLast = index === this.#memories.length - 1;
    if (isLast) {
      // The rows of the tokens that ask for output: all.
      const asked = this.#input(1);
      mixed = this.#row(width, [mixed, asked]);
      source = this.#row(width, [source, asked]);
    }
    // What gpt-oss and DBRX call by the name of a norm behind attention is the one before the experts.
    const feedNorm = FEED_NORMS.find((role) => roles.has(role));
    const hasPostNorm =
      roles.has('post_attention_norm') && (feedNorm === 'ffn_norm' || !roles.has('ffn_gate_inp'));
    if (hasPostNorm) mixed = this.#norm(mixed, roles, 'post_attention_norm');
    if (feedNorm === undefined) {
      const both = fedBefore === null ? [mixed, feedBeside()] : [fedBefore, mixed];
      return this.#over(width, [this.#over(width, both), source]);
    }
    const isFirst = RESIDUAL_FIRST.test(this.#facts.architecture ?? '');
    const isFirstBefore = isFirst && this.#facts.architecture !== 'phi3';
    const between = this.#over(width, isFirstBefore ? [source, mixed] : [mixed, source]);
    const isFeedNormed = feedNorm === 'ffn_norm' || !hasPostNorm;
    let fed = this.#feed(isFeedNormed ? this.#norm(between, roles, feedNorm) : between, roles);
    if (roles.has('post_ffw_norm')) fed = this.#norm(fed, roles, 'post_ffw_norm');
    return this.#over(
      width,
      isFirst ? [between, fed] : [fed, between],
      isLast && KEEPS_LAST.test(this.#facts.architecture ?? ''),
    );
  }

  #attention(source: GraphTensor, roles: Roles, memory: LayerMemory): GraphTensor {
    const { keyElements, valueElements } = memory;
    const isFused = roles.has('attn_qkv');
    const fused = isFused ? this.#times(source, roles, 'attn_qkv') : null;
    const outputs = roles.get('attn_output')?.columns ?? 0;
    const { heads = 0, keyLength = 0 } = this.#facts;
    const part = (role: 'attn_q' | 'attn_k' | 'attn_v', elements: number): GraphTensor => {
      let made =
        fused === null ? this.#graph.view(this.#times(source, roles, role)) : this.#graph.view(fused);
      if (roles.has(`${role}_norm`)) {
        // Of a part of a matrix a new tensor is made.
        made = this.#over(elements, [made]);
        made = this.#over(elements, [made]);
      }
      const isPlaced = role !== 'attn_v' && !UNROTATED.test(this.#facts.architecture ?? '');
      if (isPlaced) made = this.#over(elements, [made, this.#places()]);
      return this.#spread(made, elements, role === 'attn_v' ? 'v' : 'k');
    };
    const rows = (role: string) => roles.get(role)?.rows ?? 0;
    const queries = part('attn_q', isFused ? heads * keyLength : rows('attn_q'));
    const values = part('attn_v', isFused ? valueElements : rows('attn_v'));
    const keys = part('attn_k', isFused ? keyElements : rows('attn_k'));
    const { mask, keyPlaces, valuePlaces, cells } = this.#attended(memory);
    this.#graph.node(0, [this.#graph.view(keys), keyPlaces]);
    this.#graph.node(0, [this.#graph.view(values), valuePlaces]);
    const asked = this.#graph.view(this.#graph.view(queries));
    let current: GraphTensor;
    if (this.#load.flashAttention) {
      current = this.#graph.view(this.#row(outputs, [asked, mask]));
    } else {
      const scores = this.#row(cells * heads, [asked]);
      const weighed = this.#row(outputs, [this.#over(cells * heads, [scores, mask])]);
      current = this.#row(outputs, [this.#graph.view(weighed)]);
    }
    current = this.#spread(current, outputs, 'v');
    if (roles.has('attn_sub_norm')) current = this.#norm(current, roles, 'attn_sub_norm');
    if (roles.has('attn_gate')) {
      const gate = this.#times(source, roles, 'attn_gate');
      current = this.#over(outputs, [current, this.#over(this.#elements(gate), [gate])]);
    }
    return current;
  }

  /** What is turned before it meets a turned cache. */
  #spread(source: GraphTensor, elements: number, kind: 'k' | 'v'): GraphTensor {
    const { keyLength = 0, valueLength = 0 } = this.#facts;
    const length = kind === 'k' ? keyLength : valueLength;
    if (!isTurned(this.#load.cacheType) || length % SMALLEST_TURN !== 0) return source;
    let size = SMALLEST_TURN;
    while (kind === 'k' && length % (2 * size) === 0) size *= 2;
    const turn = this.#turns[kind] ?? this.#graph.input(F32 * size ** 2);
    this.#turns[kind] = turn;
    return this.#row(elements, [this.#graph.view(source), turn]);
  }

  #places(): GraphTensor {
    this.#positions ??= this.#input(1);
    return this.#positions;
  }

  /** One mask, and one set of places, for the layers that see all tokens, and another for windowed ones. */
  #attended(memory: LayerMemory): AttentionInputs {
    const before = this.#inputs.get(memory.window);
    if (before !== undefined) return before;
    const { contextSize, tokens, flashAttention } = this.#load;
    const cells = this.#encodes ? tokens : cachedTokens(memory, contextSize, tokens);
    const widest = Math.max(0, ...this.#memories.map(({ valueElements }) => valueElements));
    const inputs = {
      keyPlaces: this.#graph.input(I64 * tokens),
      // Without flash attention values lie across, and each element has a place.
      valuePlaces: this.#graph.input(I64 * tokens * (flashAttention ? 1 : widest)),
      mask: this.#graph.input((flashAttention ? 2 : F32) * tokens * cells),
      cells,
    };
    this.#inputs.set(memory.window, inputs);
    return inputs;
  }

  #feed(source: GraphTensor, roles: Roles): GraphTensor {
    if (!roles.has('ffn_gate_inp')) return this.#dense(source, roles, '');
    const routed = this.#experts(source, roles);
    if (!roles.has('ffn_up_shexp')) return routed;
    let shared = this.#dense(source, roles, '_shexp');
    const width = this.#elements(shared);
    if (roles.has('ffn_gate_inp_shexp')) shared = this.#over(width, [shared, this.#row(1, [source])]);
    return this.#over(width, [routed, shared]);
  }

  #dense(source: GraphTensor, roles: Roles, suffix: string): GraphTensor {
    const wide = roles.get(`ffn_down${suffix}`)?.columns ?? 0;
    if (wide === 0) return this.#over(this.#elements(source), [source]);
    const gate = roles.has(`ffn_gate${suffix}`) ? this.#times(source, roles, `ffn_gate${suffix}`) : null;
    const up = this.#times(source, roles, `ffn_up${suffix}`);
    // Gate and up may come out of one matrix.
    const isGated = gate !== null || this.#elements(up) > wide;
    let inner = isGated ? this.#row(wide, gate === null ? [up] : [gate, up]) : this.#over(wide, [up]);
    if (roles.has('ffn_sub_norm')) inner = this.#norm(inner, roles, 'ffn_sub_norm');
    return this.#times(inner, roles, `ffn_down${suffix}`);
  }

  /** build_moe_ffn of llama-graph.cpp: results of all chosen experts stand beside each other. */
  #experts(source: GraphTensor, roles: Roles): GraphTensor {
    const { experts = 0, expertsUsed = 1 } = this.#facts;
    const width = this.#elements(source);
    const wide = (roles.get('ffn_down_exps')?.columns ?? 0) * expertsUsed;
    const likely = this.#over(experts, [this.#times(source, roles, 'ffn_gate_inp')]);
    const seen = this.#graph.view(likely);
    const chosen = this.#graph.view(this.#row(experts, [likely]));
    const shares = this.#row(expertsUsed, [seen, chosen]);
    const shown = this.#graph.view(source);
    const gate = roles.has('ffn_gate_exps') ? this.#row(wide, [shown, chosen]) : null;
    const up = this.#row(wide, [shown, chosen]);
    const inner = gate === null ? this.#over(wide, [up]) : this.#row(wide, [gate, up]);
    const down = this.#row(width * expertsUsed, [inner, chosen]);
    const weighed = this.#over(width * expertsUsed, [down, shares]);
    const results = Array.from({ length: expertsUsed }, () => this.#graph.view(weighed));
    let total = this.#row(width, results.slice(0, 2));
    for (const result of results.slice(2)) total = this.#over(width, [total, result]);
    return total;
  }
}
