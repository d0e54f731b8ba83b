import { modelFacts } from '../gguf/facts.ts';
import type { GgufHeader } from '../gguf/header.ts';
import { getArray, getNumber } from '../gguf/metadata.ts';
import { placeOfTensor } from '../gguf/tensor-names.ts';

/** What one layer of a model remembers of the tokens before. */
export interface LayerMemory {
  /** Elements that one token adds to the cache: `n_embd_k_gqa` and `n_embd_v_gqa`; 0 where a layer has no cache. */
  readonly keyElements: number;
  readonly valueElements: number;
  /** Tokens that the layer looks back on, where it does not see them all. */
  readonly window: number | null;
  /** Elements of its recurrent state in F32, whatever the context: linear attention, Mamba, short convolutions. */
  readonly stateElements: number;
}

/**
 * What each layer keeps, from the header alone. A layer has a cache if it has key projections: hybrid models
 * (LFM2, Qwen3.5) alternate attention with recurrent layers. Empty where the file has no layers.
 */
export function layerMemories(header: GgufHeader): LayerMemory[] {
  const facts = modelFacts(header);
  const { architecture = '', layers = 0 } = facts;
  const roles = rolesByLayer(header);
  if (roles.size === 0 || WITHOUT_CACHE.test(architecture)) return [];
  const own = (suffix: string) => getNumber(header, `${architecture}.${suffix}`);
  const isWindowed = windowedLayers(header, architecture);
  const window = own('attention.sliding_window') ?? WINDOWS[architecture]?.window ?? null;
  const sharedFrom = layers - (own('attention.shared_kv_layers') ?? 0);
  // With multi-head latent attention only the compressed keys are kept (llama-kv-cache.cpp: has_v = !is_mla).
  const hasValues = own('attention.key_length_mla') === undefined;
  const stateElements = recurrentElements(header, architecture);
  return facts.kvHeadsByLayer.map((kvHeads, layer): LayerMemory => {
    const windowed = isWindowed(layer);
    const ofLayer = roles.get(layer) ?? new Set();
    const isRecurrent = [...ofLayer].some((role) => /^(ssm_|shortconv|time_mix)/.test(role));
    const keyLength = (windowed ? own('attention.key_length_swa') : undefined) ?? facts.keyLength ?? 0;
    const valueLength = (windowed ? own('attention.value_length_swa') : undefined) ?? facts.valueLength ?? 0;
    const hasCache = layer < sharedFrom && layer < (CACHED_LAYERS[architecture] ?? layers);
    const heads = hasCache && (ofLayer.size === 0 || attends(ofLayer, isRecurrent)) ? kvHeads : 0;
    return {
      keyElements: heads * keyLength,
      valueElements: hasValues ? heads * valueLength : 0,
      window: windowed ? window : null,
      stateElements: isRecurrent ? stateElements : 0,
    };
  });
}

/** Encoders keep nothing between calls (llama-model.cpp, create_memory). */
const WITHOUT_CACHE = /bert|^gemma-embedding$|^dream$|^llada/;

/** Gemma 3n's later layers reuse the cache of the first 20 (models/gemma3n.cpp). */
const CACHED_LAYERS: Readonly<Record<string, number>> = { gemma3n: 20 };

/** A linear-attention layer has `attn_qkv` too, but no keys to keep. */
function attends(roles: ReadonlySet<string>, isRecurrent: boolean): boolean {
  const projectsKeys = roles.has('attn_k') || roles.has('attn_kv_a_mqa') || roles.has('attn_k_b');
  return projectsKeys || (roles.has('attn_qkv') && !isRecurrent);
}

interface WindowRule {
  /** Every `pattern`-th layer sees all tokens, the others a window; a header may say otherwise. */
  readonly pattern: number;
  /** The layer that sees all comes first in each group instead of last. */
  readonly denseFirst?: boolean;
  /** Where the header does not say it. */
  readonly window?: number;
}

/**
 * Architectures whose windows llama.cpp honours, with the pattern it falls back to (`load_swa_pattern` in
 * src/models/*.cpp of v0.5.0). Phi-3 is not among them: its window is disabled (models/phi3.cpp), so that its
 * cache grows with every token.
 */
const WINDOWS: Readonly<Record<string, WindowRule>> = {
  afmoe: { pattern: 4 },
  cohere2: { pattern: 4 },
  cohere2moe: { pattern: 4, denseFirst: true },
  exaone4: { pattern: 4, window: 4096 },
  'exaone-moe': { pattern: 4, window: 128 },
  gemma2: { pattern: 2, window: 4096 },
  gemma3: { pattern: 6 },
  gemma3n: { pattern: 5 },
  gemma4: { pattern: 1 },
  'gpt-oss': { pattern: 2 },
  llama4: { pattern: 4, window: 8192 },
  olmo2: { pattern: 4 },
  plamo3: { pattern: 8 },
  smallthinker: { pattern: 4, denseFirst: true, window: 4096 },
};

function windowedLayers(header: GgufHeader, architecture: string): (layer: number) => boolean {
  const rule = WINDOWS[architecture];
  const window = getNumber(header, `${architecture}.attention.sliding_window`);
  if (rule === undefined || (window ?? rule.window ?? 0) <= 0) return () => false;
  const key = `${architecture}.attention.sliding_window_pattern`;
  const written = getArray(header, key);
  if (written !== undefined) return (layer) => layer < written.length && Boolean(written.at(layer));
  const pattern = getNumber(header, key) ?? rule.pattern;
  return (layer) =>
    pattern === 0 || (rule.denseFirst ? layer % pattern !== 0 : layer % pattern < pattern - 1);
}

/** `n_embd_r` + `n_embd_s` of llama-hparams.cpp: a convolution's last inputs and a state matrix. */
function recurrentElements(header: GgufHeader, architecture: string): number {
  const own = (suffix: string) => getNumber(header, `${architecture}.${suffix}`) ?? 0;
  const embedding = own('embedding_length');
  const wkvHeadLength = own('wkv.head_size');
  if (wkvHeadLength > 0) return embedding * ((own('token_shift_count') || 2) + wkvHeadLength);
  const shortConvolution = own('shortconv.l_cache');
  if (shortConvolution > 0) return embedding * (shortConvolution - 1);
  const inner = own('ssm.inner_size');
  const state = own('ssm.state_size');
  const channels = inner + 2 * own('ssm.group_count') * state;
  return Math.max(0, own('ssm.conv_kernel') - 1) * channels + state * inner;
}

function rolesByLayer(header: GgufHeader): Map<number, Set<string>> {
  const layers = new Map<number, Set<string>>();
  for (const { name } of header.tensors) {
    const { layer, role } = placeOfTensor(name);
    if (layer === undefined) continue;
    const roles = layers.get(layer);
    if (roles === undefined) layers.set(layer, new Set([role]));
    else roles.add(role);
  }
  return layers;
}
