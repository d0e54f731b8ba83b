import type { EngineSession, LoadedModel } from '../engine/engine.ts';
import { seededRandom } from './random.ts';

/** What has a number to remember. */
const THINGS = [
  'lighthouse',
  'bakery',
  'tunnel',
  'violin',
  'garden',
  'ferry',
  'library',
  'windmill',
] as const;
const SEED = 20_260_901;

/** A fact that is hidden in a text, and its number. */
interface Needle {
  /** Up to the number. */
  readonly beginning: Uint32Array;
  readonly number: Uint32Array;
  readonly end: Uint32Array;
}

/** Where a fact stands in the text before it is asked for, from 0 to 1, and which tokens are its answer. */
export interface HiddenNeedle {
  readonly at: number;
  /** Positions of the tokens of the answer. */
  readonly answer: { readonly from: number; readonly to: number };
}

export interface DepthText {
  /** All of a context. */
  readonly tokens: Uint32Array;
  /** Where the text begins whose loss is measured; it ends where the questions begin. */
  readonly window: { readonly from: number; readonly to: number };
  readonly needles: readonly HiddenNeedle[];
}

/** Positions whose loss is measured at each depth. */
const WINDOW_TOKENS = 256;

/**
 * A context of `depth` tokens: text in which facts are hidden at even distances, the same last part of it at every
 * depth, and sentences that begin as the facts do, whose numbers the model is to know. Each sentence stands in full, so
 * that one evaluation says for each whether its number would have been the greedy continuation.
 * @param text tokens of a text of one subject or many; its end is the part whose loss is measured
 * @returns how many tokens the text lacks, where it is too short
 */
export async function depthText(
  session: EngineSession,
  model: LoadedModel,
  text: Uint32Array,
  depth: number,
): Promise<DepthText | { readonly missing: number }> {
  const needles = await needlesOf(session);
  const bos = model.addsBos && model.bosToken !== null ? [model.bosToken] : [];
  const hidden = needles.map(({ beginning, number, end }) => [...beginning, ...number, ...end]);
  const taken = bos.length + 2 * hidden.flat().length + WINDOW_TOKENS;
  const filler = depth - taken;
  const missing = filler + WINDOW_TOKENS - text.length;
  if (missing > 0) return { missing };
  const windowAt = text.length - WINDOW_TOKENS;
  const before = text.subarray(windowAt - filler, windowAt);
  const tokens: number[] = [...bos];
  for (const [index, needle] of hidden.entries()) {
    // At 0, 1/8, 2/8 ... of the text.
    const [from, to] = [index, index + 1].map((place) => Math.floor((place * filler) / hidden.length));
    tokens.push(...needle, ...before.subarray(from, to));
  }
  const window = { from: tokens.length, to: tokens.length + WINDOW_TOKENS };
  tokens.push(...text.subarray(windowAt));
  const found: HiddenNeedle[] = [];
  // In another order than they were hidden in.
  for (const index of [...needles.keys()].sort((a, b) => ((a * 5) % 8) - ((b * 5) % 8))) {
    const needle = needles[index];
    if (needle === undefined) continue;
    tokens.push(...needle.beginning);
    const from = tokens.length;
    tokens.push(...needle.number, ...needle.end);
    found[index] = { at: index / needles.length, answer: { from, to: from + needle.number.length } };
  }
  return { tokens: Uint32Array.from(tokens), window, needles: found };
}

async function needlesOf(session: EngineSession): Promise<Needle[]> {
  const next = seededRandom(SEED);
  const end = await session.tokenize('.', false);
  const needles: Needle[] = [];
  for (const thing of THINGS) {
    const value = 10_000 + Math.floor(next() * 90_000);
    const beginning = await session.tokenize(`\nThe secret number of the ${thing} is`, false);
    needles.push({ beginning, number: await session.tokenize(` ${value}`, false), end });
  }
  return needles;
}
