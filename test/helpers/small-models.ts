import type { WritableValue } from '../../src/gguf/index.ts';

/**
 * A small model of each architecture that llama.cpp knows, as metadata: every key that its loader asks for (load_hparams
 * and load_arch_hparams of llama.cpp v0.5.0). A key that an architecture does not read does no harm, so most are the
 * same for all.
 */

const u32 = (value: number): WritableValue => ({ type: 'uint32', value });
const f32 = (value: number): WritableValue => ({ type: 'float32', value });
const list = (values: readonly number[]): WritableValue => ({ type: 'array', elementType: 'uint32', values });
const floats = (values: readonly number[]): WritableValue => ({
  type: 'array',
  elementType: 'float32',
  values,
});
const wide = (values: readonly number[]): WritableValue => ({
  type: 'array',
  elementType: 'uint64',
  values: values.map(BigInt),
});

export interface SmallModel {
  readonly architecture: string;
  readonly embedding: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly headLength: number;
  /** Without those that predict further tokens. */
  readonly layers: number;
  /** Blocks behind the layers that predict further tokens (MTP). */
  readonly predicting: number;
  readonly vocabulary: number;
  readonly window: number | null;
  /** Layers that attend where others are recurrent; null: every second or third. */
  readonly attending: readonly number[] | null;
  /** 0 for a dense model. */
  readonly experts: number;
  readonly expertsUsed: number;
  readonly more: Readonly<Record<string, WritableValue>>;
}

const STATES =
  /^(plamo2|jamba|nemotron_h|nemotron_h_moe|granitehybrid|lfm2|lfm2moe|kimi-linear|bailingmoe3|kimi-k3)$/;
const LATENT = /^(deepseek2|deepseek32|glm-dsa|dots3note|kimi-linear|bailingmoe3|kimi-k3|mistral4|hy_v4)$/;
/** Graphs that take as many heads of keys as of queries. */
const UNGROUPED = /^(dots1|olmoe|t5|t5encoder|rwkv6|deepseek2-ocr|minicpm3|plm)$/;
/** Those whose loader takes the pattern as an array alone. */
const PATTERN_LIST =
  /^(cohere2moe|mimo2|step35|spark2_5|muse-glimmer|granite_swa|dots3note|maple|gemma4|gemma4-assistant|dflash)$/;
const WITH_EXPERTS =
  /^(llama4|cohere2moe|grok|qwen2moe|qwen3moe|qwen3next|qwen3vlmoe|qwen35moe|qwen4exp|phimoe|dbrx|olmoe|arctic|deepseek|deepseek2|deepseek2-ocr|deepseek32|dots3note|deepseek4|glm4moe|glm-dsa|exaone-moe|bailingmoe|bailingmoe2|bailingmoe3|dots1|afmoe|ernie4_5-moe|hunyuan-moe|hy_v3|hy_v4|gpt-oss|lfm2moe|smallthinker|llada-moe|grovemoe|minimax-01|minimax-m2|minimax-m3|rnd1|mimo2|kimi-linear|kimi-k3|step35|mistral4|mellum|laguna|maple|nemotron_h_moe|granitemoe|nomic-bert-moe)$/;

/** A model with the widths that llama.cpp's kernels and asserts allow for the architecture. */
export function smallModel(architecture: string, changes: Partial<SmallModel> = {}): SmallModel {
  const isLatent = LATENT.test(architecture);
  return {
    architecture,
    embedding: 512,
    feedForward: 1536,
    heads: 8,
    keyHeads: UNGROUPED.test(architecture) ? 8 : isLatent || architecture === 'deepseek4' ? 1 : 2,
    headLength: 64,
    layers: LAYERS[architecture] ?? 6,
    predicting: 0,
    vocabulary: architecture === 'qwen3tts' ? 3072 : architecture === 'chameleon' ? 10_240 : 4096,
    window: 256,
    attending: null,
    experts: WITH_EXPERTS.test(architecture) ? 8 : 0,
    expertsUsed: 2,
    more: {},
    ...changes,
  };
}

/** The same with other widths, so that other results are the largest. */
export function widerModel(architecture: string): Partial<SmallModel> {
  const { keyHeads, experts } = smallModel(architecture);
  return {
    embedding: 1024,
    heads: 16,
    keyHeads: keyHeads === 1 ? 1 : 2 * keyHeads,
    feedForward: 2048,
    ...(experts > 0 ? { experts: 32, expertsUsed: 8 } : {}),
    more: experts > 0 ? { expert_feed_forward_length: u32(512) } : {},
  };
}

/** Where the loader wants more than six, or a multiple. */
const LAYERS: Readonly<Record<string, number>> = {
  gemma3n: 25,
  llama4: 8,
  nemotron_h: 9,
  nemotron_h_moe: 9,
  hrm_text: 8,
};

/** The metadata of the model; the vocabulary is the engine's own for tests. */
export function metadataOf(model: SmallModel): [string, WritableValue][] {
  const { architecture, embedding, feedForward, heads, keyHeads, headLength, layers, vocabulary } = model;
  const is = (...names: readonly string[]) => names.includes(architecture);
  const isLatent = LATENT.test(architecture);
  const alternating = Array.from({ length: layers }, (_, layer) => layer % 2);
  const blocks = Array.from({ length: layers + model.predicting }, (_, layer) => layer);
  const hasState = STATES.test(architecture);
  const attends = (layer: number) =>
    model.attending?.includes(layer) ?? (/^nemotron/.test(architecture) ? layer % 3 === 0 : layer % 2 === 0);
  const headsByLayer = blocks.map((layer) => (attends(layer) ? heads : 0));
  const keyHeadsByLayer = blocks.map((layer) => (attends(layer) ? keyHeads : 0));
  const own: Record<string, WritableValue> = {
    vocab_size: u32(vocabulary),
    context_length: u32(131_072),
    embedding_length: u32(embedding),
    features_length: u32(embedding),
    block_count: u32(blocks.length),
    ...(model.predicting === 0 ? {} : { nextn_predict_layers: u32(model.predicting) }),
    leading_dense_block_count: u32(1),
    feed_forward_length: is('nemotron_h', 'nemotron_h_moe')
      ? list(blocks.map((layer) => (layer % 3 === 2 ? feedForward : 0)))
      : u32(feedForward),
    use_parallel_residual: { type: 'bool', value: false },
    logit_scale: f32(1),
    time_mix_extra_dim: u32(64),
    time_decay_extra_dim: u32(128),
    token_shift_count: u32(is('rwkv7', 'arwkv7', 'rwkv6qwen2') ? (architecture === 'rwkv7' ? 2 : 1) : 2),
    full_attention_interval: u32(2),
    'attention.head_count': hasState && model.attending === null ? list(headsByLayer) : u32(heads),
    'attention.head_count_kv': hasState ? list(keyHeadsByLayer) : u32(keyHeads),
    'attention.max_alibi_bias': f32(8),
    'attention.clamp_kqv': f32(1),
    'attention.layer_norm_epsilon': f32(1e-5),
    'attention.layer_norm_rms_epsilon': f32(1e-5),
    'attention.group_norm_epsilon': f32(1e-5),
    'attention.group_norm_groups': u32(8),
    'attention.q_lora_rank': u32(architecture === 'deepseek4' ? 64 : 256),
    'attention.kv_lora_rank': u32(512),
    'attention.decay_lora_rank': u32(64),
    'attention.iclr_lora_rank': u32(64),
    'attention.value_residual_mix_lora_rank': u32(32),
    'attention.gate_lora_rank': u32(128),
    'attention.relative_buckets_count': u32(8),
    'attention.indexer.head_count': u32(architecture === 'minimax-m3' ? keyHeads : 8),
    'attention.indexer.key_length': u32(architecture === 'qwen4exp' ? headLength : 128),
    'attention.indexer.top_k': u32(2048),
    'attention.indexer.block_size': u32(4),
    'attention.indexer.local_blocks': u32(1),
    'rope.dimension_count': u32(
      is('minicpm3', 'plm') ? 32 : isLatent ? 64 : architecture === 'deepseek4' ? headLength / 2 : headLength,
    ),
    'rope.freq_base_swa': f32(10_000),
    'rope.dimension_sections': list(Array.from({ length: 4 }, () => headLength / 8)),
    'ssm.inner_size': u32(is('qwen3next', 'qwen35', 'qwen35moe', 'qwen4exp') ? embedding : 2 * embedding),
    'ssm.conv_kernel': u32(4),
    'ssm.state_size': u32(is('qwen3next', 'qwen35', 'qwen35moe', 'qwen4exp') ? headLength : 64),
    'ssm.time_step_rank': u32(heads),
    'ssm.group_count': u32(architecture === 'plamo2' ? 0 : 2),
    'kda.head_dim': u32(64),
    'kda.safe_gate': { type: 'bool', value: true },
    'kda.gate_lower_bound': f32(-5),
    'wkv.head_size': u32(headLength),
    'shortconv.l_cache': u32(3),
    residual_scale: f32(1),
    'attn_res.block_size': u32(12),
    'activation.situ_beta': f32(4),
    'activation.situ_linear_beta': f32(25),
    'posnet.embedding_length': u32(embedding),
    'posnet.block_count': u32(layers),
    'convnext.embedding_length': u32(embedding),
    'convnext.block_count': u32(layers),
    ...(model.window === null
      ? {}
      : {
          'attention.sliding_window': u32(model.window),
          'attention.sliding_window_pattern': PATTERN_LIST.test(architecture)
            ? list(blocks.map((layer) => 1 - (layer % 2)))
            : u32(2),
        }),
    ...(is('plm') ? { 'attention.key_length': u32(96), 'attention.value_length': u32(64) } : {}),
    ...(is('jais2', 'plm') || isLatent
      ? {}
      : { 'attention.key_length': u32(headLength), 'attention.value_length': u32(headLength) }),
    ...(isLatent
      ? {
          'attention.key_length': u32(576),
          'attention.value_length': u32(512),
          'attention.key_length_mla': u32(192),
          'attention.value_length_mla': u32(128),
        }
      : {}),
    ...(model.experts > 0
      ? {
          expert_count: u32(model.experts),
          expert_used_count: u32(model.expertsUsed),
          expert_feed_forward_length: u32(feedForward / 2),
          expert_shared_feed_forward_length: u32(feedForward / 4),
          expert_chunk_feed_forward_length: u32(feedForward / 4),
          expert_latent_length: u32(feedForward / 2),
          expert_shared_count: u32(1),
          // Ernie's loader gives all layers experts, and its graph reads those of every n-th alone.
          interleave_moe_layer_step: u32(architecture === 'ernie4_5-moe' ? 1 : 2),
          expert_gating_func: u32(architecture === 'deepseek4' ? 4 : 2),
          expert_weights_scale: f32(1),
          expert_weights_norm: { type: 'bool', value: true },
          expert_group_scale: f32(1),
          experts_per_group: u32(1),
        }
      : {}),
    ...ofArchitecture(model, alternating),
    ...model.more,
  };
  return [
    ['general.architecture', { type: 'string', value: architecture }],
    ...Object.entries(own).map(
      ([suffix, value]) => [`${architecture}.${suffix}`, value] as [string, WritableValue],
    ),
    ...['alpha_n', 'alpha_p', 'beta', 'eps'].map(
      (name) => [`xielu.${name}`, f32(1)] as [string, WritableValue],
    ),
    ['tokenizer.ggml.model', { type: 'string', value: 'no_vocab' }],
    ['tokenizer.ggml.token_type_count', u32(2)],
  ];
}

/** What one architecture wants otherwise. */
function ofArchitecture(
  { architecture, embedding, layers, predicting, headLength, vocabulary }: SmallModel,
  alternating: readonly number[],
): Record<string, WritableValue> {
  switch (architecture) {
    case 'gemma4':
    case 'gemma4-assistant':
      return {
        embedding_length_per_layer_input: u32(architecture === 'gemma4' ? embedding / 2 : 0),
        ...(architecture === 'gemma4' ? {} : { embedding_length_out: u32(2 * embedding) }),
        'attention.shared_kv_layers': u32(0),
        'attention.key_length_swa': u32(headLength),
        'attention.value_length_swa': u32(headLength),
      };
    case 'dots3note':
      return {
        'attention.kv_lora_rank_swa': u32(512),
        'attention.key_length_swa': u32(576),
        'attention.value_length_swa': u32(512),
        'attention.key_length_mla_swa': u32(192),
        'attention.value_length_mla_swa': u32(128),
        'attention.indexer.types': list(alternating),
      };
    case 'minimax-m3':
      return { 'rope.dimension_count': u32(64) };
    case 'qwen4exp':
      return {
        'hyper_connection.count': u32(4),
        'hyper_connection.low_rank': u32(8),
        'attention.compress_ratios': list(Array.from({ length: layers + predicting }, () => 4)),
        'ple.layers': list([0]),
        'ple.ngram_size': u32(3),
        'ple.heads_per_ngram': u32(2),
        'ple.conv_kernel': u32(4),
        'ple.eos_token_id': u32(0),
        embedding_length_per_layer_input: u32(embedding / 4),
        'ple.layer_multipliers': wide([1, 3, 5]),
        'ple.head_offsets': wide([0, 1, 2, 3].map((head) => head * vocabulary)),
        'ple.head_vocab_sizes': wide([0, 1, 2, 3].map(() => vocabulary)),
      };
    case 'hy_v4':
      return {
        'hyper_connection.count': u32(4),
        'hyper_connection.epsilon': f32(1e-6),
        'hyper_connection.magnitude': f32(2),
        swiglu_clamp_exp: f32(10),
        'attention.indexer.types': list(alternating.map((odd) => 1 - odd)),
      };
    case 'deepseek4':
      return {
        'attention.output_group_count': u32(8),
        'attention.output_lora_rank': u32(32),
        'attention.compress_ratios': list([0, 0, 4, 128, 4, 128, 0].slice(0, layers + predicting)),
        'attention.compress_rope_freq_base': f32(160_000),
        'hyper_connection.count': u32(4),
        'hyper_connection.sinkhorn_iterations': u32(2),
        'hyper_connection.epsilon': f32(1e-6),
        hash_layer_count: u32(0),
        swiglu_clamp_exp: f32(10),
      };
    case 'bailingmoe3':
      return {
        swiglu_clamp_exp: floats(Array.from({ length: layers + predicting }, () => 4)),
        swiglu_clamp_shexp: floats(Array.from({ length: layers + predicting }, () => 5)),
      };
    case 'hrm_text':
      return { 'hrm.layers_per_stack': u32(1), 'hrm.h_cycles': u32(2), 'hrm.l_cycles': u32(3) };
    case 'graniteswitch':
      return {
        'adapters.count': u32(2),
        'adapters.lora_rank': u32(16),
        'adapters.token_ids_activate': list([1, 2]),
        'adapters.token_ids_substitute': list([3, 4]),
      };
    case 'eagle3':
    case 'dflash':
      return {
        target_layers: list([1, 2, 3]),
        target_hidden_size: u32(embedding),
        extract_layers: list([1, 2, 3]),
      };
    case 'maple':
      return { swiglu_clamp_exp: f32(7) };
    default:
      return {};
  }
}

export interface NamedShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Matrices of half precision, norms and what computes a state in full, as converters write them. */
export function tensorType(name: string, shape: readonly number[]): 'F16' | 'F32' {
  return shape.length > 1 &&
    !/ssm_(conv1d|a|d)|shortconv\.conv|time_mix|norm|attn_[kv]_b|compressor|hc_|attn_output_a/.test(name)
    ? 'F16'
    : 'F32';
}

/** Tensors that the loader lets be absent, or takes the layout from, and the graph does not go without. */
export function looseTensors(model: SmallModel): NamedShape[] {
  const { architecture, embedding, feedForward, heads, keyHeads, headLength, layers, vocabulary } = model;
  const inLayers = (role: string, ...shape: number[]) =>
    Array.from({ length: layers }, (_, layer) => ({ name: `blk.${layer}.${role}`, shape }));
  const recurrent = (tensors: NamedShape[], otherwise: (layer: number) => boolean) =>
    tensors.filter((_, layer) =>
      model.attending === null ? otherwise(layer) : !model.attending.includes(layer),
    );
  const even = (layer: number) => layer % 2 === 0;
  switch (architecture) {
    case 'phi3':
    case 'pockettts':
      return inLayers('attn_qkv.weight', embedding, (heads + 2 * keyHeads) * headLength);
    case 't5':
    case 't5encoder':
      return [
        { name: 'enc.blk.0.attn_rel_b.weight', shape: [heads, 8] },
        ...(architecture === 't5' ? [{ name: 'dec.blk.0.attn_rel_b.weight', shape: [heads, 8] }] : []),
      ];
    case 'gemma4':
      return model.experts === 0
        ? []
        : [
            ...inLayers('ffn_gate_inp.weight', embedding, model.experts),
            ...inLayers('ffn_gate_up_exps.weight', embedding, feedForward, model.experts),
          ];
    case 'codeshell':
      return [{ name: 'token_embd.weight', shape: [embedding, vocabulary] }];
    case 'qwen35':
    case 'qwen35moe':
    case 'qwen3next':
      return [
        ...recurrent(inLayers('attn_qkv.weight', embedding, embedding + 4 * headLength), even),
        ...recurrent(inLayers('attn_gate.weight', embedding, embedding), even),
      ];
    case 'falcon-h1':
      return inLayers('ssm_conv1d.bias', 2 * embedding + 4 * 64);
    case 'granitehybrid':
      return recurrent(inLayers('ssm_conv1d.bias', 2 * embedding + 4 * 64), (layer) => !even(layer));
    case 'nemotron_h':
    case 'nemotron_h_moe':
      return inLayers('ssm_conv1d.bias', 2 * embedding + 4 * 64).filter((_, layer) => layer % 3 === 1);
    case 'glm-dsa':
      return [
        ...inLayers('indexer.k_norm.weight', 128),
        ...inLayers('indexer.k_norm.bias', 128),
        ...inLayers('indexer.proj.weight', embedding, 8),
        ...inLayers('indexer.attn_k.weight', embedding, 128),
        ...inLayers('indexer.attn_q_b.weight', 256, 8 * 128),
      ];
    case 'kimi-linear':
    case 'kimi-k3':
      return ['gate', 'up', 'down']
        .flatMap((role) => inLayers(`ffn_${role}_shexp.weight`, embedding, feedForward))
        .filter(({ name }) => !name.startsWith('blk.0.'));
    case 'rwkv6':
      return inLayers('time_mix_lerp_fused.weight', embedding, 1, 1, 5);
    case 'laguna':
      return inLayers('attn_gate.weight', embedding, heads);
    case 'jina-bert-v2':
      return inLayers('ffn_up.weight', embedding, feedForward);
    case 'qwen4exp':
      return [{ name: 'per_layer_token_embd.weight', shape: [embedding / 4, 4 * vocabulary] }];
    default:
      return [];
  }
}
