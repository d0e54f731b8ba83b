import { modelFacts } from '../gguf/facts.ts';
import type { GgufHeader } from '../gguf/header.ts';
import { getNumber, getNumbers } from '../gguf/metadata.ts';
import { perHeader } from '../gguf/per-header.ts';
import { sum } from '../util/sum.ts';
import { type LayerMemory, layerMemories } from './attention-layers.ts';
import { isSketched } from './decoder-graph.ts';
import { cachedTokens } from './kv-cache.ts';

export interface ComputeRequest {
  readonly contextSize: number;
  /** Tokens evaluated at once, `n_ubatch`. */
  readonly microBatch: number;
  readonly flashAttention: boolean;
  /** Whether all layers are on a GPU: the inputs then stand in host memory a second time. */
  readonly onGpu: boolean;
}

/** The widths that a model's largest intermediate results are made of, in elements a token. */
export interface GraphWidths {
  readonly embedding: number;
  readonly feedForward: number;
  readonly vocabulary: number;
  readonly heads: number;
  /** Q, K and V come out of one matrix, gate and up out of another: Phi-3. */
  readonly fused: boolean;
  /** Further inputs a token: Gemma's embedding for every layer, Qwen4's of phrases. */
  readonly perLayerInputs: number;
}

/**
 * Whether a file has tensors that no graph is known of, so that the formula below stands in. It was within 3 % of few
 * architectures that it was tried on, and between a hundredth and ten times the buffer of others.
 */
export function isByFormula(header: GgufHeader): boolean {
  return !isSketched(header, layerMemories(header));
}

const F32_BYTES = 4;
const F16_BYTES = 2;
const I64_BYTES = 8;
/** Ids, positions and output positions, 4 bytes each; the cells that keys go to, 8. */
const INPUT_BYTES = 3 * 4 + I64_BYTES;

/**
 * Bytes of llama.cpp's compute buffers: where the intermediate results of one batch stand. The allocator
 * (ggml-alloc.c) lets results share memory whose lives do not overlap, so the buffer is as large as the widest
 * moment of the graph (`sched_reserve` in llama-context.cpp reserves it for a full batch in which every token
 * asks for output):
 *
 *     logits        vocabulary + 2 embedding                    [+ feedForward where fused]
 *     feed-forward  3 feedForward + 4 embedding + mask + inputs [3 embedding where fused]
 *     attention     5 embedding + mask + inputs + scores        [3 embedding where fused]
 *
 * in F32 times the tokens of a batch. The mask has a value for every pair of token and cache cell, F16 with
 * flash attention, else F32. Only without flash attention there are scores (heads × cells, F32) and 64-bit
 * places for every element of the values, which are then stored transposed. The whole multiples of the
 * embedding were read off the engine's own figures: models of several shapes, 512 to 8,192 tokens.
 */
export function computeBytes(
  widths: GraphWidths,
  layers: readonly LayerMemory[],
  request: ComputeRequest,
): number {
  const { contextSize, microBatch, flashAttention } = request;
  const tokens = Math.min(microBatch, contextSize);
  const { inputs, scored } = inputsOf(layers, request);
  const { embedding, feedForward, vocabulary, heads, fused } = widths;
  const scores = flashAttention ? 0 : heads * scored * F32_BYTES;
  const moments = [
    F32_BYTES * (vocabulary + 2 * embedding + (fused ? feedForward : 0)),
    F32_BYTES * (3 * feedForward + (fused ? 3 : 4) * embedding) + inputs,
    F32_BYTES * (fused ? 3 : 5) * embedding + inputs + scores,
  ];
  return tokens * Math.max(...moments);
}

/** Where a GPU has all layers, the inputs stand in host memory a second time; 0 on a CPU. */
export function hostBytes(
  { embedding, perLayerInputs }: GraphWidths,
  layers: readonly LayerMemory[],
  request: ComputeRequest,
): number {
  if (!request.onGpu) return 0;
  const tokens = Math.min(request.microBatch, request.contextSize);
  return tokens * (inputsOf(layers, request).inputs + F32_BYTES * (embedding + perLayerInputs));
}

/** Bytes of a token's inputs, and the most cells that it is scored against. */
function inputsOf(
  layers: readonly LayerMemory[],
  { contextSize, microBatch, flashAttention }: ComputeRequest,
): { readonly inputs: number; readonly scored: number } {
  const tokens = Math.min(microBatch, contextSize);
  // One mask and one set of places for the layers that see all tokens, and another for windowed ones.
  const attending = layers.filter(({ keyElements }) => keyElements > 0);
  const cells = [...new Set(attending.map((layer) => cachedTokens(layer, contextSize, tokens)))];
  const scored = Math.max(0, ...cells);
  const mask = sum(cells) * (flashAttention ? F16_BYTES : F32_BYTES);
  const places = flashAttention
    ? 0
    : cells.length * I64_BYTES * Math.max(0, ...layers.map(({ valueElements }) => valueElements));
  return { inputs: mask + places + INPUT_BYTES, scored };
}

/** The widths of a model's graph, from its header; 0 where it does not say one. */
export const graphWidths: (header: GgufHeader) => GraphWidths = perHeader(widthsOf);

function widthsOf(header: GgufHeader): GraphWidths {
  const facts = modelFacts(header);
  const { architecture = '', layers = 0, experts = 0, expertsUsed = 0 } = facts;
  const own = (suffix: string) => getNumber(header, `${architecture}.${suffix}`);
  const expertWidths = getNumbers(header, `${architecture}.expert_feed_forward_length`) ?? [];
  const expertWidth = expertWidths.reduce((widest, width) => Math.max(widest, width), 0);
  // Every chosen expert has results of its own.
  const routed = experts > 0 ? expertsUsed * (expertWidth || (facts.feedForwardLength ?? 0)) : 0;
  const perPhrase = own('ple.heads_per_ngram');
  const phrases = perPhrase === undefined ? layers : perPhrase * ((own('ple.ngram_size') ?? 1) - 1);
  const has = (wanted: string): boolean => header.tensors.some(({ name }) => name === wanted);
  return {
    embedding: facts.embeddingLength ?? 0,
    feedForward: Math.max(routed, experts > 0 ? 0 : (facts.feedForwardLength ?? 0)),
    vocabulary: facts.vocabularySize ?? 0,
    heads: facts.heads ?? 0,
    fused: has('blk.0.attn_qkv.weight') && !has('blk.0.ffn_gate.weight'),
    perLayerInputs: phrases * (own('embedding_length_per_layer_input') ?? 0),
  };
}
