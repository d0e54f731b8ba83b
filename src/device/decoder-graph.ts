import type { GgufHeader } from '../gguf/header.ts';
import { perHeader } from '../gguf/per-header.ts';
import { placeOfTensor } from '../gguf/tensor-names.ts';
import { AttentionGraph } from './attention-graph.ts';
import type { LayerMemory } from './attention-layers.ts';
import { CycleGraph } from './cycle-graph.ts';
import { dense, experts, fed } from './feed-forward-graph.ts';
import { GatedStreamsGraph } from './gated-streams-graph.ts';
import { F32, type GraphTensor } from './graph-buffer.ts';
import { type DecoderLoad, GraphPen, isTurned, type Roles } from './graph-pen.ts';
import { HyperGraph } from './hyper-graph.ts';
import { KeptSumsGraph } from './kept-sums-graph.ts';
import type { LayerFrame } from './layer-frame.ts';
import { AlternatingGraph, PerLayerGraph } from './per-layer-graph.ts';
import { ReceptanceGraph } from './receptance-graph.ts';
import { recurrent } from './recurrent-graph.ts';

/** What the sketch of a layer has a place for; a file with any other tensor is none that it describes. */
const KNOWN_ROLES = [
  '(token|position)_embd|(token_embd|output)_norm|output|rope_freqs|rope_factors_(long|short)',
  'nextn\\..*|layer_output_(scale|norm)|vis_.*',
  'attn_(q|k|v|qkv|kv|output|output_[ab]|gate|sinks|rot_embd|rel_b)|(attn|attn_[qk]|attn_output|attn_sub|post_attention)_norm|attn_norm_2',
  'attn_(q_a|q_b|kv_a_mqa|kv_b|k_b|v_b|q_a_norm|kv_a_norm)|indexer\\.(q_norm|k_norm|proj|q_proj|k_proj|attn_k|attn_q_b)',
  '(attn|indexer)_compressor_(kv|gate|ape|norm)',
  '(output_)?hc_(|attn_|ffn_)(fn|base|scale|norm|down|up|inject)|ple_.*|hrm\\.z_l_init',
  'cross_attn_(norm|q|k|v|output)|(attn|ffn|output)_res_score',
  'ffn_(norm|sub_norm|gate|up|down|gate_inp|gate_inp_shexp|norm_exps)|post_ffw_norm|(pre|post)_ffw_norm_[12]',
  'ffn_(gate|up|down|gate_up)_exps|ffn_(gate|up|down)_(sh|ch)exps?|exp_probs_b|ffn_routed_(down|up|norm)',
  'shortconv\\.(conv|in_proj|out_proj)|(time|channel)_mix_.*',
  'ssm_(in|conv1d|x|dt|a|d|out|norm|ba|alpha|beta|conv1d_[qkv]|[fg]_[ab]|g|dt_norm|b_norm|c_norm)',
  'per_layer_(token_embd|model_proj|proj_norm)|inp_gate|proj|post_norm|(altup|laurel)_.*',
];
const KNOWN = new RegExp(`^(${KNOWN_ROLES.join('|')})(\\.(bias|scale|lora_[ab]))?$`);
/** Results are added to the residual, not the residual to them: its memory is written over (Phi-3: behind the experts alone). */
const RESIDUAL_FIRST = /^(phi3|openelm|lfm2|lfm2moe|jamba)$/;
/** What the last layer leaves is kept for predictions of further tokens, and then what asks for output taken from it. */
const KEEPS_LAST = /^(gpt-oss|step35)$/;
/** What the norm behind all layers leaves is, likewise. */
const KEEPS_NORMED =
  /^(qwen3next|qwen35|qwen35moe|nemotron_h|nemotron_h_moe|bailingmoe3|hy_v3|gemma4|cohere2moe)$/;
/** What asks for output is taken behind all layers, and nothing is kept. */
const ASKS_LATE = /^(hrm_text|gemma3n|rwkv6qwen2|arwkv7|kimi-k3)$/;
/** Norms without a weight. */
const UNWEIGHTED = /^(olmo|talkie)$/;
/** To what feed-forwards give that stand beside attention its output is added, not they to it. */
const FEED_FIRST = /^(falcon|plamo|command-r)$/;
/** The same, and the output of attention behind it. */
const ATTENDED_LAST = /^cohere2(moe)?$/;
const FEED_NORMS = ['ffn_norm', 'post_attention_norm', 'attn_output_norm'] as const;
const MIXERS = [
  'attn_output',
  'time_mix_output',
  'ssm_out',
  'shortconv.out_proj',
  'ffn_down',
  'ffn_down_exps',
];
const IMAGE_TOKENS = 8192;

interface Described {
  readonly outer: Roles;
  readonly layers: readonly Roles[];
}

const described: (header: GgufHeader) => Described | null = perHeader((header) => {
  const layers: Map<string, { columns: number; rows: number; count: number }>[] = [];
  const outer: (typeof layers)[number] = new Map();
  // Of a model with both, the decoder's graph is the larger one.
  const isDecoder = header.tensors.some(({ name }) => name.startsWith('dec.'));
  for (const { name, shape } of header.tensors) {
    if (isDecoder && name.startsWith('enc.')) continue;
    const { layer, role: written } = placeOfTensor(name.replace(/^(enc|dec)\./, ''));
    const role = written.replace(/attn_o$/, 'attn_output');
    if (!KNOWN.test(role) || (layer ?? 0) > MOST_LAYERS || shape.includes(0)) return null;
    const [columns = 1, rows = 1, count = 1] = shape;
    const own = layer === undefined ? outer : (layers[layer] ?? new Map());
    if (layer !== undefined) layers[layer] = own;
    own.set(role, { columns, rows, count });
  }
  return { outer, layers: Array.from(layers, (own) => own ?? new Map()) };
});

/** A file may claim any number. */
const MOST_LAYERS = 1000;

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
  if (known === null || !isSketched(header, memories)) return null;
  const { contextSize, tokens, flashAttention, cacheType } = load;
  // DeepSeek 4 copies what it keeps.
  const kept = known.layers.some((roles) => roles.has('attn_compressor_kv'))
    ? cacheType
    : isTurned(cacheType);
  const key = `${contextSize} ${tokens} ${flashAttention} ${kept}`;
  const answers = answersOf(header);
  const before = answers.get(key);
  if (before !== undefined) return before;
  const bytes = new Decoder(header, known, memories, load).bufferBytes();
  answers.set(key, bytes);
  return bytes;
}

/** Whether the file has no tensors but those that the sketch has a place for, and in each layer what a model has. */
export function isSketched(header: GgufHeader, memories: readonly LayerMemory[]): boolean {
  const known = described(header);
  const isMixed = (roles?: Roles) => MIXERS.some((role) => roles?.has(role));
  return known !== null && memories.every((_, layer) => isMixed(known.layers[layer % known.layers.length]));
}

/** Pages ask for every context with every type of cache, of which all that are turned have one graph. */
const answersOf = perHeader(() => new Map<string, number>());

class Decoder {
  readonly #pen: GraphPen;
  readonly #attention: AttentionGraph;
  readonly #known: Described;
  readonly #memories: readonly LayerMemory[];
  #perLayer: PerLayerGraph | null = null;
  /** What every layer of Talkie adds again. */
  #embedded: GraphTensor | null = null;
  #frame: LayerFrame | null = null;
  readonly #receptance: ReceptanceGraph;

  constructor(header: GgufHeader, known: Described, memories: readonly LayerMemory[], load: DecoderLoad) {
    this.#pen = new GraphPen(header, load);
    this.#attention = new AttentionGraph(this.#pen, memories);
    this.#receptance = new ReceptanceGraph(this.#pen);
    this.#known = known;
    // What Granite Switch's router attends to is no layer.
    const isSwitch = this.#pen.architecture === 'graniteswitch';
    this.#memories = isSwitch ? memories.slice(0, -1) : memories;
  }

  bufferBytes(): number {
    const pen = this.#pen;
    const { embeddingLength = 0, vocabularySize = 0 } = pen.facts;
    const ids = pen.add(pen.input(1));
    // What embeddings in place of tokens would come in, or else three inputs of Granite Switch's router.
    const isSwitch = pen.architecture === 'graniteswitch';
    pen.add(pen.input(isSwitch ? 3 : embeddingLength * (1 + pen.own('n_deepstack_layers'))));
    let current = pen.add(pen.row(embeddingLength, [ids]));
    const { outer } = this.#known;
    if (outer.has('position_embd')) current = pen.over([current, pen.row(embeddingLength, [pen.positions])]);
    if (outer.has('token_embd_norm')) current = pen.norm(current, outer, 'token_embd_norm');
    if (pen.architecture === 'talkie') {
      current = pen.over([current]);
      this.#embedded = current;
    }
    if (outer.has('per_layer_model_proj')) {
      current = pen.over([current]);
      this.#perLayer = new PerLayerGraph(pen, outer, current);
    }
    this.#frame = this.#framed(outer);
    current = this.#frame?.begun(current) ?? current;
    for (const layer of this.#memories.keys()) current = this.#layer(current, layer);
    current = this.#frame?.ended(current) ?? current;
    // The rows of the tokens that ask for output: all.
    const asked = (of: GraphTensor) =>
      pen.graph.node(of.bytes, [of, pen.input(1)], { isOutput: KEEPS_NORMED.test(pen.architecture) });
    const isNormedFirst = KEEPS_NORMED.test(pen.architecture);
    if (this.#isLate && !isNormedFirst) current = asked(current);
    const isNormed = !outer.has('output_hc_down') && !outer.has('hrm.z_l_init');
    let last = isNormed ? pen.norm(current, outer, 'output_norm', true) : current;
    if (isNormedFirst) last = asked(last);
    const scores = pen.row(this.#attention.encodes ? 0 : vocabularySize, [last]);
    // Chameleon takes the scores of images out again.
    const isMasked = pen.architecture === 'chameleon';
    const sources = isMasked ? [scores, pen.graph.input(F32 * IMAGE_TOKENS)] : scores.sources;
    pen.add(pen.graph.node(scores.bytes, sources, { isOutput: true }));
    return pen.graph.bufferBytes();
  }

  #framed(outer: Roles): LayerFrame | null {
    const pen = this.#pen;
    if (this.#perLayer !== null && outer.has('altup_proj'))
      return new AlternatingGraph(pen, outer, this.#perLayer);
    if (outer.has('output_res_score')) return new KeptSumsGraph(pen);
    if (outer.has('hrm.z_l_init')) return new CycleGraph(pen);
    if (outer.has('output_hc_down')) return new GatedStreamsGraph(pen, outer);
    return outer.has('output_hc_fn') ? new HyperGraph(pen, outer) : null;
  }

  get #isLate(): boolean {
    return [KEEPS_LAST, KEEPS_NORMED, ASKS_LATE].some((late) => late.test(this.#pen.architecture));
  }

  #layer(before: GraphTensor, index: number): GraphTensor {
    const pen = this.#pen;
    const roles = this.#known.layers[index % this.#known.layers.length] ?? new Map();
    const memory = this.#memories[index];
    const isLast = index === this.#memories.length - 1;
    if (this.#frame !== null) {
      const mixed = (of: GraphTensor) => this.#mixed(of, of, roles, memory)?.mixed ?? of;
      return this.#frame.layer(before, roles, { index, isLast, mixed });
    }
    if (roles.has('time_mix_output')) return this.#receptance.layer(before, roles, isLast);
    const isUnweighted = UNWEIGHTED.test(pen.architecture);
    const normed = roles.has('attn_norm') || isUnweighted ? pen.norm(before, roles, 'attn_norm') : before;
    // What gpt-oss and DBRX call by the name of a norm behind attention is the one before the experts.
    const feedNorm = isUnweighted ? 'ffn_norm' : FEED_NORMS.find((role) => roles.has(role));
    const parts = this.#mixed(before, normed, roles, memory);
    const isFed = roles.has('ffn_down') || roles.has('ffn_down_exps');
    const asked = pen.input(1);
    const rows = (of: GraphTensor) =>
      isLast && !this.#isLate && !parts?.hasBoth ? pen.row(pen.elements(of), [of, asked]) : of;
    const mixed = rows(parts?.mixed ?? (feedNorm === undefined ? fed(pen, normed, roles) : normed));
    // MiniMax-01 adds to what was normed.
    const addsNormed = pen.architecture === 'minimax-01';
    const source = rows(addsNormed ? normed : (parts?.source ?? before));
    if (feedNorm === undefined) {
      if (!isFed || parts === null) return this.#added(source, mixed);
      const from = roles.has('attn_norm_2') ? pen.norm(source, roles, 'attn_norm_2') : rows(normed);
      return this.#beside(source, mixed, fed(pen, from, roles));
    }
    const hasPostNorm =
      roles.has('post_attention_norm') && (feedNorm === 'ffn_norm' || roles.has('post_ffw_norm'));
    const sum = this.#added(
      addsNormed ? pen.over([source]) : source,
      hasPostNorm ? pen.norm(mixed, roles, 'post_attention_norm') : mixed,
    );
    const between = isLast && parts?.hasBoth ? pen.row(pen.elements(sum), [sum, asked]) : sum;
    const from = feedNorm === 'ffn_norm' || !hasPostNorm ? pen.norm(between, roles, feedNorm) : between;
    const result = this.#behind(source, between, from, roles);
    if (addsNormed) return pen.over([result, pen.over([from])]);
    const left = pen.over(
      RESIDUAL_FIRST.test(pen.architecture) ? [between, result] : [result, between],
      isLast && KEEPS_LAST.test(pen.architecture),
    );
    if (this.#embedded !== null) return pen.over([left, pen.over([this.#embedded])]);
    return this.#perLayer === null ? left : pen.over([left, this.#perLayer.added(left, roles)]);
  }

  /** What tokens learn of each other: by attention, a scan, both or neither; and what it is added to. */
  #mixed(
    before: GraphTensor,
    normed: GraphTensor,
    roles: Roles,
    memory: LayerMemory | undefined,
  ): { readonly mixed: GraphTensor; readonly source: GraphTensor; readonly hasBoth: boolean } | null {
    const pen = this.#pen;
    const scan = recurrent(roles);
    const hasBoth = scan !== null && roles.has('ssm_in') && roles.has('attn_output');
    if (scan !== null && !hasBoth) return { mixed: scan(pen, normed, roles), source: before, hasBoth };
    const output = roles.has('attn_output_b') ? 'attn_output_b' : 'attn_output';
    if (!roles.has(output) || memory === undefined) return null;
    const attended = this.#attention.attended(normed, roles, memory);
    // Falcon-H1 norms once more for the scan beside its attention.
    const scanned = scan?.(pen, pen.norm(before, roles, 'attn_norm'), roles);
    const result = pen.times(attended, roles, output);
    if (scanned !== undefined) return { mixed: pen.over([result, scanned]), source: before, hasBoth };
    if (!roles.has('cross_attn_q')) return { mixed: result, source: before, hasBoth };
    const source = pen.over([result, before]);
    const asking = pen.norm(source, roles, 'cross_attn_norm');
    return { mixed: this.#attention.encoder.crossed(asking, roles), source, hasBoth };
  }

  #added(source: GraphTensor, result: GraphTensor): GraphTensor {
    const { architecture } = this.#pen;
    const isFirst = RESIDUAL_FIRST.test(architecture) && architecture !== 'phi3';
    return this.#pen.over(isFirst ? [source, result] : [result, source]);
  }

  /** A feed-forward beside attention, and the residual. */
  #beside(source: GraphTensor, mixed: GraphTensor, result: GraphTensor): GraphTensor {
    const pen = this.#pen;
    if (ATTENDED_LAST.test(pen.architecture)) return pen.over([pen.over([result, source]), mixed]);
    if (pen.architecture === 'stablelm') return pen.over([result, pen.over([mixed, source])]);
    const isFirst = FEED_FIRST.test(pen.architecture);
    return pen.over([pen.over(isFirst ? [result, mixed] : [mixed, result]), source]);
  }

  /** A feed-forward behind attention: of its sum with the residual, mostly normed. */
  #behind(source: GraphTensor, between: GraphTensor, from: GraphTensor, roles: Roles): GraphTensor {
    const pen = this.#pen;
    const normed = (of: GraphTensor, role: string) => (roles.has(role) ? pen.norm(of, roles, role) : of);
    let result: GraphTensor;
    if (roles.has('ffn_norm_exps')) {
      // Arctic's experts stand beside attention and a dense network.
      const routed = experts(pen, pen.norm(source, roles, 'ffn_norm_exps'), roles, 'exps');
      return pen.over([routed, dense(pen, from, roles, '')]);
    }
    if (roles.has('pre_ffw_norm_2')) {
      // Gemma 4's experts stand beside a dense network, each with norms of its own.
      const whole = normed(dense(pen, from, roles, ''), 'post_ffw_norm_1');
      const routed = experts(pen, pen.norm(between, roles, 'pre_ffw_norm_2'), roles, 'exps');
      result = pen.over([whole, normed(routed, 'post_ffw_norm_2')]);
    } else result = fed(pen, from, roles);
    return normed(result, 'post_ffw_norm');
  }
}
