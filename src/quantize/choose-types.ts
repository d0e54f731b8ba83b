import type { TensorType } from '../gguf/index.ts';

/** A type that a group of tensors can have, and what it costs. */
export interface TypeChoice {
  readonly type: TensorType;
  /** Of all tensors of the group. */
  readonly bytes: number;
  /** Mean KL divergence when this group alone is of the type, in nats. */
  readonly loss: number;
}

/** Tensors that get one type together. */
export interface TensorGroup {
  readonly name: string;
  readonly tensors: readonly string[];
  readonly choices: readonly TypeChoice[];
}

/** A type for every group. */
export interface Mix {
  /** In the order of the groups. */
  readonly choices: readonly TypeChoice[];
  readonly bytes: number;
  /** Sum of the groups' losses: small divergences add up. */
  readonly loss: number;
}

/**
 * The mix of least loss within a budget. First by Lagrange's way: for a price of a byte each group takes the choice of
 * least loss + price × bytes, and the price falls until the mix would be too large. Then what is left of the budget goes,
 * step by step, where it saves most per byte, for that way skips mixes between two corners of the curve.
 * @returns null where even the smallest types take more
 */
export function chooseTypes(groups: readonly TensorGroup[], budgetBytes: number): Mix | null {
  let best = mixOf(groups.map(({ choices }) => cheapest(choices, Number.POSITIVE_INFINITY)));
  if (best.bytes > budgetBytes) return null;
  for (const price of pricesOf(groups)) {
    const mix = mixOf(groups.map(({ choices }) => cheapest(choices, price)));
    if (mix.bytes > budgetBytes) break;
    if (mix.loss < best.loss) best = mix;
  }
  return filled(groups, best, budgetBytes);
}

/** Mixes along the curve of loss against size, smallest first. */
export function mixCurve(groups: readonly TensorGroup[]): Mix[] {
  const mixes = new Map<number, Mix>();
  for (const price of [Number.POSITIVE_INFINITY, ...pricesOf(groups), 0]) {
    const mix = mixOf(groups.map(({ choices }) => cheapest(choices, price)));
    mixes.set(mix.bytes, mix);
  }
  return [...mixes.values()].sort((a, b) => a.bytes - b.bytes);
}

/** Prices at which some group changes its choice, falling. */
function pricesOf(groups: readonly TensorGroup[]): number[] {
  const prices = new Set<number>();
  for (const { choices } of groups) {
    for (const a of choices) {
      for (const b of choices) {
        if (b.bytes <= a.bytes || b.loss >= a.loss) continue;
        // Just below the price at which the two cost the same, the larger one is taken.
        prices.add(((a.loss - b.loss) / (b.bytes - a.bytes)) * (1 - 1e-9));
      }
    }
  }
  return [...prices].sort((a, b) => b - a);
}

/** Of least loss + price × bytes; for an infinite price the smallest. */
function cheapest(choices: readonly TypeChoice[], price: number): TypeChoice {
  const cost = ({ loss, bytes }: TypeChoice) =>
    price === Number.POSITIVE_INFINITY ? bytes : loss + price * bytes;
  return choices.reduce((best, choice) => (cost(choice) < cost(best) ? choice : best));
}

function filled(groups: readonly TensorGroup[], mix: Mix, budgetBytes: number): Mix {
  const choices = [...mix.choices];
  let left = budgetBytes - mix.bytes;
  for (;;) {
    let best: { readonly index: number; readonly choice: TypeChoice; readonly saved: number } | undefined;
    for (const [index, { choices: offered }] of groups.entries()) {
      const now = choices[index];
      if (now === undefined) continue;
      for (const choice of offered) {
        const more = choice.bytes - now.bytes;
        const saved = (now.loss - choice.loss) / Math.max(1, more);
        if (more > left || choice.loss >= now.loss || saved <= (best?.saved ?? 0)) continue;
        best = { index, choice, saved };
      }
    }
    if (best === undefined) return mixOf(choices);
    left -= best.choice.bytes - (choices[best.index]?.bytes ?? 0);
    choices[best.index] = best.choice;
  }
}

function mixOf(choices: readonly TypeChoice[]): Mix {
  return {
    choices,
    bytes: choices.reduce((sum, { bytes }) => sum + bytes, 0),
    loss: choices.reduce((sum, { loss }) => sum + loss, 0),
  };
}
