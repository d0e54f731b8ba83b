import {
  bytesForElements,
  type GgufHeader,
  layoutOf,
  type TensorInfo,
  type TensorType,
} from '../../src/gguf/index.ts';
import { headerOf, LOGGED_BUFFERS, type ModelShape } from '../../test/device/model-shapes.ts';

/**
 * The tensors of the models in phones.csv, whose files are not here: their shapes from the published
 * configurations, their types from the rules of llama.cpp's quantizer (llama_tensor_get_type in
 * src/llama-quant.cpp). The file's weights column checks them.
 */

/** Labels of phones.csv. */
export const LABELS = ['iq1_s', 'q2_k', 'q3_k_m', 'q4_0', 'q4_k_m', 'q5_k_m', 'q6_k', 'q8_0'] as const;
export type Label = (typeof LABELS)[number];

interface Matrix {
  readonly name: string;
  readonly columns: number;
  readonly rows: number;
}

/** The header of that model at that quantization, or undefined where phones.csv has no such model. */
export function quantizedHeader(model: string, label: Label): GgufHeader | undefined {
  const shape = LOGGED_BUFFERS[model]?.shape ?? OTHERS[model];
  if (shape === undefined) return undefined;
  const matrices = matricesOf(model, shape);
  const recipe: Recipe = {
    label,
    grouped: shape.heads / shape.kvHeads >= 4,
    layers: shape.layers,
    tied: !UNTIED.has(model),
    raised: ATTENTION_RAISED.has(model),
    imatrix: !WITHOUT_IMATRIX.has(model),
  };
  let offset = 0;
  const quantized = matrices.map(({ name, columns, rows }): TensorInfo => {
    const type = typeOf(name, columns, recipe);
    const elements = columns * rows;
    const sizeBytes = bytesForElements(type, elements);
    const tensor = { name, type, shape: [columns, rows], offset, sizeBytes, elements };
    offset += sizeBytes;
    return tensor;
  });
  const vectors = vectorsOf(shape).map(([name, elements]): TensorInfo => {
    const sizeBytes = bytesForElements('F32', elements);
    const tensor = { name, type: 'F32' as const, shape: [elements], offset, sizeBytes, elements };
    offset += sizeBytes;
    return tensor;
  });
  return { ...headerOf(shape), tensors: [...quantized, ...vectors] };
}

/** Norms, biases and the like: small, but each one is an operation more in the graph. */
function vectorsOf({
  architecture,
  layers,
  embedding,
  headLength,
  recurrent,
}: ModelShape): [string, number][] {
  const always = ['attn_norm', 'ffn_norm'];
  const further: Readonly<Record<string, readonly string[]>> = {
    qwen2: ['attn_q.bias', 'attn_k.bias', 'attn_v.bias'],
    qwen3: ['attn_q_norm', 'attn_k_norm'],
    gemma3: ['attn_q_norm', 'attn_k_norm', 'post_attention_norm', 'post_ffw_norm'],
    gemma4: [
      'attn_q_norm',
      'attn_k_norm',
      'post_attention_norm',
      'post_ffw_norm',
      'post_norm',
      'layer_output_scale',
    ],
    lfm2: ['attn_q_norm', 'attn_k_norm'],
    qwen35: ['attn_q_norm', 'attn_k_norm'],
  };
  const ofRecurrent: Readonly<Record<string, readonly string[]>> = {
    lfm2: ['shortconv.conv'],
    qwen35: ['ssm_conv1d', 'ssm_a', 'ssm_dt.bias', 'ssm_norm'],
  };
  return Array.from({ length: layers }, (_, layer) => layer).flatMap((layer) =>
    [...always, ...((recurrent?.(layer) ? ofRecurrent : further)[architecture] ?? [])].map(
      (role): [string, number] => {
        const name = `blk.${layer}.${role}${/bias$/.test(role) ? '' : '.weight'}`;
        if (role === 'ssm_conv1d') return [name, 4 * 6144];
        if (role === 'shortconv.conv') return [name, 3 * embedding];
        return [name, /_(q|k)_norm$/.test(role) ? headLength : embedding];
      },
    ),
  );
}

/** Models with an output matrix of their own; the others use the token embedding a second time. */
const UNTIED = new Set([
  'phi-3.5-mini',
  'deepseek-r1-distill-qwen-1.5b',
  'qwen3-1.7b',
  'tinyllama-1.1b',
  'mistral-7b',
]);

/** Models of devices.json that phones.csv does not have. */
const LLAMA = { architecture: 'llama', heads: 32, vocabulary: 32_000 } as const;
const OTHERS: Readonly<Record<string, ModelShape>> = {
  'tinyllama-1.1b': { ...LLAMA, layers: 22, embedding: 2048, feedForward: 5632, kvHeads: 4, headLength: 64 },
  'mistral-7b': { ...LLAMA, layers: 32, embedding: 4096, feedForward: 14_336, kvHeads: 8, headLength: 128 },
};

/** Uploads that keep the attention a step more precise than the quantizer's rules; inferred from the file's weights. */
const ATTENTION_RAISED = new Set(['qwen3.5-0.8b', 'qwen3.5-2b', 'gemma-4-e2b']);
const RAISED = {
  iq1_s: ['IQ3_S', 'IQ2_S'],
  q2_k: ['Q4_K', 'Q3_K'],
  q3_k_m: ['Q5_K', 'Q4_K'],
  q4_0: ['Q4_1', 'Q4_0'],
  q4_k_m: ['Q6_K', 'Q5_K'],
  q5_k_m: ['Q8_0', 'Q5_K'],
  q6_k: ['Q8_0', 'Q6_K'],
  q8_0: ['Q8_0', 'Q8_0'],
} as const satisfies Record<Label, readonly [TensorType, TensorType]>;

/** Quantized without an importance matrix, which adds Q4_1 to Q4_0. */
const WITHOUT_IMATRIX = new Set(['lfm2.5-1.2b-instruct', 'tinyllama-1.1b', 'mistral-7b']);

function matricesOf(model: string, shape: ModelShape): Matrix[] {
  const { layers, embedding, feedForward, heads, kvHeads, headLength, vocabulary } = shape;
  const matrices: Matrix[] = [{ name: 'token_embd.weight', columns: embedding, rows: vocabulary }];
  if (UNTIED.has(model)) matrices.push({ name: 'output.weight', columns: embedding, rows: vocabulary });
  const isGemma4 = shape.architecture === 'gemma4';
  const isQwen35 = shape.architecture === 'qwen35';
  if (isGemma4) {
    matrices.push({ name: 'per_layer_token_embd.weight', columns: 256 * layers, rows: vocabulary });
    matrices.push({ name: 'per_layer_model_proj.weight', columns: embedding, rows: 256 * layers });
  }
  for (let layer = 0; layer < layers; layer++) {
    const add = (role: string, columns: number, rows: number): void => {
      matrices.push({ name: `blk.${layer}.${role}.weight`, columns, rows });
    };
    if (shape.recurrent?.(layer)) {
      if (isQwen35) {
        // Gated delta net of 16 heads of 128: Q, K and V in one, their gate, and two scalars a head.
        add('attn_qkv', embedding, 6144);
        add('attn_gate', embedding, 2048);
        add('ssm_out', 2048, embedding);
        add('ssm_alpha', embedding, 16);
        add('ssm_beta', embedding, 16);
      } else {
        add('shortconv.in_proj', embedding, 3 * embedding);
        add('shortconv.out_proj', embedding, embedding);
      }
    } else if (shape.fused) {
      add('attn_qkv', embedding, (heads + 2 * kvHeads) * headLength);
      add('attn_output', heads * headLength, embedding);
    } else {
      const seesAll = !isGemma4 || (layer + 1) % 5 === 0;
      const length = seesAll ? headLength : 256;
      // Qwen 3.5's query matrix holds the attention's gate as well.
      add('attn_q', embedding, heads * length * (isQwen35 ? 2 : 1));
      add('attn_k', embedding, kvHeads * length);
      add('attn_v', embedding, kvHeads * length);
      add('attn_output', heads * length, embedding);
    }
    // Gemma 4's layers that reuse another's cache are twice as wide.
    const width = isGemma4 && layer < 15 ? feedForward / 2 : feedForward;
    if (!shape.fused) add('ffn_gate', embedding, width);
    add('ffn_up', embedding, shape.fused ? 2 * width : width);
    add('ffn_down', width, embedding);
    if (isGemma4) {
      add('inp_gate', embedding, 256);
      add('proj', 256, embedding);
    }
  }
  return matrices;
}

/** `iq1_s` files are IQ2_M by their size: no IQ1_S is made of models this small. */
const DEFAULT_TYPES = {
  iq1_s: 'IQ2_S',
  q2_k: 'Q2_K',
  q3_k_m: 'Q3_K',
  q4_0: 'Q4_0',
  q4_k_m: 'Q4_K',
  q5_k_m: 'Q5_K',
  q6_k: 'Q6_K',
  q8_0: 'Q8_0',
} as const satisfies Record<Label, TensorType>;

interface Recipe {
  readonly label: Label;
  /** Four or more query heads share a key. */
  readonly grouped: boolean;
  readonly layers: number;
  readonly tied: boolean;
  readonly raised: boolean;
  readonly imatrix: boolean;
}

function typeOf(name: string, columns: number, recipe: Recipe): TensorType {
  // Kept as converted (tensor_allows_quantization).
  if (name === 'per_layer_model_proj.weight') return 'BF16';
  if (/ssm_(alpha|beta)/.test(name)) return 'F32';
  return fallback(mixedType(name, columns, recipe), columns);
}

function mixedType(name: string, columns: number, recipe: Recipe): TensorType {
  const { label, grouped, layers, tied, raised, imatrix } = recipe;
  const base = DEFAULT_TYPES[label];
  if (label === 'q8_0') return base;
  const isEmbedding = /token_embd\.weight$/.test(name);
  if (name === 'output.weight' || (tied && isEmbedding)) {
    if (columns % layoutOf(base).blockElements !== 0) return 'Q8_0';
    return label === 'iq1_s' ? 'Q5_K' : 'Q6_K';
  }
  if (isEmbedding) return label === 'iq1_s' ? 'IQ3_S' : base;
  const layer = Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? 0);
  const isAmongFirst = (share: number) => layer < Math.floor(layers / share);
  const eighth = Math.floor(layers / 8);
  const moreBits = layer < eighth || layer >= Math.floor((7 * layers) / 8) || (layer - eighth) % 3 === 2;
  const role = name.replace(/^blk\.\d+\./, '').replace(/\.weight$/, '');
  if (raised && /^attn_(q|k|v|qkv)$/.test(role)) return RAISED[label][0];
  if (raised && /^(attn_gate|ssm_out)$/.test(role)) return RAISED[label][1];
  switch (role) {
    case 'attn_v':
      if (label === 'iq1_s') return grouped ? 'Q4_K' : 'IQ3_S';
      if (label === 'q2_k') return grouped ? 'Q4_K' : 'Q3_K';
      if (label === 'q3_k_m') return layer < 2 ? 'Q5_K' : 'Q4_K';
      return moreBits && isMixOfSix(label) ? 'Q6_K' : base;
    case 'attn_qkv':
      if (label === 'q3_k_m') return 'Q4_K';
      if (label === 'q4_k_m') return 'Q5_K';
      return label === 'q5_k_m' ? 'Q6_K' : base;
    case 'attn_output':
      if (label === 'iq1_s') return 'IQ3_S';
      if (label === 'q2_k') return 'Q3_K';
      return label === 'q3_k_m' ? 'Q4_K' : base;
    case 'ffn_down':
      if (label === 'iq1_s') return isAmongFirst(8) ? 'IQ3_S' : base;
      if (label === 'q2_k') return 'Q3_K';
      if (label === 'q3_k_m') return isAmongFirst(16) ? 'Q5_K' : 'Q4_K';
      if (label === 'q4_0') return imatrix && isAmongFirst(8) ? 'Q4_1' : base;
      return moreBits && isMixOfSix(label) ? 'Q6_K' : base;
    default:
      return base;
  }
}

function isMixOfSix(label: Label): boolean {
  return label === 'q4_k_m' || label === 'q5_k_m';
}

/** Types with blocks of 256 do not fit every matrix (tensor_type_fallback). */
function fallback(type: TensorType, columns: number): TensorType {
  if (columns % layoutOf(type).blockElements === 0) return type;
  switch (type) {
    case 'Q4_K':
      return 'Q5_0';
    case 'Q5_K':
      return 'Q5_1';
    case 'Q6_K':
      return 'Q8_0';
    default:
      return 'IQ4_NL';
  }
}
