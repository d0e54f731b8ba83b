/** What a tensor is for, from its name: `blk.3.attn_q.weight` is layer 3's `attn_q`. */
export interface TensorPlace {
  /** undefined for tensors outside the layers: embedding, output, norms. */
  readonly layer: number | undefined;
  /** `attn_q`, `ffn_down`, `token_embd`; a bias keeps its suffix: `attn_q.bias`. */
  readonly role: string;
}

/** Splits a tensor's name by llama.cpp's convention. Any other name is its own role. */
export function placeOfTensor(name: string): TensorPlace {
  const match = /^blk\.(\d{1,5})\.(.+)$/.exec(name);
  const rest = match?.[2] ?? name;
  const role = rest.endsWith('.weight') ? rest.slice(0, -'.weight'.length) : rest;
  return { layer: match?.[1] === undefined ? undefined : Number(match[1]), role };
}
