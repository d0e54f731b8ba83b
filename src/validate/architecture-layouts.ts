import type { Dimensions } from './architecture-dimensions.ts';

/** A tensor that an architecture creates. */
export interface ExpectedTensor {
  readonly name: string;
  /** `ne` in ggml's order; trailing dimensions of 1 do not count. */
  readonly shape: readonly number[];
  readonly required: boolean;
}

type Layout = (dimensions: Dimensions, has: (name: string) => boolean) => Iterable<ExpectedTensor>;

const required = (name: string, ...shape: number[]): ExpectedTensor => ({ name, shape, required: true });
const optional = (name: string, ...shape: number[]): ExpectedTensor => ({ name, shape, required: false });

/**
 * What each covered architecture loads, from `load_arch_tensors` in src/models/*.cpp of llama.cpp v0.5.0. The loader
 * refuses a file that lacks one of these or holds any other ("wrong number of tensors").
 */
const LAYOUTS: Readonly<Record<string, Layout>> = {
  *phi3(d, has) {
    yield* outside(d);
    yield* longRopeFactors(d);
    for (const at of layersOf(d)) {
      yield required(`${at}.attn_norm.weight`, d.embedding);
      // Its queries are always as wide as the embedding (phi3.cpp), and fused unless a converter split them.
      yield* attention(d, at, has, d.embedding, !has(`${at}.attn_q.weight`));
      yield required(`${at}.attn_output.weight`, d.embedding, d.embedding);
      yield required(`${at}.ffn_norm.weight`, d.embedding);
      yield required(`${at}.ffn_down.weight`, d.feedForward, d.embedding);
      // Gate and up projection in one.
      yield required(`${at}.ffn_up.weight`, d.embedding, 2 * d.feedForward);
    }
  },
  *llama(d, has) {
    yield* outside(d);
    if (d.isLongRope) yield* longRopeFactors(d);
    else yield optional('rope_freqs.weight', d.ropeDimensions / 2);
    for (const at of layersOf(d)) {
      yield required(`${at}.attn_norm.weight`, d.embedding);
      yield* attention(d, at, has, d.keyLength * d.heads);
      yield required(`${at}.attn_output.weight`, d.keyLength * d.heads, d.embedding);
      yield optional(`${at}.attn_output.bias`, d.embedding);
      yield required(`${at}.ffn_norm.weight`, d.embedding);
      if (d.experts > 0) yield* experts(d, at);
      else {
        yield* gatedFeedForward(d, at);
        yield optional(`${at}.ffn_gate.bias`, d.feedForward);
        yield optional(`${at}.ffn_down.bias`, d.embedding);
        yield optional(`${at}.ffn_up.bias`, d.feedForward);
      }
    }
  },
  *gemma(d, has) {
    yield* outsideTied(d);
    for (const at of layersOf(d)) yield* plainLayer(d, at, has, d.keyLength * d.heads);
  },
  *gemma2(d, has) {
    yield* outsideTied(d);
    for (const at of layersOf(d)) {
      yield* plainLayer(d, at, has, d.keyLength * d.heads);
      yield* postNorms(d, at);
    }
  },
  *gemma3(d, has) {
    yield* outside(d);
    for (const at of layersOf(d)) {
      yield* plainLayer(d, at, has, d.keyLength * d.heads);
      yield* postNorms(d, at);
      yield* queryAndKeyNorms(d, at);
    }
  },
  *qwen2(d, has) {
    yield* outside(d);
    yield optional('output.bias', d.vocabulary);
    for (const at of layersOf(d)) yield* plainLayer(d, at, has, d.embedding);
  },
  *qwen3(d, has) {
    yield* outside(d);
    for (const at of layersOf(d)) {
      yield* plainLayer(d, at, has, d.keyLength * d.heads);
      yield* queryAndKeyNorms(d, at);
    }
  },
};

/** Architectures whose exact tensor set is known here. */
export const COVERED_ARCHITECTURES: readonly string[] = Object.keys(LAYOUTS);

/** Architectures whose output is always the embedding: an `output.weight` of their own is never loaded. */
export const TIED_ARCHITECTURES: readonly string[] = ['gemma', 'gemma2'];

/** Tensors that some models carry and whose shape follows from keys that are not covered. */
export const UNSHAPED_TENSORS: Readonly<Record<string, readonly string[]>> = {
  gemma3: ['dense_2.weight', 'dense_3.weight'],
  qwen3: ['cls.output.weight'],
};

/**
 * The tensors that a model of an architecture has; undefined for an architecture that is not covered.
 * @param has whether the file holds a tensor: fused and separate projections exclude each other
 */
export function expectedTensors(
  architecture: string,
  dimensions: Dimensions,
  has: (name: string) => boolean,
): ExpectedTensor[] | undefined {
  if (!Object.hasOwn(LAYOUTS, architecture)) return undefined;
  const layout = LAYOUTS[architecture];
  return layout === undefined ? undefined : [...layout(dimensions, has)];
}

function* layersOf({ layers }: Dimensions): Iterable<string> {
  for (let layer = 0; layer < layers; layer++) yield `blk.${layer}`;
}

function* outsideTied(d: Dimensions): Iterable<ExpectedTensor> {
  yield required('token_embd.weight', d.embedding, d.vocabulary);
  yield required('output_norm.weight', d.embedding);
}

function* outside(d: Dimensions): Iterable<ExpectedTensor> {
  yield* outsideTied(d);
  // Absent where the output is tied to the embedding.
  yield optional('output.weight', d.embedding, d.vocabulary);
}

function* longRopeFactors(d: Dimensions): Iterable<ExpectedTensor> {
  yield optional('rope_factors_long.weight', d.ropeDimensions / 2);
  yield optional('rope_factors_short.weight', d.ropeDimensions / 2);
}

/** `create_tensor_qkv`, src/llama-model.cpp:3270: one fused tensor or three. */
function* attention(
  d: Dimensions,
  at: string,
  has: (name: string) => boolean,
  queryWidth: number,
  isFused = has(`${at}.attn_qkv.weight`),
): Iterable<ExpectedTensor> {
  const widths = { q: queryWidth, k: d.keyLength * d.kvHeads, v: d.valueLength * d.kvHeads };
  const fusedWidth = widths.q + widths.k + widths.v;
  if (isFused) {
    yield required(`${at}.attn_qkv.weight`, d.embedding, fusedWidth);
    yield optional(`${at}.attn_qkv.bias`, fusedWidth);
  }
  for (const part of ['q', 'k', 'v'] as const) {
    if (!isFused) yield required(`${at}.attn_${part}.weight`, d.embedding, widths[part]);
    yield optional(`${at}.attn_${part}.bias`, widths[part]);
  }
}

function* gatedFeedForward(d: Dimensions, at: string): Iterable<ExpectedTensor> {
  yield required(`${at}.ffn_gate.weight`, d.embedding, d.feedForward);
  yield required(`${at}.ffn_up.weight`, d.embedding, d.feedForward);
  yield required(`${at}.ffn_down.weight`, d.feedForward, d.embedding);
}

function* experts(d: Dimensions, at: string): Iterable<ExpectedTensor> {
  yield required(`${at}.ffn_gate_inp.weight`, d.embedding, d.experts);
  yield optional(`${at}.ffn_gate_exps.weight`, d.embedding, d.feedForward, d.experts);
  yield required(`${at}.ffn_down_exps.weight`, d.feedForward, d.embedding, d.experts);
  yield required(`${at}.ffn_up_exps.weight`, d.embedding, d.feedForward, d.experts);
  if (d.sharedExpertLength === 0) return;
  yield required(`${at}.ffn_gate_shexp.weight`, d.embedding, d.sharedExpertLength);
  yield required(`${at}.ffn_up_shexp.weight`, d.embedding, d.sharedExpertLength);
  yield required(`${at}.ffn_down_shexp.weight`, d.sharedExpertLength, d.embedding);
}

function* plainLayer(
  d: Dimensions,
  at: string,
  has: (name: string) => boolean,
  queryWidth: number,
): Iterable<ExpectedTensor> {
  yield required(`${at}.attn_norm.weight`, d.embedding);
  yield* attention(d, at, has, queryWidth);
  yield required(`${at}.attn_output.weight`, queryWidth, d.embedding);
  yield required(`${at}.ffn_norm.weight`, d.embedding);
  yield* gatedFeedForward(d, at);
}

function* postNorms(d: Dimensions, at: string): Iterable<ExpectedTensor> {
  yield required(`${at}.post_attention_norm.weight`, d.embedding);
  yield required(`${at}.post_ffw_norm.weight`, d.embedding);
}

function* queryAndKeyNorms(d: Dimensions, at: string): Iterable<ExpectedTensor> {
  yield required(`${at}.attn_q_norm.weight`, d.keyLength);
  yield required(`${at}.attn_k_norm.weight`, d.keyLength);
}
