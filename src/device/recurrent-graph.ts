import { F32, type GraphTensor } from './graph-buffer.ts';
import type { GraphPen, Roles } from './graph-pen.ts';

type Step = (pen: GraphPen, source: GraphTensor, roles: Roles) => GraphTensor;

/** What a layer evaluates that keeps a state of fixed size in place of keys and values; null for one that has none. */
export function recurrent(roles: Roles): Step | null {
  if (roles.has('shortconv.in_proj')) return shortConvolution;
  if (roles.has('ssm_in')) return selectiveScan;
  if (roles.has('ssm_conv1d')) return gatedDelta;
  if (roles.has('ssm_conv1d_q')) return keyedDelta;
  return ['attn_qkv', 'attn_norm_2', 'attn_gate'].every((role) => roles.has(role)) ? decaying : null;
}

/** Elements of a layer’s state, taken out of the cache at once (build_rs of llama-graph.cpp). */
export function stateOf(pen: GraphPen, elements: number): GraphTensor {
  return pen.view(pen.add(pen.row(0, [pen.view(pen.shared('states', F32))], elements)));
}

/** Tokens before the batch's first that a convolution looks at. */
const lookback = (roles: Roles, role: string): number => Math.max(0, (roles.get(role)?.columns ?? 1) - 1);

/** What was last, in front of what is now, as a convolution reads it; what of it is kept goes into the state. */
function convolved(pen: GraphPen, state: GraphTensor, part: GraphTensor): GraphTensor {
  const elements = pen.elements(part);
  const joined = pen.row(elements, [state, part], pen.elements(state) * pen.load.tokens);
  pen.store(pen.view(joined));
  return pen.row(elements, [joined]);
}

/** Gated short convolution (models/lfm2.cpp). */
function shortConvolution(pen: GraphPen, source: GraphTensor, roles: Roles): GraphTensor {
  const wide = pen.times(pen.view(source), roles, 'shortconv.in_proj');
  const width = pen.elements(wide) / 3;
  const state = stateOf(pen, width * lookback(roles, 'shortconv.conv'));
  const gated = pen.over([pen.view(wide, width), pen.view(wide, width)]);
  const mixed = convolved(pen, state, pen.view(gated));
  const gate = pen.over([pen.view(wide, width), mixed]);
  return pen.view(pen.times(gate, roles, 'shortconv.out_proj'));
}

/** Mamba (src/models/mamba-base.cpp): of the first kind with a matrix for the steps, of the second with groups. */
function selectiveScan(pen: GraphPen, source: GraphTensor, roles: Roles): GraphTensor {
  const isSecond = !roles.has('ssm_x');
  const isPlamo = pen.architecture === 'plamo2';
  const inner = pen.own('ssm.inner_size');
  const state = pen.own('ssm.state_size') * inner;
  const steps = roles.get('ssm_dt.bias')?.columns ?? 0;
  const filtered = roles.get('ssm_conv1d')?.rows ?? 0;
  const kept = stateOf(pen, filtered * lookback(roles, 'ssm_conv1d'));
  let wide = pen.times(isSecond ? source : pen.view(source), roles, 'ssm_in');
  if (isPlamo) wide = pen.row(2 * inner, [pen.view(wide)]);
  const part = isPlamo ? pen.row(inner, [pen.view(wide)]) : wide;
  let mixed = convolved(pen, kept, pen.view(part, filtered));
  if (roles.has('ssm_conv1d.bias')) mixed = pen.over([mixed]);
  mixed = pen.over([mixed]);
  let scanned: GraphTensor;
  if (isSecond) {
    const step = pen.over([pen.row(steps, [pen.view(wide)])]);
    scanned = pen.row(inner, [pen.view(mixed), step, pen.view(mixed), pen.view(mixed)], state);
  } else {
    const all = pen.times(mixed, roles, 'ssm_x');
    const rank = roles.get('ssm_dt')?.columns ?? 0;
    const size = pen.own('ssm.state_size');
    const normed = (role: string, elements: number) =>
      roles.has(role) ? pen.norm(pen.view(all, elements), roles, role) : pen.view(all, elements);
    const short = roles.has('ssm_dt_norm') ? normed('ssm_dt_norm', rank) : pen.row(rank, [pen.view(all)]);
    const step = pen.times(short, roles, 'ssm_dt');
    const parts = [normed('ssm_b_norm', size), normed('ssm_c_norm', size)];
    scanned = pen.row(inner, [isPlamo ? pen.view(mixed) : mixed, step, ...parts], state);
  }
  pen.store(pen.view(scanned));
  const gate = pen.row(inner, [pen.view(wide)]);
  const skipped = pen.over([isSecond || isPlamo ? pen.view(mixed, inner) : mixed]);
  let gated = pen.row(inner, [gate, pen.over([pen.view(scanned, inner), skipped])]);
  if (roles.has('ssm_norm')) gated = pen.norm(pen.view(gated), roles, 'ssm_norm');
  const out = pen.times(isSecond || isPlamo ? pen.view(gated) : gated, roles, 'ssm_out');
  return isSecond ? out : pen.view(out);
}

/** Gated delta net (models/qwen3next.cpp, qwen35.cpp). */
function gatedDelta(pen: GraphPen, source: GraphTensor, roles: Roles): GraphTensor {
  pen.add(source);
  const heads = pen.own('ssm.time_step_rank');
  const outputs = roles.get('ssm_out')?.columns ?? 0;
  const kept = stateOf(pen, (roles.get('ssm_conv1d')?.rows ?? 0) * lookback(roles, 'ssm_conv1d'));
  const wide = pen.times(source, roles, 'attn_qkv');
  const filtered = convolved(pen, kept, pen.view(wide));
  const state = (outputs * outputs) / Math.max(1, heads);
  const before = stateOf(pen, state);
  const mixed = pen.over([filtered]);
  const keys = (pen.elements(wide) - outputs) / 2;
  // Fewer heads of keys are written out for all heads, where the operation does not repeat them itself.
  const isRepeated = roles.has('ssm_ba') && keys !== outputs;
  const normed = () => {
    const part = pen.over([pen.over([pen.view(mixed, keys)])]);
    return isRepeated ? pen.view(pen.row(outputs, [pen.view(part)])) : part;
  };
  const parts = [normed(), normed(), pen.view(mixed, outputs)];
  const both = roles.has('ssm_ba') ? pen.times(source, roles, 'ssm_ba') : null;
  const share = (role: string) =>
    both === null ? pen.times(source, roles, role) : pen.row(heads, [pen.view(both)]);
  const decay = pen.over([pen.over([pen.over([share('ssm_alpha')])])]);
  const rate = pen.over([share('ssm_beta')]);
  const updated = pen.row(outputs, [...parts, pen.view(decay), rate, before], state);
  pen.store(pen.view(updated));
  const result = pen.norm(pen.view(updated, outputs), roles, 'ssm_norm');
  const gate = pen.over([pen.view(pen.times(source, roles, 'attn_gate'))]);
  return pen.view(pen.times(pen.view(pen.over([result, gate])), roles, 'ssm_out'));
}

/** Kimi delta attention (models/kimi-linear.cpp): queries, keys and values have convolutions of their own. */
function keyedDelta(pen: GraphPen, source: GraphTensor, roles: Roles): GraphTensor {
  const size = pen.own('kda.head_dim');
  const width = roles.get('attn_q')?.rows ?? 0;
  const state = width * size;
  pen.add(source);
  const kept = width * lookback(roles, 'ssm_conv1d_q');
  const past = stateOf(pen, 3 * kept);
  const filtered = ['attn_q', 'attn_k', 'attn_v'].map((role) =>
    convolved(pen, pen.view(past, kept / pen.load.tokens), pen.view(pen.times(source, roles, role))),
  );
  const before = stateOf(pen, state);
  const mixed = filtered.map((one, at) => {
    const active = pen.over([pen.view(one)]);
    return at === 2 ? active : pen.over([pen.over([pen.view(active)])]);
  });
  const low = (first: string, second: string) =>
    roles.has(second)
      ? pen.times(pen.times(source, roles, first), roles, second)
      : pen.times(source, roles, first);
  const decay = pen.over([pen.view(pen.over([pen.over([low('ssm_f_a', 'ssm_f_b')])]))]);
  const rate = pen.over([pen.view(pen.times(source, roles, 'ssm_beta'))]);
  const updated = pen.row(width, [...mixed, pen.view(decay), rate, before], state);
  pen.store(pen.view(updated));
  const result = pen.norm(pen.view(pen.row(width, [pen.view(updated)])), roles, 'ssm_norm');
  const gate = pen.over([
    pen.view(roles.has('ssm_g') ? pen.times(source, roles, 'ssm_g') : low('ssm_g_a', 'ssm_g_b')),
  ]);
  return pen.times(pen.row(width, [pen.over([result, gate])]), roles, 'attn_output');
}

/** Attention whose scores decay with the distance, kept as a matrix for each head (models/minimax-01.cpp). */
function decaying(pen: GraphPen, source: GraphTensor, roles: Roles): GraphTensor {
  const { heads = 0, keyLength = 0 } = pen.facts;
  const { tokens } = pen.load;
  const width = heads * keyLength;
  const input = (name: string, elements: number) => pen.over([pen.over([pen.shared(name, F32 * elements)])]);
  const state = stateOf(pen, keyLength * width);
  const all = pen.over([pen.times(pen.view(source), roles, 'attn_qkv')]);
  const part = () => pen.view(all, width);
  const asked = pen.over([part(), input('query decay', heads * tokens)]);
  const kept = pen.row(width, [state, pen.view(asked)]);
  const values = pen.row(width, [part()]);
  const scores = pen.over([
    pen.row(heads * tokens, [part(), part()]),
    input('score decay', heads * tokens * tokens),
  ]);
  const weighed = pen.add(pen.over([kept, pen.row(width, [values, scores])]));
  const before = pen.over([state, pen.view(input('slopes', heads))]);
  const keys = pen.over([part(), input('key decay', heads * tokens)]);
  const added = pen.row(0, [pen.row(width, [pen.view(keys)]), values], keyLength * width);
  pen.store(pen.over([before, added]));
  const gate = pen.over([pen.times(pen.view(source), roles, 'attn_gate')]);
  const result = pen.norm(pen.view(pen.row(width, [pen.view(weighed)])), roles, 'attn_norm_2');
  return pen.times(pen.over([gate, result]), roles, 'attn_output');
}
