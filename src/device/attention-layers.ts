import { modelFacts } from '../gguf/facts.ts';
import type { GgufHeader } from '../gguf/header.ts';
import { getNumber, getNumbers } from '../gguf/metadata.ts';
import { perHeader } from '../gguf/per-header.ts';
import { windowsOf } from './windowed-layers.ts';

/** Keys and values that a layer keeps besides its own: those of an indexer, or of tokens put together. */
export interface FurtherCache {
  readonly keyElements: number;
  readonly valueElements: number;
  /** Tokens that share a cell. */
  readonly tokensPerCell: number;
  /** Cells that an indexer scores together. */
  readonly pooledCells?: number;
}

/** What one layer of a model remembers of the tokens before. */
export interface LayerMemory {
  /** Elements that one token adds to the cache: `n_embd_k_gqa` and `n_embd_v_gqa`; 0 where a layer has no cache. */
  readonly keyElements: number;
  readonly valueElements: number;
  /** Tokens that the layer looks back on, where it does not see them all. */
  readonly window: number | null;
  /** Elements of its recurrent state in F32, whatever the context: linear attention, Mamba, short convolutions. */
  readonly stateElements: number;
  readonly further: readonly FurtherCache[];
}

/** Encoders keep nothing between calls (llama-model.cpp, create_memory). */
const WITHOUT_CACHE = /bert|^gemma-embedding$|^dream$|^llada|^rnd1$|^wavtokenizer/;
/** Drafts for another model, whose cache they share. */
const DRAFTS = /^(eagle3|dflash|gemma4-assistant)$/;
/** Every layer is recurrent (llm_arch_is_recurrent). */
const RECURRENT = /^(mamba2?|rwkv.*|arwkv7)$/;
/** Every n-th layer attends, the others are recurrent, unless the header lists them; n where it does not say. */
const INTERVALS: Readonly<Record<string, number>> = {
  qwen3next: 4,
  qwen35: 4,
  qwen35moe: 4,
  qwen4exp: 4,
  'minimax-01': 8,
};
/** A layer without heads of keys is recurrent. */
const BY_HEADS =
  /^(jamba|plamo2|granitehybrid|lfm2|lfm2moe|kimi-linear|kimi-k3|bailingmoe3|nemotron_h|nemotron_h_moe)$/;
/** Gemma 3n's later layers reuse the cache of the first 20 (models/gemma3n.cpp). */
const CACHED_LAYERS: Readonly<Record<string, number>> = { gemma3n: 20 };

/**
 * What each layer keeps, from the header alone, as create_memory of llama-model.cpp decides it. Blocks that predict
 * further tokens (MTP) are not loaded, so they are not among the layers. Empty where nothing is kept between calls, and
 * where the file has no layers.
 */
export const layerMemories: (header: GgufHeader) => readonly LayerMemory[] = perHeader(memoriesOf);

function memoriesOf(header: GgufHeader): LayerMemory[] {
  const {
    architecture = '',
    layers = 0,
    heads = 0,
    keyLength = 0,
    valueLength = 0,
    ...facts
  } = modelFacts(header);
  if (WITHOUT_CACHE.test(architecture) || DRAFTS.test(architecture)) return [];
  const hasLayers = header.tensors.some(({ name }) => /^(?:enc\.|dec\.)?blk\./.test(name));
  if (!hasLayers) return [];
  const own = (suffix: string) => getNumber(header, `${architecture}.${suffix}`);
  const windows = windowsOf(header, architecture);
  const sharedFrom = layers - (own('attention.shared_kv_layers') ?? 0);
  // With multi-head latent attention only the compressed keys are kept (llama-kv-cache.cpp: has_v = !is_mla).
  const hasValues = own('attention.key_length_mla') === undefined && architecture !== 'deepseek4';
  const isRecurrent = recurrentLayers(header, architecture, facts.kvHeadsByLayer);
  const stateElements = recurrentElements(header, architecture, heads, keyLength);
  const further = furtherCaches(header, architecture, layers, keyLength, valueLength);
  const feedForward = getNumbers(header, `${architecture}.feed_forward_length`) ?? [];
  const memoryOf = (layer: number): LayerMemory => {
    const windowed = windows?.isWindowed(layer) === true;
    const recurrent = isRecurrent(layer);
    const hasCache =
      layer < sharedFrom &&
      layer < (CACHED_LAYERS[architecture] ?? layers) &&
      (!recurrent || architecture === 'falcon-h1') &&
      !RECURRENT.test(architecture) &&
      !(architecture.startsWith('nemotron_h') && (feedForward[layer] ?? 0) > 0);
    const kvHeads = hasCache ? (facts.kvHeadsByLayer[layer] ?? 0) : 0;
    const keys = (windowed ? own('attention.key_length_swa') : undefined) ?? keyLength;
    const values = (windowed ? own('attention.value_length_swa') : undefined) ?? valueLength;
    return {
      keyElements: kvHeads * keys,
      valueElements: hasValues ? kvHeads * values : 0,
      window: windowed && !recurrent ? windows.tokens : null,
      stateElements: recurrent || architecture === 'deepseek4' ? stateElements(layer) : 0,
      further: hasCache ? further(layer) : [],
    };
  };
  const blocks = Math.max(0, layers - (own('nextn_predict_layers') ?? 0));
  const memories = Array.from({ length: Math.min(blocks, facts.kvHeadsByLayer.length) }, (_, layer) =>
    memoryOf(layer),
  );
  // Each loop over the layers has a cache of its own (models/nanbeige.cpp).
  const loops = architecture === 'nanbeige' ? Math.max(1, own('num_loops') ?? 1) : 1;
  const router = {
    keyElements: keyLength,
    valueElements: valueLength,
    window: null,
    stateElements: 0,
    further: [],
  };
  return [
    ...Array.from({ length: loops }, () => memories).flat(),
    // One more layer of one head holds what the router attends to (models/granite-switch.cpp).
    ...(architecture === 'graniteswitch' ? [router] : []),
  ];
}

function recurrentLayers(
  header: GgufHeader,
  architecture: string,
  kvHeads: readonly number[],
): (layer: number) => boolean {
  if (RECURRENT.test(architecture) || architecture === 'falcon-h1') return () => true;
  if (BY_HEADS.test(architecture)) {
    const feedForward = getNumbers(header, `${architecture}.feed_forward_length`) ?? [];
    const isPlain = (layer: number) => architecture.startsWith('nemotron_h') && (feedForward[layer] ?? 0) > 0;
    return (layer) => (kvHeads[layer] ?? 0) === 0 && !isPlain(layer);
  }
  const interval = INTERVALS[architecture];
  if (interval === undefined) return () => false;
  const listed = getNumbers(header, `${architecture}.attention.recurrent_layers`);
  if (listed !== undefined && listed.length > 1) return (layer) => Boolean(listed[layer]);
  const every = getNumber(header, `${architecture}.full_attention_interval`) ?? interval;
  return (layer) => (layer + 1) % every !== 0;
}

/** `n_embd_r` + `n_embd_s` of llama-hparams.cpp: a convolution's last inputs and a state matrix. */
function recurrentElements(
  header: GgufHeader,
  architecture: string,
  heads: number,
  keyLength: number,
): (layer: number) => number {
  const own = (suffix: string) => getNumber(header, `${architecture}.${suffix}`) ?? 0;
  const embedding = own('embedding_length');
  const kernel = Math.max(0, own('ssm.conv_kernel') - 1);
  if (/rwkv/.test(architecture))
    return () => embedding * ((own('token_shift_count') || 2) + own('wkv.head_size'));
  if (/^lfm2/.test(architecture)) return () => embedding * Math.max(0, own('shortconv.l_cache') - 1);
  if (architecture === 'minimax-01') return () => keyLength ** 2 * heads;
  const delta = own('kda.head_dim');
  if (/^(kimi-|bailingmoe3$)/.test(architecture))
    return () => 3 * (own('ssm.conv_kernel') > 0 ? kernel : 3) * heads * delta + delta ** 2 * heads;
  const inner = own('ssm.inner_size');
  const state = own('ssm.state_size');
  // Jamba and Mamba have no groups.
  const groups = /^(jamba|mamba)$/.test(architecture) ? 0 : own('ssm.group_count');
  const elements = kernel * (inner + 2 * groups * state) + state * inner;
  if (architecture === 'deepseek4') return compressionState(header, keyLength);
  const sentences = getNumbers(header, `${architecture}.ple.layers`) ?? [];
  const history =
    Math.max(0, own('ple.conv_kernel') - 1) *
    own('ple.ngram_size') *
    own('hyper_connection.count') *
    embedding;
  return (layer) => elements + (architecture === 'qwen4exp' && sentences.includes(layer) ? history : 0);
}

/** Tokens that wait to be put together, with their scores (llama_dsv4_comp_state). */
function compressionState(header: GgufHeader, keyLength: number): (layer: number) => number {
  const indexer = getNumber(header, 'deepseek4.attention.indexer.key_length') ?? 0;
  const ratios = getNumbers(header, 'deepseek4.attention.compress_ratios') ?? [];
  return (layer) => {
    const ratio = ratios[layer] ?? 0;
    if (ratio === 4) return 2 * (2 * ratio) * (2 * keyLength + 2 * indexer);
    return 2 * ratio * keyLength;
  };
}

/** Caches of indexers and of tokens put together: sparse attention. */
function furtherCaches(
  header: GgufHeader,
  architecture: string,
  layers: number,
  keyLength: number,
  valueLength: number,
): (layer: number) => FurtherCache[] {
  const indexer = getNumber(header, `${architecture}.attention.indexer.key_length`) ?? 0;
  const types = getNumbers(header, `${architecture}.attention.indexer.types`) ?? [];
  const keys = (keyElements: number, tokensPerCell = 1) => ({ keyElements, valueElements: 0, tokensPerCell });
  if (indexer === 0) return () => [];
  switch (architecture) {
    case 'deepseek32':
      return () => [keys(indexer)];
    case 'qwen4exp': {
      const pools = getNumbers(header, 'qwen4exp.attention.compress_ratios') ?? [];
      return (layer) => [{ ...keys(indexer), pooledCells: pools[pools.length === 1 ? 0 : layer] ?? 0 }];
    }
    case 'glm-dsa':
      return (layer) => (types.length === 0 || types[layer] ? [keys(indexer)] : []);
    case 'dots3note':
    case 'hy_v4':
      return (layer) => (types[layer] ? [keys(indexer)] : []);
    case 'minimax-m3': {
      const dense = getNumber(header, 'minimax-m3.leading_dense_block_count') ?? 0;
      return (layer) =>
        layer < dense ? [] : [{ keyElements: indexer, valueElements: valueLength, tokensPerCell: 1 }];
    }
    case 'deepseek4': {
      const ratios = getNumbers(header, 'deepseek4.attention.compress_ratios') ?? [];
      return (layer) => {
        const ratio = layer < layers ? (ratios[layer] ?? 0) : 0;
        if (ratio === 0) return [];
        return [keys(keyLength, ratio), ...(ratio === 4 ? [keys(indexer, ratio)] : [])];
      };
    }
    default:
      return () => [];
  }
}
