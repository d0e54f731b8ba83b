import type { GraphTensor } from './graph-buffer.ts';
import type { GraphPen, Roles } from './graph-pen.ts';

/** What stands behind attention in a layer: one network for all tokens, or experts, with those that all share. */
export function fed(pen: GraphPen, source: GraphTensor, roles: Roles): GraphTensor {
  if (!roles.has('ffn_gate_inp')) return dense(pen, source, roles, '');
  // Kimi K3's experts work in another width, behind a router in the model's own.
  const given = roles.has('ffn_routed_down') ? pen.times(source, roles, 'ffn_routed_down') : source;
  let routed = experts(pen, source, roles, 'exps', given);
  if (roles.has('ffn_routed_norm')) routed = pen.norm(routed, roles, 'ffn_routed_norm');
  if (roles.has('ffn_routed_up')) routed = pen.times(routed, roles, 'ffn_routed_up');
  // Grove's further experts take what the first give.
  if (roles.has('ffn_up_chexps'))
    routed = pen.over([routed, pen.over([experts(pen, routed, roles, 'chexps')])]);
  if (!roles.has('ffn_up_shexp')) return routed;
  let shared = dense(pen, source, roles, '_shexp');
  if (roles.has('ffn_gate_inp_shexp')) shared = pen.over([shared, pen.row(1, [source])]);
  return pen.over([routed, shared]);
}

export function dense(pen: GraphPen, source: GraphTensor, roles: Roles, suffix: string): GraphTensor {
  const wide = roles.get(`ffn_down${suffix}`)?.columns ?? 0;
  if (wide === 0) return pen.over([source]);
  const gate = roles.has(`ffn_gate${suffix}`) ? pen.times(source, roles, `ffn_gate${suffix}`) : null;
  const up = pen.times(source, roles, `ffn_up${suffix}`);
  // Gate and up may come out of one matrix.
  const alone = () => (pen.elements(up) > wide ? pen.row(wide, [up]) : pen.over([up]));
  let inner = gate === null ? alone() : pen.gated(gate, up, wide);
  if (roles.has('ffn_sub_norm')) inner = pen.norm(inner, roles, 'ffn_sub_norm');
  return pen.times(inner, roles, `ffn_down${suffix}`);
}

/**
 * build_moe_ffn of llama-graph.cpp: results of all chosen experts stand beside each other.
 * @param source what the router reads
 * @param given what the experts read
 */
export function experts(
  pen: GraphPen,
  source: GraphTensor,
  roles: Roles,
  suffix: 'exps' | 'chexps',
  given = source,
): GraphTensor {
  const { experts: known = 0, expertsUsed = 1 } = pen.facts;
  const width = pen.elements(given);
  const wide = (roles.get(`ffn_down_${suffix}`)?.columns ?? 0) * expertsUsed;
  const likely = pen.over([pen.times(source, roles, 'ffn_gate_inp')]);
  const seen = pen.view(likely);
  // Experts may be chosen by other values than they are weighed by.
  const scores = roles.has('exp_probs_b.bias') ? pen.over([likely]) : likely;
  const chosen = pen.view(pen.row(known, [scores]));
  const shares = pen.add(pen.row(expertsUsed, [seen, chosen]));
  const isWeighedFirst = pen.architecture === 'llama4';
  const shown = isWeighedFirst
    ? pen.over([pen.row(width * expertsUsed, [pen.view(given)]), shares])
    : pen.view(given);
  const of = (role: string, elements: number) =>
    roles.has(`${role}_${suffix}`) ? pen.row(elements, [shown, chosen]) : null;
  // Gate and up may come out of one matrix.
  const both = of('ffn_gate_up', 2 * wide);
  const up = both === null ? pen.row(wide, [shown, chosen]) : pen.view(both, wide);
  const gate = both === null ? of('ffn_gate', wide) : pen.view(both, wide);
  const inner = gate === null ? pen.over([up]) : pen.gated(gate, up, wide);
  const down = pen.row(width * expertsUsed, [inner, chosen]);
  const weighed = isWeighedFirst ? down : pen.over([down, shares]);
  const results = Array.from({ length: expertsUsed }, () => pen.add(pen.view(weighed, width)));
  let total = pen.add(pen.row(width, results.slice(0, 2)));
  for (const result of results.slice(2)) total = pen.add(pen.over([total, result]));
  return total;
}
