import { placeOfTensor } from '../../gguf/tensor-names.ts';

/** Tensors that a card speaks of together, by its word for them. */
export interface RoleGroup {
  readonly name: string;
  readonly words: RegExp;
  readonly roles: RegExp;
}

/** Names of llama.cpp, of the original Llama code (`attention.wv`) and of transformers (`v_proj`). */
const SINGLE: readonly RoleGroup[] = [
  { name: 'attn_q', words: /attention\.wq|attn_q(?!kv)\b|\bwq\b|q_proj/i, roles: /^attn_q$/ },
  { name: 'attn_k', words: /attention\.wk|attn_k\b|\bwk\b|k_proj/i, roles: /^attn_k$/ },
  { name: 'attn_v', words: /attention\.wv|attn_v\b|\bwv\b|v_proj/i, roles: /^attn_v$/ },
  { name: 'attn_qkv', words: /attn_qkv|qkv_proj/i, roles: /^attn_qkv$/ },
  { name: 'attn_output', words: /attention\.wo|attn_output|\bwo\b|o_proj/i, roles: /^attn_output$/ },
  { name: 'ffn_gate', words: /feed_forward\.w1|ffn[-_ ]gate|gate[-_ ]proj/i, roles: /^ffn_gate(?:_exps)?$/ },
  { name: 'ffn_down', words: /feed_forward\.w2|ffn[-_ ]down|down[-_ ]proj/i, roles: /^ffn_down(?:_exps)?$/ },
  {
    name: 'ffn_up',
    words: /feed_forward\.w3|ffn[-_ ]up|(?:gate_)?up[-_ ]proj/i,
    roles: /^ffn_up(?:_exps)?$/,
  },
];
const GROUPS: readonly RoleGroup[] = [
  { name: 'attention', words: /attention|\battn\b/i, roles: /^attn_(?!.*norm)/ },
  { name: 'feed-forward', words: /feed[-_ ]?forward|\bffn\b|\bmlp\b/i, roles: /^ffn_(?!.*norm)/ },
  { name: 'token embedding', words: /token_embd|\bembeddings?\b/i, roles: /^token_embd$/ },
  {
    name: 'output',
    words: /^output$|lm_head|output\.weight|\boutput (?:layer|tensor|head|matrix|weights?)\b/i,
    roles: /^output$/,
  },
];

/** The tensors a text names; a group only where it names none of them by itself. */
export function rolesIn(text: string): RoleGroup[] {
  const single = SINGLE.filter(({ words }) => words.test(text));
  return single.length > 0 ? single : GROUPS.filter(({ words }) => words.test(text));
}

/** Matrices of a group; norms and biases are in floats in every recipe. */
export function matricesOf<Tensor extends { readonly name: string; readonly shape: readonly number[] }>(
  tensors: readonly Tensor[],
  { roles }: Pick<RoleGroup, 'roles'>,
): Tensor[] {
  return tensors.filter(({ name, shape }) => shape.length >= 2 && roles.test(placeOfTensor(name).role));
}
