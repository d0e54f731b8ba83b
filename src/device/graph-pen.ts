import { modelFacts } from '../gguf/facts.ts';
import type { GgufHeader } from '../gguf/header.ts';
import { getNumber, getNumbers } from '../gguf/metadata.ts';
import { layoutOf } from '../gguf/tensor-types.ts';
import type { CacheType } from '../schema/terms.ts';
import { F32, GraphSketch, type GraphTensor } from './graph-buffer.ts';

export interface DecoderLoad {
  readonly contextSize: number;
  /** Tokens evaluated at once. */
  readonly tokens: number;
  readonly flashAttention: boolean;
  /** Of keys and values. */
  readonly cacheType: CacheType;
}

/** Columns, rows and further lengths of a layer's matrices by role: `attn_q`; biases and vectors with rows 1. */
export type Roles = ReadonlyMap<
  string,
  { readonly columns: number; readonly rows: number; readonly count: number }
>;

/** Norms with a mean, though without a bias. */
const LAYER_NORMS = /^(command-r|cohere2|dbrx|mpt|olmo|phimoe|stablelm)$/;

/** Keys and values of a quantized cache are turned by a Hadamard matrix (llama-kv-cache.cpp). */
export function isTurned(cacheType: CacheType): boolean {
  return layoutOf(cacheType.toUpperCase() as Uppercase<CacheType>).blockElements > 1;
}

/** Positions have coordinates: time, height, width, and one that is not used (llama_model_rope_type: MROPE). */
const IN_IMAGES = /^(qwen2vl|paddleocr|qwen3vl|qwen3vlmoe|qwen35|qwen35moe|qwen4exp|qwen3tts)$/;

/** Of what is turned, the smallest part. */
export const SMALLEST_TURN = 64;

/** The matrix that keys of this length are turned by. */
export function turnOf(pen: GraphPen, length: number): GraphTensor | null {
  if (length % SMALLEST_TURN !== 0 || length <= 0) return null;
  let size = SMALLEST_TURN;
  while (length % (2 * size) === 0) size *= 2;
  return pen.graph.input(F32 * size ** 2);
}

/** Draws the graph of one load: tensors by their elements a token, and the steps that all layers are made of. */
export class GraphPen {
  readonly graph = new GraphSketch();
  readonly load: DecoderLoad;
  readonly facts: ReturnType<typeof modelFacts>;
  readonly architecture: string;
  /** A number of the header under the architecture's name; 0 where it has none. */
  readonly own: (suffix: string) => number;
  /** Whether what gates and what is gated is kept within limits, each by a step of its own. */
  readonly isClamped: boolean;
  readonly #inputs = new Map<string, GraphTensor>();

  constructor(header: GgufHeader, load: DecoderLoad) {
    this.facts = modelFacts(header);
    this.architecture = this.facts.architecture ?? '';
    this.own = (suffix) => getNumber(header, `${this.architecture}.${suffix}`) ?? 0;
    const limits = getNumbers(header, `${this.architecture}.swiglu_clamp_exp`) ?? [];
    this.isClamped = this.architecture === 'bailingmoe3' && limits.some((limit) => limit > 0);
    // Grok is evaluated without flash attention, whatever is asked (llama-context.cpp).
    this.load = this.architecture === 'grok' ? { ...load, flashAttention: false } : load;
  }

  /** Evaluated now, with all that it is made of; anything else when something that is made of it is. */
  add(tensor: GraphTensor): GraphTensor {
    return this.graph.add(tensor);
  }

  /** What goes into a cache or a state, at once. */
  store(...sources: GraphTensor[]): void {
    this.graph.add(this.graph.node(0, sources));
  }

  input(elements: number): GraphTensor {
    return this.graph.input(F32 * this.load.tokens * elements);
  }

  /** An input that layers share. */
  shared(name: string, bytes: number): GraphTensor {
    const tensor = this.#inputs.get(name) ?? this.graph.input(bytes);
    this.#inputs.set(name, tensor);
    return tensor;
  }

  /** What rotations read. */
  get positions(): GraphTensor {
    return this.shared('positions', F32 * this.load.tokens * (IN_IMAGES.test(this.architecture) ? 4 : 1));
  }

  /** So many elements a token, and so many more for all. */
  row(elements: number, sources: readonly GraphTensor[], once = 0): GraphTensor {
    return this.graph.node(F32 * (this.load.tokens * elements + once), sources);
  }

  /** As large as the first of the sources, over one of them where nothing else reads it. */
  over(sources: readonly [GraphTensor, ...GraphTensor[]], isOutput = false): GraphTensor {
    return this.graph.node(sources[0].bytes, sources, { inPlace: true, isOutput });
  }

  view(of: GraphTensor, elements = this.elements(of)): GraphTensor {
    return this.graph.view(of, F32 * this.load.tokens * elements);
  }

  elements({ bytes }: GraphTensor): number {
    return bytes / F32 / this.load.tokens;
  }

  /** What a gate lets through. */
  gated(gate: GraphTensor, up: GraphTensor, elements: number): GraphTensor {
    if (this.architecture === 'graniteswitch') return this.over([this.over([gate]), up]);
    // Kimi K3 bends both by a tanh.
    if (this.architecture === 'kimi-k3')
      return this.over([this.over([this.over([gate]), this.over([gate])]), this.over([up])]);
    return this.isClamped
      ? this.over([this.over([this.over([gate])]), this.over([up])])
      : this.row(elements, [gate, up]);
  }

  /** A matrix times what came before, with its bias. */
  times(source: GraphTensor, roles: Roles, role: string): GraphTensor {
    const product = this.adapted(this.row(roles.get(role)?.rows ?? 0, [source]), source, roles, role);
    return roles.has(`${role}.bias`) ? this.over([product]) : product;
  }

  /** A product, and what the adapters that came with the model add to it (models/granite-switch.cpp). */
  adapted(product: GraphTensor, source: GraphTensor, roles: Roles, role: string): GraphTensor {
    const low = roles.get(`${role}.lora_a`);
    if (low === undefined) return product;
    const added = this.row(this.elements(product), [this.row(low.rows, [this.view(source)])]);
    return this.over([product, this.view(added)]);
  }

  norm(source: GraphTensor, roles: Roles, role: string, isOutput = false): GraphTensor {
    const hasBias = roles.has(`${role}.bias`);
    const hasMean = hasBias || LAYER_NORMS.test(this.architecture);
    const hasScale = roles.has(role);
    const isEnd = isOutput && !hasBias && !hasScale;
    let current = hasMean ? this.row(this.elements(source), [source]) : this.over([source], isEnd);
    if (hasScale) current = this.over([current], isOutput && !hasBias);
    return hasBias ? this.over([current], isOutput) : current;
  }
}
