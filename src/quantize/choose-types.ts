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
  /** What a byte is worth in nats where the mix was looked for: each group's choice costs about least at it. */
  readonly price: number;
}

/** What a mix may have at most: bytes, and the least loss is looked for; or loss, and the least bytes. */
export interface Limit {
  readonly of: 'bytes' | 'loss';
  readonly most: number;
}

/**
 * The mix of least loss within a size, or of least size within a loss. First by Lagrange's way: for a price of a byte
 * each group takes the choice of least loss + price × bytes, and the price falls or rises until the limit is met. Then
 * choices are exchanged, of one group or of two at once, for that way skips mixes between two corners of the curve.
 * @returns null where no mix is within the limit
 */
export function chooseTypes(groups: readonly TensorGroup[], limit: Limit): Mix | null {
  const useful = groups.map((group) => ({ ...group, choices: undominated(group.choices) }));
  const corners = mixCurve(useful);
  if (limit.of === 'loss') corners.reverse();
  let best: Mix | undefined;
  for (const mix of corners) {
    if (mix[limit.of] > limit.most) break;
    best = mix;
  }
  return best === undefined ? null : improved(useful, best, limit);
}

/** Mixes at the corners of the curve of loss against size, smallest first. */
export function mixCurve(groups: readonly TensorGroup[]): Mix[] {
  const mixes = new Map<number, Mix>();
  for (const price of [Number.POSITIVE_INFINITY, ...pricesOf(groups), 0]) {
    const mix = mixOf(
      groups.map(({ choices }) => cheapest(choices, price)),
      price,
    );
    mixes.set(mix.bytes, mix);
  }
  return [...mixes.values()].sort((a, b) => a.bytes - b.bytes);
}

/** Of least loss + price × bytes; for an infinite price the smallest. */
export function cheapest<Choice extends TypeChoice>(choices: readonly Choice[], price: number): Choice {
  const [first] = choices;
  if (first === undefined) throw new RangeError('a group without choices');
  const cost = ({ loss, bytes }: TypeChoice) =>
    price === Number.POSITIVE_INFINITY ? bytes : loss + price * bytes;
  return choices.reduce((best, choice) => (cost(choice) < cost(best) ? choice : best), first);
}

/** Without those that another is no larger than and loses no more than. */
function undominated(choices: readonly TypeChoice[]): TypeChoice[] {
  const sorted = [...choices].sort((a, b) => a.bytes - b.bytes || a.loss - b.loss);
  let least = Number.POSITIVE_INFINITY;
  return sorted.filter(({ loss }) => {
    if (loss >= least) return false;
    least = loss;
    return true;
  });
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

/** Another choice for one group, and what it changes. */
interface Exchange {
  readonly index: number;
  readonly choice: TypeChoice;
  /** What is to be least, and what is limited. */
  readonly gain: number;
  readonly cost: number;
}

/** Exchanges that save less than this share are no progress but rounding. */
const LEAST_GAIN = 1e-9;

/** Takes, as long as there is one, the exchange of one choice or two that saves most within the limit. */
function improved(groups: readonly TensorGroup[], start: Mix, { of, most }: Limit): Mix {
  const saved = of === 'bytes' ? 'loss' : 'bytes';
  let mix = start;
  for (;;) {
    const room = most - mix[of];
    const all = groups.map(({ choices }, index) =>
      exchangesOf(choices, mix.choices[index], index, saved, of),
    );
    let best: { readonly gain: number; readonly made: readonly Exchange[] } = {
      gain: mix[saved] * LEAST_GAIN,
      made: [],
    };
    for (const [first, exchanges] of all.entries()) {
      for (const one of exchanges) {
        if (one.cost <= room && one.gain > best.gain) best = { gain: one.gain, made: [one] };
        for (let second = first + 1; second < all.length; second++) {
          for (const other of all[second] ?? []) {
            const gain = one.gain + other.gain;
            if (gain > best.gain && one.cost + other.cost <= room) best = { gain, made: [one, other] };
          }
        }
      }
    }
    if (best.made.length === 0) return mix;
    const choices = [...mix.choices];
    for (const { index, choice } of best.made) choices[index] = choice;
    mix = mixOf(choices, mix.price);
  }
}

function exchangesOf(
  choices: readonly TypeChoice[],
  now: TypeChoice | undefined,
  index: number,
  saved: Limit['of'],
  limited: Limit['of'],
): Exchange[] {
  if (now === undefined) return [];
  return choices
    .filter((choice) => choice !== now)
    .map((choice) => ({
      index,
      choice,
      gain: now[saved] - choice[saved],
      cost: choice[limited] - now[limited],
    }));
}

function mixOf(choices: readonly TypeChoice[], price: number): Mix {
  return {
    choices,
    bytes: choices.reduce((sum, { bytes }) => sum + bytes, 0),
    loss: choices.reduce((sum, { loss }) => sum + loss, 0),
    price,
  };
}
